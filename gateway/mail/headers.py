"""Splits header blocks by one rule of our own, so that no two programs in the chain see different headers.

A line ends at CRLF and only there; a field is a line and the following lines that start with SP or TAB (RFC 5322
§2.2.3). Whatever else stands in a block is a defect, and is skipped; the block goes on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from gateway.mail import caps, charset
from gateway.model import Field

# Python's own reader ends lines, Postfix' does not, at these: whoever sends them wants two readers to disagree
_HOSTILE: Final = re.compile(rb"[\r\n\0]")
_NAME: Final = re.compile(rb"[!-9;-~]+", re.ASCII)  # RFC 5322 §2.2: printable, no colon
_NEWEST_LAST: Final = frozenset({"references", "in-reply-to"})  # RFC 5322 §3.6.4: the parent stands at the end
_CUT: Final = re.compile(r"[\s,;][^\s,;]*$")


@dataclass(frozen=True, slots=True)
class Block:
    """The fields of one header block. `hostile`: a bare CR, LF or NUL stood in it."""

    fields: tuple[Field, ...]
    defects: tuple[str, ...] = ()
    hostile: bool = False


def read_block(block: bytes, *, first_line: int = 1, hint: str = "") -> Block:
    """Read one header block (without the empty line that ends it). Total.

    `hint` is the charset that undeclared 8-bit octets are tried in after UTF-8.
    """
    defects: dict[str, None] = {}
    if len(block) > caps.HEADER_BLOCK:
        block = block[: caps.HEADER_BLOCK]
        defects["header.block-too-long"] = None
    lines = block.split(b"\r\n")
    hostile = False
    if block.count(b"\r") + block.count(b"\n") != 2 * (len(lines) - 1) or b"\0" in block:
        hostile = True
        defects["header.bare-cr-lf-nul"] = None
        lines = [_HOSTILE.sub(b" ", line) for line in lines]
    fields: list[Field] = []
    for number, name, value in _fields(lines, first_line, defects):
        if len(fields) >= caps.FIELDS:
            defects["header.too-many-fields"] = None
            break
        fields.append(Field(name, _text(value, hint, defects, newest=name in _NEWEST_LAST), number))
    return Block(tuple(fields), tuple(defects), hostile)


def _fields(lines: list[bytes], first_line: int, defects: dict[str, None]) -> list[tuple[int, str, bytes]]:
    found: list[tuple[int, str, bytes]] = []
    name = ""
    number = first_line
    value: list[bytes] = []
    for at, line in enumerate(lines, first_line):
        if line[:1] in (b" ", b"\t"):
            if name:
                value.append(line)
            elif line.strip():
                defects["header.stray-line"] = None
            continue
        if name:
            found.append((number, name, b"".join(value)))
        label, colon, rest = line.partition(b":")
        # Deviation: RFC 5322 §2.2 knows no space before the colon; mailers do, and so `name :` counts as `name:`
        match = _NAME.fullmatch(label.rstrip(b" \t")) if colon else None
        if match is None:
            name = ""
            if line.strip():
                defects["header.stray-line"] = None
            continue
        name, number, value = match[0].decode("ascii").lower(), at, [rest]
    if name:
        found.append((number, name, b"".join(value)))
    return found


def _text(value: bytes, hint: str, defects: dict[str, None], *, newest: bool) -> str:
    if len(value) <= caps.FIELD:
        return _decode(value.strip(b" \t"), hint, defects)
    defects["header.field-too-long"] = None
    # Octets first, so that a field of 256 KiB is not decoded for nothing; then at the end of a token
    if newest:
        return _decode(value[-caps.FIELD :], hint, defects).partition(" ")[2].strip(" \t")
    return _CUT.sub("", _decode(value[: caps.FIELD], hint, defects), count=1).strip(" \t")


def _decode(value: bytes, hint: str, defects: dict[str, None]) -> str:
    if value.isascii():
        return value.decode("ascii")
    text, clean = charset.decode_raw(value, hint)
    if not clean:
        defects["header.undecodable"] = None
    return text


def field_groups(content: bytes) -> tuple[tuple[Field, ...], ...]:
    """Split a report body into its groups of fields (RFC 3464 §2.1): blank lines part them, empty groups are skipped.

    Reports come with any line ends, also after decoding; here no header vouches for anything, so all of them count.
    """
    block = content[: caps.HEADER_BLOCK].replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\0", b" ")
    groups = []
    line = 1
    for piece in re.split(rb"\n[ \t]*(?=\n)", block):
        fields = read_block(piece.strip(b"\n").replace(b"\n", b"\r\n"), first_line=line).fields
        line += piece.count(b"\n") + 1
        if fields:
            groups.append(fields)
    return tuple(groups)


def to_crlf(raw: bytes) -> bytes:
    """Give a mail from a file the line ends of the wire, and cut a leading mbox `From ` line.

    For the command-line edge alone: over LMTP every octet counts as it came. LF alone and CR alone become CRLF only
    in a file that has no CRLF; in a mixed file a lone LF becomes CRLF and a lone CR stays, as Postfix would send it.
    """
    if b"\r\n" not in raw and b"\n" not in raw:
        raw = raw.replace(b"\r", b"\n")
    if raw.startswith((b"From ", b">From ")):
        raw = raw[raw.find(b"\n") + 1 :] if b"\n" in raw else b""
    return raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
