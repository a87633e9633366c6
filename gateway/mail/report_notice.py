"""Reads notices of mail systems that write no standard report: who could not be reached, with what status, and why.

General grammar instead of a reader for each program: an address that stands first on its line, or behind a word like
"recipient", in the part above the returned mail. Linear; the caller has checked that a robot wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import unescape
from typing import Final

from gateway.mail import report_wording as wording
from gateway.mail.report_fields import (
    ADDRESS,
    DIAGNOSTIC,
    REPLY_CODE,
    STATUS,
    clean_address,
)
from gateway.model import Action, ReportedRecipient

_TEXT: Final = 64 << 10  # characters of a notice that are read
_LINES: Final = 1_500
_LINE: Final = 1_000  # characters
_RECIPIENTS: Final = 100
_REACH: Final = 12  # lines below a recipient in which its reason stands
_HEADER_FIELD: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{1,40}:(?: |\t|$)")
_HEADER_RUN: Final = 3  # lines like header fields, one below another: the returned mail begins
_CERTAIN_FIELDS: Final = ("received:", "return-path:", "message-id:", "mime-version:", "dkim-signature:")


@dataclass(slots=True)
class _Candidate:
    address: str
    rank: int  # of report_wording
    line: int
    reason: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Notice:
    """The lines of a notice above the returned mail, and the text of the returned mail below them."""

    lines: tuple[str, ...]
    returned: str


def split_notice(text: str) -> Notice:
    """Part a notice from the returned mail below it: at a known separator or where a header block begins."""
    raw = text[:_TEXT].replace("\r\n", "\n").replace("\r", "\n").split("\n")[:_LINES]
    lines = [line[:_LINE].rstrip() for line in raw]
    run, certain = 0, False
    for index, line in enumerate(lines):
        if wording.is_separator(line):
            return Notice(tuple(lines[:index]), "\n".join(lines[index + 1 :]))
        if _HEADER_FIELD.match(line):
            run, certain = run + 1, certain or line.casefold().startswith(_CERTAIN_FIELDS)
        elif run and line[:1] in {" ", "\t"} and line.strip():
            run += 1
        else:
            run, certain = 0, False
        if certain and run >= _HEADER_RUN:
            return Notice(tuple(lines[: index - run + 1]), "\n".join(lines[index - run + 1 :]))
    return Notice(tuple(lines), "")


def read_notice(
    lines: Sequence[str], ignored: Iterable[str], known: Sequence[str] = (), *, at_least: int = wording.SPOKEN
) -> tuple[ReportedRecipient, ...]:
    """Return the recipients that a notice names. `ignored`: the addresses of the mail system and of the first sender.

    `known`: recipients that fields of the mail name; then the text only adds the reason.
    """
    text = "\n".join(lines).casefold()
    delayed = wording.is_delay(text)
    found = _candidates(lines, {item.casefold() for item in ignored})
    if known:
        wanted = [_named(address, found) for address in known]
    else:
        best = max((item.rank for item in found), default=0)
        wanted = [item for item in found if item.rank >= min(best, wording.KEYWORD) >= at_least]
        announced = any(wording.announces(line) for line in lines)
        if not (announced or delayed or wording.is_failure(text) or STATUS.search(text)):
            wanted = []
    wanted = wanted[:_RECIPIENTS]
    _explain(lines, wanted)
    return tuple(_report(item, delayed=delayed, whole=text) for item in wanted)


def below_header(returned: str) -> list[str]:
    """Return the lines of a returned mail without its header: some systems write their notice below it."""
    _header, _blank, rest = returned.partition("\n\n")
    return rest.split("\n")[:_LINES]


def unnamed(lines: Sequence[str], addresses: Sequence[str]) -> tuple[ReportedRecipient, ...]:
    """Return `addresses` (of the returned mail) as recipients, if a notice that names nobody speaks of failure."""
    text = "\n".join(lines).casefold()
    delayed = wording.is_delay(text)
    if not addresses or not (delayed or wording.is_failure(text)):
        return ()
    reason = [line.strip() for line in lines if line.strip()]
    coded = [line for line in reason if _has_code([line])][:_CODED] or reason[:_CODED]
    return tuple(
        _report(_Candidate(address, 1, 0, coded), delayed=delayed, whole=text) for address in addresses[:_RECIPIENTS]
    )


def plain(html: str) -> str:
    """Return the text of a notice in HTML: lines and words, nothing more."""
    text = _TAG.sub("", _BREAK.sub("\n", _SILENT.sub("", html[: 4 * _TEXT])))
    return unescape(text).replace("\u00a0", " ")


_CODED: Final = 3  # lines of a reason
_BREAK: Final = re.compile(r"<(?:br|/?p|/?div|/?tr|/?table|/?li|/?h[1-6]|/?pre|hr)\b[^<>]{0,2000}>", re.IGNORECASE)
_SILENT: Final = re.compile(r"<style\b[^<]{0,20000}</style>|<!--[^<>]{0,5000}-->|[\r\n]+", re.IGNORECASE)
_TAG: Final = re.compile(r"</?[A-Za-z][^<>@]{0,2000}>")


def _named(address: str, found: Sequence[_Candidate]) -> _Candidate:
    same = next((item for item in found if item.address.casefold() == address.casefold()), None)
    return _Candidate(address, wording.FIRST, same.line if same else 0)


# --- who ---------------------------------------------------------------------------------------------------------


def _candidates(lines: Sequence[str], skip: set[str]) -> list[_Candidate]:
    found: dict[str, _Candidate] = {}
    above = ""
    text_at = -1
    announced = len(lines)
    for number, line in enumerate(lines):
        if not line.strip():
            continue
        if announced == len(lines) and wording.announces(line):
            announced = number
        for match in ADDRESS.finditer(line):
            address = clean_address(match[0])
            local, at, domain = address.partition("@")
            if not at or not local or "." not in domain or address.casefold() in skip:
                continue
            rank = wording.rank(line, match.start(), match.end(), above, adjacent=text_at == number - 1)
            known = found.get(address.casefold())
            if known is None and rank:
                found[address.casefold()] = _Candidate(address, rank, number)
            elif known is not None and rank > known.rank:
                known.rank, known.line = rank, number
        above, text_at = line, number
    below = [item for item in found.values() if item.line > announced]
    return below if any(item.rank == wording.FIRST for item in below) else list(found.values())


# --- why ---------------------------------------------------------------------------------------------------------


def _explain(lines: Sequence[str], wanted: Sequence[_Candidate]) -> None:
    """Give each recipient the lines up to the next one; a lone recipient may have its reason above it, too."""
    starts = sorted({item.line for item in wanted})
    for item in wanted:
        later = [line for line in starts if line > item.line]
        end = min([*later, item.line + _REACH, len(lines)])
        item.reason = [line.strip() for line in lines[item.line : end] if line.strip()]
    if len(wanted) == 1:
        item = wanted[0]
        if not _has_code(item.reason):
            item.reason += [line.strip() for line in lines if _has_code([line])][:_CODED]


def _has_code(lines: Iterable[str]) -> bool:
    return any(STATUS.search(line) or REPLY_CODE.search(line) for line in lines)


def _report(item: _Candidate, *, delayed: bool, whole: str) -> ReportedRecipient:
    reason = " ".join(" ".join(item.reason).split())
    match = STATUS.search(reason)
    code = match[1] if match else ""
    if delayed:
        return ReportedRecipient(item.address, Action.DELAYED, code, permanent=False, diagnostic=_cut(reason))
    return ReportedRecipient(item.address, Action.FAILED, code, _permanent(code, reason, whole), _cut(reason))


def _permanent(code: str, reason: str, whole: str) -> bool:
    if code:
        return code.startswith("5")
    reply = REPLY_CODE.search(reason)
    if reply:
        return reply[1] == "5"
    return not wording.is_passing(reason.casefold()) and not (not reason and wording.is_passing(whole))


def _cut(reason: str) -> str:
    return reason[:DIAGNOSTIC]
