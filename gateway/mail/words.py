"""Decodes RFC 2047 encoded words, also broken in the ways in which mailers break them. What cannot be read stays."""

from __future__ import annotations

import binascii
import re
from typing import Final, NamedTuple

from gateway.mail import charset

# Deviations from RFC 2047 §2: blanks inside Q words, and words glued to other text, are read, because people see them.
# The charset may carry a language, RFC 2231 §5. Each class is bounded by "?", so the pattern is linear.
_WORD: Final = re.compile(r"=\?([^?*\s]{1,64})(?:\*[^?\s]{0,64})?\?([QqBb])\?([^?\r\n]*(?:\?(?!=)[^?\r\n]*){0,200})\?=")
_ONLY_SPACE: Final = re.compile(r"[ \t\r\n]*")
_NOT_BASE64: Final = re.compile(rb"[^A-Za-z0-9+/]")
_QUOTED: Final = re.compile(rb"=([0-9A-Fa-f]{2})")


class _Word(NamedTuple):
    """One encoded word: its charset, its octets, its text if it is in base64, and how it stands there."""

    charset: str
    octets: bytes
    base64: bytes | None
    literal: str


def decode(value: str) -> str:
    """Return `value` with its encoded words decoded; words that cannot be decoded stay as they are. Total."""
    if "=?" not in value:
        return value
    out: list[str] = []
    pending: list[_Word] = []  # neighbours
    at = 0
    for match in _WORD.finditer(value):
        between = value[at : match.start()]
        # RFC 2047 §6.2: white space between two encoded words is not shown
        if pending and not _ONLY_SPACE.fullmatch(between):
            out.append(_flush(pending))
            pending = []
        if not pending:
            out.append(between)
        pending.append(_word(match))
        at = match.end()
    if pending:
        out.append(_flush(pending))
    out.append(value[at:])
    return "".join(out)


def _word(match: re.Match[str]) -> _Word:
    raw = match[3].encode("utf-8", "surrogateescape")
    name = match[1].lower()
    if match[2] in "Qq":
        octets = _QUOTED.sub(lambda code: bytes((int(code[1], 16),)), raw.replace(b"_", b" "))
        return _Word(name, octets, None, match[0])
    clean = _NOT_BASE64.sub(b"", raw)
    padding = b"=" * (-len(clean) % 4) if b"=" in raw else b""  # a word with its padding is whole
    return _Word(name, _base64(clean), clean + padding, match[0])


def _base64(clean: bytes) -> bytes:
    if len(clean) % 4 == 1:  # one character holds no octet
        clean = clean[:-1]
    return binascii.a2b_base64(clean + b"=" * (-len(clean) % 4))


def _flush(pending: list[_Word]) -> str:
    """Decode neighbouring words: each alone, or a run of one charset joined where a mailer cut a character in two."""
    out: list[str] = []
    at = alone_until = 0
    while at < len(pending):
        word = pending[at]
        text = charset.decode_word(word.octets, word.charset)
        end = at + 1
        if at >= alone_until and (text is None or not _returned(word)):
            # Deviation: RFC 2047 §5 (3) wants whole characters in each word; mailers cut them at any octet
            while end < len(pending) and pending[end].charset == word.charset:
                end += 1
            joined = charset.decode_word(_joined(pending[at:end]), word.charset)
            if joined is None:
                alone_until, end = end, at + 1
            else:
                text = joined
        out.append(word.literal if text is None else text)
        at = end
    return "".join(out)


def _joined(run: list[_Word]) -> bytes:
    codes = [word.base64 for word in run if word.base64 is not None]
    cut = any(len(code) % 4 for code in codes[:-1]) and not any(b"=" in code for code in codes[:-1])
    if cut and len(codes) == len(run):  # inside four characters of code
        return _base64(b"".join(codes).rstrip(b"="))
    return b"".join([word.octets for word in run])


def _returned(word: _Word) -> bool:
    """Tell whether an ISO-2022 word returned to ASCII at its end; other charsets keep no state."""
    return not word.charset.startswith("iso-2022") or word.octets.rfind(b"\x1b(") >= word.octets.rfind(b"\x1b$")
