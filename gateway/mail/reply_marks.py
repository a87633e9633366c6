"""Recognises the lines by which mail programs set off a quoted or a forwarded mail. Linear: every look is bounded."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from gateway.mail import reply_phrases as words
from gateway.mail.reply_lines import Line, MarkKind
from gateway.mail.reply_phrases import Role

WRAP: Final = 5  # lines over which "On DATE, NAME wrote:" may be wrapped
_ATTRIBUTION: Final = 400  # characters of such a line, unwrapped
_BLOCK: Final = 20  # lines of a header block
_CONTINUED: Final = 2  # lines over which one field of such a block goes on


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark on the lines [start, end). `sure`: it holds even if what follows is not set off by `>`."""

    kind: MarkKind
    start: int
    end: int
    sure: bool = True


def find_mark(lines: Sequence[Line], at: int) -> Mark | None:
    """Return the mark that begins at line `at` (which has no `>` before it), if any."""
    line = lines[at]
    if line.told is None and not line.may_mark:
        return _attribution(lines, at)
    if is_forward(line):
        return Mark(MarkKind.FORWARD, at, at + 1)
    if line.told is not None:
        same = at
        while same < len(lines) and lines[same].told is line.told:
            same += 1
        return Mark(line.told, at, same)
    if line.blank or not line.plain:
        return None
    if _is_original(line):
        return Mark(MarkKind.ORIGINAL, at, at + 1)
    if line.key is not None:
        end = _headers_end(lines, at)
        if end is not None:
            return Mark(MarkKind.ORIGINAL, at, end)
    return _attribution(lines, at)


# --- separators ---------------------------------------------------------------------------------------------------

_ORNAMENT: Final = "-_=~*\u2014\u2013<>[]#| .:"
_RULED: Final = ("--", "__", "==", "~~", "\u2014\u2014", "- ", "\u2013 ")
_SEPARATOR: Final = 200  # characters; no separator is longer


def is_forward(line: Line) -> bool:
    """Tell whether the line says that a forwarded mail follows (also inside a quote, as Apple Mail sets it)."""
    text = line.unquoted
    if not text or len(text) > _SEPARATOR:
        return False
    bare = text.strip(_ORNAMENT)
    if bare in words.FORWARDED:
        # The bare words in a sentence of its own are no separator: it takes a rule or a colon
        return text.startswith(_RULED) or text.endswith((":", "--"))
    # Notes: "----- Forwarded by NAME on DATE -----"
    return text.startswith("--") and bare.startswith(("forwarded by ", "weitergeleitet von ", "transféré par "))


def _is_original(line: Line) -> bool:
    text = line.plain[:_SEPARATOR]
    if any(phrase in text for phrase in words.REPLY_ABOVE):
        return len(line.plain) <= _SEPARATOR
    if not text.startswith(_RULED) and not text.endswith(_RULED):
        return False
    # A program that joined the lines leaves the header block behind the rule
    return text.strip(_ORNAMENT).partition("--")[0].strip(_ORNAMENT) in words.ORIGINAL


# --- header blocks ------------------------------------------------------------------------------------------------


def _headers_end(lines: Sequence[Line], at: int) -> int | None:
    """Return the line after a quoted header block, or None if the lines from `at` on are none.

    A customer may write "From: ...", "To: ..." too: only a block with sender, date and recipient or subject counts.
    """
    if lines[at].key is Role.OTHER:
        return None
    seen: dict[Role, Line] = {}
    end = at
    gap = False
    extra = 0
    for index in range(at, min(at + _BLOCK, len(lines))):
        line = lines[index]
        if line.blank:
            if gap:
                break
            gap = True
            continue
        role = line.key
        if role is None:
            # A long list of recipients goes on in the next line, but never after an empty one
            extra += 1
            if gap or extra > _CONTINUED:
                break
            continue
        seen.setdefault(role, line)
        end, gap, extra = index + 1, False, 0
    if Role.FROM not in seen or Role.DATE not in seen or not (Role.TO in seen or Role.SUBJECT in seen):
        return None
    sender, date = seen[Role.FROM].value, seen[Role.DATE].value
    if Role.SUBJECT not in seen and not _ADDRESS.search(sender) and not _TIME.search(date):
        return None  # a journey: "From: Berlin", "To: Munich", "Date: 3 April"
    if not sender or not any(char.isdigit() for char in date):
        return None
    return end


# --- "On DATE, NAME wrote:" ---------------------------------------------------------------------------------------

_WROTE: Final = re.compile(
    r"(?<!\w)(?:" + "|".join(re.escape(word) for word in sorted(words.WROTE, key=len, reverse=True)) + r")(?!\w)"
)
_WROTE_CJK: Final = re.compile("|".join(words.WROTE_CJK))
_TIME: Final = re.compile(r"(?<![\d.])\d{1,2}[:.h]\d{2}(?!\d|\.\d)")
_DATE: Final = re.compile(r"(?<!\d)(?:(?:19|20)\d\d(?!\d)|\d{1,2}[./-]\d{1,2}[./-]\d{2,4})")
_ADDRESS: Final = re.compile(r"[^\s<>@\"]@[^\s<>@\"]")
# Gmail in many languages: "2016-03-03 17:21 GMT+01:00 NAME <ADDRESS>:", also without what follows the name
_GMT: Final = re.compile(r"\d{4}-\d\d-\d\d \d{1,2}:\d\d gmt[+-]\d\d:\d\d \S")
# A date stands in front: "16 aug. 2014", "tue, 3 apr", "2017年2月5日", or a word of LEADS and then a digit
_DATE_FIRST: Final = re.compile(r"(?:[^\W\d]{1,14}\.?,? )?\d")
_LEAD: Final = re.compile(r"(?:" + "|".join(re.escape(word) for word in words.LEADS) + r")(?=[\s\d])")
_LEAD_REACH: Final = 30  # characters in which the first digit of the date stands
_BRACKET_ALONE: Final = re.compile(r"> ?\S{0,12}(?: \S{1,20})?:")

