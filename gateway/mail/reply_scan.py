"""Says of every line of a body whose it is: the author's, a quote, a mark, or (later) a signature. One pass, linear."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import groupby
from typing import Final

from gateway.mail import reply_signature
from gateway.mail.reply_lines import Line, Lines, MarkKind
from gateway.mail.reply_marks import WRAP, Mark, find_mark, is_forward

_PYTHON_PROMPT: Final = 3  # ">>> " with no "> " beside it is a prompt, not a quote in a quote
_NEAR: Final = 4  # lines around a mark that are looked at


class Is(Enum):
    """Whose line it is."""

    TEXT = 1
    QUOTE = 2
    MARK = 3  # "On DATE, NAME wrote:"
    SIGNATURE = 4


def _candidates(lines: Lines) -> list[int]:
    """Return the lines at which a mark or a quote may begin: what is remarkable, and what an attribution may end."""
    found = set(remarkable := lines.remarkable())
    for at in remarkable:
        if lines[at].closes:
            found.update(range(max(0, at - WRAP + 1), at))
    return sorted(found)


class Scan:
    """The lines up to the mark that ends the author's part, and what each of them is.

    `content` is the line from which a forwarded mail follows, `ended` tells that a quote without `>` follows instead.
    """

    def __init__(self, lines: Lines, *, forwarded: bool) -> None:
        self.seen: list[Is] = []
        self.content: int | None = None
        self.ended = False
        self._lines = lines
        self._forwarded = forwarded
        self._written = False  # something of the author's stands above
        for at in _candidates(lines):
            if at >= len(self.seen):
                self._text(at)
                self._step(at)
            if self.ended or self.content is not None:
                return
        self._text(len(lines))

    def _text(self, until: int) -> None:
        """Take the lines before one as the author's."""
        self._written = self._written or False in self._lines.blank[len(self.seen) : until]
        self.seen += [Is.TEXT] * (until - len(self.seen))

    def _step(self, at: int) -> None:
        line = self._lines[at]
        if line.depth or (line.initials and self._is_supercite(at)):
            self._quote(at)
            return
        mark = find_mark(self._lines, at)
        if mark is None:
            self._text(at + 1)
        elif mark.kind is MarkKind.FORWARD or (mark.kind is MarkKind.ORIGINAL and self._forwarded):
            self.content = at
        elif mark.kind is MarkKind.SIGNATURE:
            self._take(mark.end, Is.SIGNATURE)
        elif mark.kind is MarkKind.ORIGINAL:
            self._original(mark)
        else:
            self._attribution(mark)

    def _take(self, until: int, is_: Is) -> None:
        self.seen += [is_] * (until - len(self.seen))
        self._written = self._written or is_ is Is.TEXT

    # --- marks ---------------------------------------------------------------------------------------------------

    def _original(self, mark: Mark) -> None:
        if not self._written:
            # Nothing of the author's stands above: a pasted or forwarded mail, or an answer below the original
            self._take(len(self._lines), Is.TEXT)
        elif self._introduced(mark.start):
            self._take(mark.end, Is.TEXT)
        else:
            self.ended = True

    def _introduced(self, at: int) -> bool:
        """Tell whether the author announces a pasted mail: "This is what I got:"."""
        above = next((line for line in reversed(self._lines[max(0, at - _NEAR) : at]) if not line.blank), None)
        return above is not None and above.plain.endswith(":") and not above.plain.startswith("--")

    def _attribution(self, mark: Mark) -> None:
        below = next((line for line in self._lines[mark.end : mark.end + _NEAR] if not line.blank), None)
        set_off = below is None or below.depth > 0 or below.initials
        if set_off or (mark.sure and not self._written):
            self._take(mark.end, Is.MARK)
        elif mark.sure or (below is not None and below.raw.lstrip().startswith("|")):
            self.ended = True
        else:
            self._take(mark.end, Is.TEXT)  # a sentence that ends in "wrote:"

    # --- quotes --------------------------------------------------------------------------------------------------

    def _quote(self, at: int) -> None:
        end = at
        for index in range(at, len(self._lines)):
            line = self._lines[index]
            if line.depth or line.initials:
                end = index + 1
            elif not line.blank:
                break
        if self._is_forward(at, end):
            self.content = at
        else:
            self._take(end, Is.QUOTE if self._is_quote(at, end) else Is.TEXT)

    def _is_forward(self, at: int, end: int) -> bool:
        """Tell whether the quoted run is a forwarded mail: Apple Mail sets `>` before it, too."""
        if Is.MARK in self.seen[-_NEAR:]:
            return False
        first = next((line for line in self._lines[at : min(end, at + _NEAR)] if line.unquoted), None)
        return first is not None and is_forward(first)

    def _is_quote(self, at: int, end: int) -> bool:
        depths = {line.depth for line in self._lines[at:end]} - {0}
        return depths != {_PYTHON_PROMPT}

    def _is_supercite(self, at: int) -> bool:
        """Tell whether "JD> text" is a quote: its like follows, or an attribution stands above."""
        if at + 1 < len(self._lines) and self._lines[at + 1].initials:
            return True
        recent = range(max(0, at - _NEAR), at)
        above = next((self.seen[index] for index in reversed(recent) if not self._lines[index].blank), None)
        return above in {Is.MARK, Is.QUOTE}


