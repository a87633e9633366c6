"""Reads the field groups of reports (RFC 3464, 8098, 5965), also where mailers mis-split them. Pure, total, linear."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from gateway.mail import caps, headers
from gateway.mail.part import Part
from gateway.model import Action, Field, ReportedRecipient

RECIPIENTS: Final = 1_000  # recipients of one report
DIAGNOSTIC: Final = 500  # characters of a diagnostic that are kept
_CONTENT: Final = 256 << 10  # octets of a report part that are read

# RFC 3463 §2: class, subject, detail; not a piece of an IP address or a version
STATUS: Final = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d]|\.\d)")
# RFC 5321 §4.2: a reply code of the failing kind
REPLY_CODE: Final = re.compile(r"(?<![\d.#:/-])([45])\d\d(?=[ -]|$)")
# In running text an address ends where Chinese and Japanese go on without a space
ADDRESS: Final = re.compile(
    r"[A-Za-z0-9!#$%&*+/=?^_`{|}~.\u00a1-\u1fff-]{1,64}(?:'[A-Za-z0-9._-]{1,63})?@[A-Za-z0-9\u00a1-\u1fff]"
    r"(?:[A-Za-z0-9.\u00a1-\u1fff-]{0,251}[A-Za-z0-9\u00a1-\u1fff])?"
)
# In a field of its own it may be in any script, RFC 6531 §3.3
_ANY_ADDRESS: Final = re.compile(r"[^\s<>()\[\],;:\"'@\\\x00-\x1f\x7f]{1,64}@[^\W_](?:[\w.-]{0,251}[^\W_])?")
_EMBEDDED: Final = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")  # RFC 6533 §3: utf-8-addr-xtext
_REPLY_LEAD: Final = re.compile(r"[245]\d\d[- ]?['`]")  # "550-'user@example.org... No such user'"
_COMMENT: Final = re.compile(r"\([^()]{0,200}\)")

_ACTIONS: Final = {
    "fail": Action.FAILED,
    "delay": Action.DELAYED,
    "deliver": Action.DELIVERED,
    "relay": Action.RELAYED,
    "expand": Action.EXPANDED,
}


def groups(part: Part) -> tuple[tuple[Field, ...], ...]:
    """Return the field groups of a report part, whatever its encoding and line ends."""
    return headers.field_groups(part.content()[:_CONTENT])


def flat(part: Part) -> dict[str, str]:
    """Return the fields of a report part without its grouping; of a repeated field the first."""
    found: dict[str, str] = {}
    for group in groups(part):
        for item in group:
            found.setdefault(item.name, item.value.strip())
    return found


def address(value: str) -> str:
    """Return the address of a field like `rfc822; <user@example.org> (comment)`, or the empty string."""
    text = _COMMENT.sub(" ", value[: 4 * caps.ADDRESS])
    # RFC 3464 §2.3.2: address-type ";" generic-address; the type is often forgotten
    kind, semicolon, rest = text.partition(";")
    if semicolon and "@" not in kind:
        text = rest
        if kind.strip().casefold() == "utf-8":
            text = _EMBEDDED.sub(_character, text)
    match = _ANY_ADDRESS.search(text)
    return clean_address(match[0]) if match else ""


def _character(match: re.Match[str]) -> str:
    code = int(match[1], 16)
    return match[0] if code > sys.maxunicode or 0xD800 <= code < 0xE000 else chr(code)  # noqa: PLR2004 - surrogates


def clean_address(text: str) -> str:
    """Return an address found in running text without the marks that stood around it."""
    for lead in ("mailto:", "smtp:", "smtp=", "rfc822:", "to=", "to:"):
        if text.casefold().startswith(lead):
            text = text[len(lead) :]
    bare = _REPLY_LEAD.sub("", text).strip("'`*|=&").rstrip(".!?-")
    return bare if not bare.startswith("@") else text.rstrip(".!?-")  # carriers write ******@example.org


def status(text: str) -> str:
    """Return the first enhanced status code in `text`, or the empty string."""
    match = STATUS.search(text)
    return match[1] if match else ""


def action(text: str, code: str) -> Action:
    """Return the action that a field states, or else the one that the status code implies."""
    word = text.strip().casefold()
    for start, found in _ACTIONS.items():
        if word.startswith(start):
            return found
    return {"2": Action.DELIVERED, "4": Action.DELAYED}.get(code[:1], Action.FAILED)


def is_permanent(what: Action, code: str, diagnostic: str) -> bool:
    """Tell whether trying again is useless: failed, and a status (or else a reply code) of class 5."""
    if what is not Action.FAILED:
        return False
    if code:
        return code.startswith("5")
    stated = status(diagnostic)
    if stated:
        return stated.startswith("5")
    reply = REPLY_CODE.search(diagnostic)
    return reply is None or reply[1] == "5"


def diagnostic(value: str) -> str:
    """Return a diagnostic as one line of bounded length, without its type."""
    value = value[: caps.FIELD]
    kind, semicolon, rest = value.partition(";")
    text = rest if semicolon and " " not in kind.strip() else value
    return " ".join(text.split())[:DIAGNOSTIC]


def recipients(reports: Iterable[Sequence[Sequence[Field]]]) -> tuple[ReportedRecipient, ...]:
    """Return the recipients in the field groups of delivery-status parts, each once, in their order."""
    found: dict[tuple[str, Action], ReportedRecipient] = {}
    for report in reports:
        for record in _records(report):
            item = _recipient(record)
            if item is not None and len(found) < RECIPIENTS:
                found.setdefault((item.recipient.casefold(), item.action), item)
    return tuple(found.values())


_NAMES: Final = ("original-recipient", "final-recipient")
_VERDICTS: Final = ("action", "status")


def _records(found: Sequence[Sequence[Field]]) -> list[dict[str, str]]:
    """Sort fields into recipients. Groups count, but where one is torn or two are glued, the names decide."""
    records: list[dict[str, str]] = []
    current: dict[str, str] = {}
    for group in found:
        names = {item.name for item in group}
        if not names.isdisjoint(_NAMES) and not current.keys().isdisjoint(_VERDICTS):
            records.append(current)
            current = {}
        for item in group:
            if item.name in _NAMES and item.name in current:
                records.append(current)
                current = {}
            current.setdefault(item.name, item.value.strip())
    records.append(current)
    return [record for record in records if any(name in record for name in _NAMES)]


def _recipient(record: Mapping[str, str]) -> ReportedRecipient | None:
    # RFC 3464 §2.3.1: the original recipient is the one that was written to
    candidates = (record.get(name, "") for name in (*_NAMES, "x-actual-recipient", "diagnostic-code"))
    who = next((found for value in candidates if (found := address(value))), "")
    if not who:
        return None
    text = diagnostic(record.get("diagnostic-code", ""))
    code = status(record.get("status", "")) or ("" if record.get("status") else status(text))
    what = action(record.get("action", ""), code)
    return ReportedRecipient(who, what, code, is_permanent(what, code, text), text)
