"""Finds the METHOD of a calendar part (RFC 5546 §1.4). From iCalendar nothing else is read here."""

from __future__ import annotations

import re
from typing import Final

from gateway.mail.part import Part

_METHOD: Final = re.compile(
    rb"^METHOD(?:;[^:\r\n]{0,200})?:[ \t]*([A-Za-z-]{1,40})[ \t]*\r?$", re.MULTILINE | re.IGNORECASE
)
_WITHIN: Final = 64 << 10
_TYPES: Final = frozenset({"text/calendar", "application/ics", "text/x-vcalendar"})


def method(root: Part) -> str:
    """Return the method of the first calendar part in capitals ("REPLY", "REQUEST", ...), or the empty string."""
    for part in root.leaves():
        if part.content_type not in _TYPES:
            continue
        declared = part.params.get("method", "").strip().upper()
        match = _METHOD.search(part.content()[:_WITHIN])
        found = match[1].decode("ascii").upper() if match else declared
        if found:
            return found
    return ""
