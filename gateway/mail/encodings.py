"""Undoes transfer encodings. Total: what is damaged gives what can be read of it, and a defect by name."""

from __future__ import annotations

import binascii
import re
from typing import Final

import pybase64

# Letters and digits only: mailers write "8-bit", "quoted printable", "base_64"
_IDENTITY: Final = frozenset({"", "7bit", "8bit", "7bits", "8bits", "binary", "none", "plain", "identity"})
_BASE64: Final = frozenset({"base64", "b64", "xbase64"})
_QUOTED: Final = frozenset({"quotedprintable", "qp"})
_UU: Final = frozenset({"xuuencode", "uuencode", "xuue", "uue", "xuu"})
_SIGNS: Final = re.compile(r"[^a-z0-9]+")

_SAMPLE: Final = 1_000  # octets by which code is told from text
_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NOT_ALPHABET: Final = bytes(code for code in range(256) if code not in _ALPHABET)


def decode(body: bytes, encoding: str) -> tuple[bytes, list[str]]:
    """Return the decoded body and defects by name. An unknown encoding leaves the body as it is (RFC 2045 §6.4)."""
    encoding = _SIGNS.sub("", encoding)
    if encoding in _IDENTITY:
        return body, []
    if encoding in _BASE64:
        return _base64(body)
    if encoding in _QUOTED:
        return _quoted_printable(body), []
    if encoding in _UU:
        return _uu(body)
    return body, ["encoding.unknown"]


def _quoted_printable(body: bytes) -> bytes:
    # RFC 2045 §6.7 (3): blanks at the end of a line were added on the way
    if b" \r\n" in body or b"\t\r\n" in body:
        body = b"\r\n".join([line.rstrip(b" \t") for line in body.split(b"\r\n")])
    return binascii.a2b_qp(body)


def _base64(body: bytes) -> tuple[bytes, list[str]]:
    if _is_text(body[:_SAMPLE]):
        return body, ["base64.is-none"]
    padding = body.find(b"=")
    if padding < 0 or not body[padding:].strip(b"\r\n\t ="):
        try:
            return pybase64.b64decode(body), []
        except binascii.Error:
            clean = body.translate(None, _NOT_ALPHABET)
            return _run(clean), ["base64.damaged" if len(clean) % 4 == 1 else "base64.unpadded"]
    # Padding inside: several encoded pieces in a row, or text that a list server put under the code
    out: list[bytes] = []
    for piece in re.split(rb"=+", body):
        run = piece.translate(None, b"\r\n\t ")
        if run.translate(None, _ALPHABET):
            if not out:
                out.append(_run(piece))
            break
        out.append(_run(run))
    return b"".join(out), ["base64.padding-inside"]


def _is_text(sample: bytes) -> bool:
    """Tell whether this is plain text under a false label: words between blanks, and signs that code never has."""
    foreign = len(sample.translate(None, _ALPHABET + b"\r\n\t ="))
    return foreign * 50 > len(sample) and sample.count(b" ") * 20 > len(sample)


def _run(octets: bytes) -> bytes:
    """Decode what there is, without asking for padding."""
    clean = octets.translate(None, _NOT_ALPHABET)
    if len(clean) % 4 == 1:  # one character holds no octet
        clean = clean[:-1]
    return pybase64.b64decode(clean + b"=" * (-len(clean) % 4))


def _uu(body: bytes) -> tuple[bytes, list[str]]:
    """Decode a uuencoded body with or without its `begin` and `end` lines."""
    lines = body.splitlines()
    start = next((at + 1 for at, line in enumerate(lines[:50]) if line.startswith(b"begin ")), 0)
    return uu_lines(lines[start:])


def uu_lines(lines: list[bytes]) -> tuple[bytes, list[str]]:
    """Decode uuencoded lines up to `end`. Damaged lines are cut to what their length octet allows, or left out."""
    out: list[bytes] = []
    defects: list[str] = []
    for line in lines:
        if line.rstrip() in (b"end", b"`", b""):
            if line.startswith(b"end"):
                break
            continue
        try:
            out.append(binascii.a2b_uu(line))
        except binascii.Error:
            # Some encoders add a check character, or lose blanks at the end; the first octet says what counts
            size = ((line[0] - 32) & 63) * 4 // 3 + 2
            try:
                out.append(binascii.a2b_uu(line[:size].ljust(size)))
            except binascii.Error:
                defects = ["uuencode.damaged"]
    return b"".join(out), defects