# How many words the pieces have at most; a sentence is longer.
_NAME: Final = 6  # "Jane Mary Doe"
_DATE_WORDS: Final = 12  # "Am Dienstag, 3. April 2012 um 16:19 Uhr"
_DATE_AND_NAME: Final = 16


class _Next(Enum):
    """What follows the line that may end an attribution."""

    QUOTE = 1
    BLANK = 2
    TEXT = 3


def _attribution(lines: Sequence[Line], at: int) -> Mark | None:
    """Return the attribution that begins at `at`. Where a text line precedes it in the same paragraph: the later."""
    found = _match_from(lines, at)
    if found is None:
        return None
    dated = _starts_dated(lines[at].plain)
    for later in range(at + 1, found[0]):
        plain = lines[later].plain
        if (_starts_dated(plain) or (not dated and plain[:1] not in "<>,(")) and _match_from(lines, later):
            return None  # it is found when the scan comes there
    return Mark(MarkKind.ATTRIBUTION, at, found[0], sure=found[1])


def _starts_dated(plain: str) -> bool:
    if _LEAD.match(plain) and any(char.isdigit() for char in plain[:_LEAD_REACH]):
        return True
    return _DATE_FIRST.match(plain) is not None


def _match_from(lines: Sequence[Line], at: int) -> tuple[int, bool] | None:
    window = lines[at : at + WRAP]
    if not any(line.closes for line in window) and not lines[at].raw[:4].isdecimal():
        return None
    joined = ""
    gap = gapped = False
    for index in range(at, min(at + WRAP, len(lines))):
        line = lines[index]
        if line.blank:
            if not joined or gapped:
                return None
            gap = gapped = True
            continue
        text = line.plain
        if not text or (gap and not text.startswith("<")):
            return None
        gap = False
        # Wrapped before the bracket ("NAME <a@example.org" / ">:"), or a quote already
        if joined and line.depth and not _BRACKET_ALONE.fullmatch(text):
            return None
        joined = f"{joined} {text}" if joined else text
        if len(joined) > _ATTRIBUTION:
            return None
        sure = _judge(joined, _next(lines, index + 1)) if line.closes or joined[:1].isdecimal() else None
        if sure is not None:
            return index + 1, sure
    return None


def _next(lines: Sequence[Line], at: int) -> _Next:
    for line in lines[at : at + 3]:
        if not line.blank:
            set_off = line.depth > 0 or line.initials or line.raw.lstrip().startswith("|")
            if set_off and not _BRACKET_ALONE.fullmatch(line.plain):
                return _Next.QUOTE
            break
    return _Next.BLANK if at >= len(lines) or lines[at].blank else _Next.TEXT


def _judge(text: str, follows: _Next) -> bool | None:
    """Return None if `text` is no attribution, else whether it is a sure one."""
    bare = text.strip("-*_ \u2014\u2013")
    colon = bare.endswith(":")
    body = bare.rstrip(": ")
    verb = _last_verb(body)
    if verb is not None and (colon or text.endswith("--")):
        sure = _judge_verb(body[: verb.start()].strip(" ,"), body[verb.end() :].strip(" ,"), body)
        if sure is not None:
            return sure
    address = _ADDRESS.search(body) is not None
    if _starts_dated(body) and address and body.endswith((">", ")", "]")) and _DATE.search(body):
        if colon and _TIME.search(body):
            return True  # Yandex, Mail.ru: date, name, address, and no verb
        return False if follows is _Next.QUOTE else None
    if _GMT.match(body) and len(body.split()) <= _NAME + 3:
        return True if colon or follows is not _Next.TEXT else None
    timed = address and _TIME.search(body) is not None and len(body.split()) <= _DATE_AND_NAME
    if colon and body.startswith(words.QUOTING) and (timed or len(body.split()) <= _NAME + 2):
        return address
    # In a language of no table: an address, a time, a colon, and a quote below
    return False if colon and timed and follows is _Next.QUOTE else None


def _last_verb(body: str) -> re.Match[str] | None:
    found = None
    for match in _WROTE.finditer(body):
        found = match
    return found or _WROTE_CJK.search(body)


def _judge_verb(before: str, after: str, body: str) -> bool | None:
    lead = _starts_dated(before)
    address = _ADDRESS.search(body) is not None
    if not _ends_well(before, after, lead=lead) or not (before or address):
        return None
    if (address and len(before.split()) <= _DATE_AND_NAME) or (_TIME.search(body) and _DATE.search(body)):
        return True
    return False if lead or len(before.split()) <= _NAME else None


def _ends_well(before: str, after: str, *, lead: bool) -> bool:
    """Tell whether what follows the verb is nothing, an address, a date, or a name where the verb comes early."""
    if not after or after in words.AFTER_WROTE or after.endswith((">", ")")):
        return True
    if _starts_dated(after):
        return True  # "schrieb am Fr., 28. Apr. 2017 um 11:53 Uhr"
    early = lead and len(before.split()) <= _DATE_WORDS
    return early and len(after.split()) <= _NAME and not re.search(r"[.!?;] ", after)