@dataclass(frozen=True, slots=True)
class Parts:
    """Line numbers of what the author newly wrote and of the signature, in order.

    `quoted`: something was cut away. `ended`: nothing below the lines that were looked at is the author's.
    """

    kept: tuple[int, ...]
    signature: tuple[int, ...]
    quoted: bool
    ended: bool = False


def sort_lines(body: Sequence[Line], *, forwarded: bool = False) -> Parts:
    """Sort the lines of a body. If nothing of the author's is found, all lines are kept: a person is never silenced."""
    lines = Lines.of(body)
    scan = Scan(lines, forwarded=forwarded)
    seen = scan.seen
    _mark_signatures(lines, seen)
    kept = _own(lines, seen)
    if scan.ended and kept and reply_signature.titled_rule(lines[kept[-1]]):
        kept = kept[:-1]  # "----- words in a language we do not know -----" above a header block
    if scan.content is not None:
        kept += range(kept[-1] + 1 if kept and _unsigned(seen, kept[-1]) else scan.content, len(lines))
    kept = _trim(lines, kept)
    if not kept:
        return Parts(tuple(_trim(lines, range(len(lines)))), (), quoted=False)
    signature = _first_run(lines, seen)
    while signature and (lines.blank[signature[0]] or reply_signature.ornament(lines[signature[0]])):
        signature.pop(0)
    return Parts(tuple(kept), tuple(_trim(lines, signature)), scan.ended or Is.QUOTE in seen, scan.ended)


def _first_run(lines: Lines, seen: Sequence[Is]) -> list[int]:
    """Return the first signature: the author's own, where a gateway's footer stands below the quote."""
    run: list[int] = []
    start = seen.index(Is.SIGNATURE) if Is.SIGNATURE in seen else len(seen)
    for index, is_ in enumerate(seen[start:], start):
        if is_ is Is.SIGNATURE:
            run.append(index)
        elif not lines.blank[index]:
            break
    return run


def _unsigned(seen: Sequence[Is], last: int) -> bool:
    return all(is_ is Is.TEXT for is_ in seen[last:])


def _mark_signatures(lines: Lines, seen: list[Is]) -> None:
    end = 0
    for is_, run in groupby(list(seen)):
        start, end = end, end + len(list(run))
        if is_ is Is.TEXT:
            after_quote = Is.QUOTE in seen[max(0, start - _NEAR) : start]
            begin = start + reply_signature.split(lines[start:end], after_quote=after_quote)
            seen[begin:end] = [Is.SIGNATURE] * (end - begin)


def _own(lines: Lines, seen: list[Is]) -> list[int]:
    text, quote = Is.TEXT, Is.QUOTE
    if seen.count(text) == len(seen):
        return _trim(lines, range(len(seen)))
    own = [at for at, (is_, blank) in enumerate(zip(seen, lines.blank, strict=False)) if is_ is text and not blank]
    if not own:
        return []
    first, last = own[0], own[-1]
    # One quote and one answer below it: the answer alone. Answers between quotes keep what they answer.
    start = first if Is.MARK in seen[:first] and quote not in seen[first:last] else 0
    return _trim(lines, [at for at in range(start, last + 1) if (is_ := seen[at]) is text or is_ is quote])


def _trim(lines: Lines, numbers: Sequence[int]) -> list[int]:
    """Drop empty lines around, and rules and trackers' signs below."""
    start, end = 0, len(numbers)
    while start < end and lines.blank[numbers[start]]:
        start += 1
    while end > start and (lines.blank[numbers[end - 1]] or reply_signature.ornament(lines[numbers[end - 1]])):
        end -= 1
    return list(numbers[start:end])
