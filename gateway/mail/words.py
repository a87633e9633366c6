"""Decodes RFC 2047 encoded words, also broken in the ways in which mailers break them. What cannot be read stays."""

from __future__ import annotations

import binascii
import re
from typing import Final

from gateway.mail import charset

# Deviations from RFC 2047 §2: blanks inside Q words, and words glued to other text, are read, because people see them.
# The charset may carry a language, RFC 2231 §5. Each class is bounded by "?", so the pattern is linear.
_WORD: Final = re.compile(r"=\?([^?*\s]{1,64})(?:\*[^?\s]{0,64})?\?([QqBb])\?([^?\r\n]*(?:\?(?!=)[^?\r\n]*){0,200})\?=")
_ONLY_SPACE: Final = re.compile(r"[ \t\r\n]*")
_NOT_BASE64: Final = re.compile(rb"[^A-Za-z0-9+/]")
_QUOTED: Final = re.compile(rb"=([0-9A-Fa-f]{2})")


def decode(value: str) -> str:
    """Return `value` with its encoded words decoded; words that cannot be decoded stay as they are. Total."""
    if "=?" not in value:
        return value
    out: list[str] = []
    pending: list[tuple[str, bytes, str]] = []  # neighbouring words: charset, octets, literal
    at = 0
    for match in _WORD.finditer(value):
        between = value[at : match.start()]
        # RFC 2047 §6.2: white space between two encoded words is not shown
        if pending and not _ONLY_SPACE.fullmatch(between):
            out.append(_flush(pending))
            pending = []
        if not pending:
            out.append(between)
        octets = _octets(match[2], match[3])
        pending.append((match[1].lower(), octets, match[0]))
        at = match.end()
    if pending:
        out.append(_flush(pending))
    out.append(value[at:])
    return "".join(out)


def _octets(encoding: str, text: str) -> bytes:
    raw = text.encode("utf-8", "surrogateescape")
    if encoding in "Qq":
        return _QUOTED.sub(lambda match: bytes((int(match[1], 16),)), raw.replace(b"_", b" "))
    clean = _NOT_BASE64.sub(b"", raw)
    spare = len(clean) % 4
    if spare == 1:  # one character holds no octet
        clean = clean[:-1]
        spare = 0
    return binascii.a2b_base64(clean + b"=" * (-spare % 4))


def _flush(pending: list[tuple[str, bytes, str]]) -> str:
    """Decode neighbouring words: each alone, or a run of one charset joined where a mailer cut a character in two."""
    out: list[str] = []
    at = alone_until = 0
    while at < len(pending):
        name, octets, literal = pending[at]
        text = charset.decode_word(octets, name)
        end = at + 1
        if at >= alone_until and (text is None or not _returned(octets, name)):
            # Deviation: RFC 2047 §5 (3) wants whole characters in each word; mailers cut them at any octet
            while end < len(pending) and pending[end][0] == name:
                end += 1
            joined = charset.decode_word(b"".join([piece[1] for piece in pending[at:end]]), name)
            if joined is None:
                alone_until, end = end, at + 1
            else:
                text = joined
        out.append(literal if text is None else text)
        at = end
    return "".join(out)


def _returned(octets: bytes, name: str) -> bool:
    """Tell whether an ISO-2022 word returned to ASCII at its end; other charsets keep no state."""
    return not name.startswith("iso-2022") or octets.rfind(b"\x1b(") >= octets.rfind(b"\x1b$")
