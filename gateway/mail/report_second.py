"""The second reader of non-standard bounces: flufl.bounce, under our caps. Total: what it raises is no opinion."""

from __future__ import annotations

import logging
from email import message_from_bytes, policy
from typing import Final

from flufl.bounce import all_failures

from gateway.mail import caps
from gateway.mail.part import Part
from gateway.mail.report_fields import ADDRESS, clean_address, is_permanent
from gateway.model import Action, ReportedRecipient

_OCTETS: Final = 64 << 10  # of a mail that are shown to it: notices stand at the top
_LINES: Final = 1_500
_RECIPIENTS: Final = 100
_LINE: Final = 1_000  # octets; its patterns look for many things in each line

# It logs every detector that it tries, and every exception with its traceback
logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL + 1)


def second_opinion(root: Part) -> tuple[ReportedRecipient, ...]:
    """Return the recipients that flufl.bounce finds in a mail, without status or reason."""
    if root.depth:
        return ()
    octets = root.octets[:_OCTETS]
    try:
        message = message_from_bytes(_short_lines(octets), policy=policy.compat32)
        if _too_wide(message):
            return ()
        temporary, permanent = all_failures(message)
    except Exception:  # it was written for mails that somebody sent, not for those that somebody invented
        return ()
    found = [
        *((address, Action.FAILED) for address in sorted(permanent)),
        *((address, Action.DELAYED) for address in sorted(temporary)),
    ]
    return tuple(
        ReportedRecipient(address, action, "", is_permanent(action, "", ""))
        for item, action in found[:_RECIPIENTS]
        if (address := _address(item))
    )


def _short_lines(octets: bytes) -> bytes:
    return b"\n".join(line[:_LINE] for line in octets.replace(b"\r\n", b"\n").split(b"\n", _LINES)[:_LINES])


def _too_wide(message: object) -> bool:
    """Walk with a stack of our own before the other reader walks with Python's."""
    stack: list[tuple[object, int]] = [(message, 0)]
    seen = 0
    while stack:
        node, depth = stack.pop()
        seen += 1
        if seen > caps.PARTS or depth > caps.DEPTH:
            return True
        payload = getattr(node, "get_payload", lambda: None)()
        if isinstance(payload, list):
            stack += [(child, depth + 1) for child in payload]
    return False


def _address(item: object) -> str:
    text = item.decode("ascii", "replace") if isinstance(item, bytes) else str(item)
    match = ADDRESS.search(text[: 2 * caps.ADDRESS])
    return clean_address(match[0]) if match else ""
