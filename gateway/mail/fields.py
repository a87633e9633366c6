"""Reads what the header of a mail says of it: who wrote to whom, when, about what, and in answer to what."""

from __future__ import annotations

import re
from email.utils import getaddresses
from typing import Final

from gateway.mail import address, caps, words
from gateway.model import Field, Mailbox

SUBJECT: Final = 1_000  # characters that are kept
_IDS: Final = re.compile(r"<([^<>]{1,2000})>")
_BLANKS: Final = re.compile(r"\s+")
_UNSEEN: Final = re.compile("[\x00-\x20\x7f-\xa0\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+")
_ONCE: Final = ("from", "sender", "subject", "date", "message-id", "reply-to", "to", "cc", "in-reply-to", "references")
# The one address in `Jane Doe jane@example.org`, `<<jane@example.org>>`, `<mailto:jane@example.org>`
_LOOSE: Final = re.compile(
    r"(?<![^\s<>()\[\],;:\"'@\\])[^\s<>()\[\],;:\"'@\\]{1,64}@[^\s<>()\[\],;:\"'@\\]{1,254}(?![^\s<>()\[\],;:\"'@\\])"
)
# What every reader takes for the same address: no need to ask a second one
_PLAIN_FROM: Final = re.compile(r'(?:"[^"\\@<>(),;:]*"\s*|[\w.=?+/ -]*)<[\w.+=-]+@[\w.-]+>|[\w.+=-]+@[\w.-]+', re.ASCII)


def repeated(fields: tuple[Field, ...]) -> list[str]:
    """Return a defect for each field that may stand once (RFC 5322 §3.6) and stands more often. The first counts."""
    seen: set[str] = set()
    twice: dict[str, None] = {}
    for item in fields:
        if item.name in seen:
            if item.name in _ONCE:
                twice[f"header.repeated:{item.name}"] = None
        else:
            seen.add(item.name)
    return list(twice)


def subject(value: str) -> str:
    """Return the subject as one line of text."""
    return address.header_safe(words.decode(value), SUBJECT)


def from_mailboxes(value: str) -> tuple[tuple[Mailbox, ...], str]:
    """Return the mailboxes of From and a defect ("" if there is none).

    Where the standard library reads other addresses out of the same text, other programs will, too: then it names
    nobody.
    """
    if not value.strip():
        return (), "from.missing"
    boxes = address.parse_mailboxes(value)
    if not boxes:
        box = _only_address(value)
        return ((), "from.unparsable") if box is None else ((box,), "from.loose")
    if _PLAIN_FROM.fullmatch(value.strip()):
        return boxes, ""
    try:
        others = {found for _, found in getaddresses([value]) if "@" in found}
    except Exception:  # RecursionError among others: it did not understand it at all
        return (), "from.ambiguous"
    ours = {box.address for box in boxes}
    # It leaves comments inside an address out, and blanks in; both are the same address to us
    if {_BLANKS.sub("", other).lower() for other in others} != {_BLANKS.sub("", own).lower() for own in ours}:
        return (), "from.ambiguous"
    return boxes, ""


def _only_address(value: str) -> Mailbox | None:
    """Return the address of a field that breaks the grammar, if there is but one in it that anybody could mean."""
    match = _LOOSE.search(value) if value.count("@") == 1 else None
    if match is None:
        return None
    found, before, behind = match[0].rstrip("."), value[: match.start()], value[match.end() :].strip()
    if not address.is_valid(found) or ("<" in before and behind[:1] not in {"", ">"}):
        return None
    name = address.header_safe(words.decode(before.strip().removesuffix("mailto:")), caps.FIELD)
    return Mailbox(name.strip(" <>([\"'"), found)


def message_id(value: str) -> str:
    """Return a message id without its angle brackets, or the empty string."""
    match = _IDS.search(value)
    # Deviation: RFC 5322 §3.6.4 wants angle brackets; an id without them is used as it stands
    found = match[1] if match else value.partition(" ")[0].strip("<> \t")
    return _UNSEEN.sub("", found)[: caps.MESSAGE_ID]


def message_ids(value: str) -> tuple[str, ...]:
    """Return the message ids that a field names, in its order, each once."""
    found = _IDS.findall(value)
    if not found:
        found = [token for token in value.split() if "@" in token]
    ids = (_UNSEEN.sub("", item)[: caps.MESSAGE_ID] for item in found)
    return tuple(dict.fromkeys(item for item in ids if item))


def references(value: str) -> tuple[str, ...]:
    """Return the newest message ids of References, newest first."""
    return tuple(reversed(message_ids(value)))[: caps.REFERENCES]
