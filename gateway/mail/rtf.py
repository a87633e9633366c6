"""Reads the RTF of winmail.dat: compressed (MS-OXRTFCP), and often HTML in disguise (MS-OXRTFEX)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from struct import Struct
from typing import Final

from gateway.mail import caps, charset

_HEAD: Final = Struct("<III4x")  # compressed size, raw size, magic; a checksum follows
_LZFU: Final = 0x75465A4C
_STORED: Final = 0x414C454D
_WINDOW: Final = 4096
_PRELOAD: Final = (  # MS-OXRTFCP §2.1.2.1
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor "
    rb"MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
    b"\r\n"
    rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)
_TOKEN: Final = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])|[\r\n]+|([^\\{}\r\n]+)|\\", re.DOTALL
)
_SKIPPED: Final = frozenset(
    b"fonttbl colortbl stylesheet info pict object listtable listoverridetable rsidtbl generator themedata xmlnstbl "
    b"datastore latentstyles header footer fldinst mhtmltag".split()
)
_BREAKS: Final = {b"par": "\n", b"line": "\n", b"row": "\n", b"tab": "\t", b"cell": "\t", b"emdash": "\u2014"}
_SIGNS: Final = {
    **_BREAKS,
    b"endash": "\u2013",
    b"bullet": "\u2022",
    b"lquote": "\u2018",
    b"rquote": "\u2019",
    b"ldblquote": "\u201c",
    b"rdblquote": "\u201d",
}
_SYMBOLS: Final = {b"~": "\xa0", b"_": "-", b"{": "{", b"}": "}", b"\\": "\\", b"\n": "\n", b"\r": "\n"}


def decompress(content: bytes) -> bytes:
    """Return the RTF of a compressed stream; what is damaged gives what was read so far. At most `caps.TEXT` octets."""
    if len(content) < 16:  # noqa: PLR2004 - the header
        return b""
    _, size, magic = _HEAD.unpack_from(content)
    if magic == _STORED:
        return content[16 : 16 + min(size, caps.TEXT)]
    if magic != _LZFU:
        return b""
    limit = min(size, caps.TEXT)
    out = bytearray(_PRELOAD)
    start = len(out)
    at = 16
    while at < len(content) and len(out) - start < limit:
        flags = content[at]
        at += 1
        for bit in range(8):
            if at >= len(content):
                break
            if not flags >> bit & 1:
                out.append(content[at])
                at += 1
                continue
            pair = int.from_bytes(content[at : at + 2].ljust(2, b"\0"), "big")
            at += 2
            place, length = pair >> 4, (pair & 15) + 2
            # The reference is a place in a ring of 4096 octets; the end mark refers to where writing goes on
            back = (len(out) - place) % _WINDOW
            if back == 0:
                return bytes(out[start : start + limit])
            for _ in range(length):
                out.append(out[-back] if back <= len(out) else 0x20)
    return bytes(out[start : start + limit])


@dataclass(slots=True)
class Content:
    """The text of an RTF document, or the HTML that it wraps."""

    text: str = ""
    html: str = ""


@dataclass(slots=True)
class _Group:
    skip: bool = False  # a destination that is not shown
    html: bool = False  # {\*\htmltag …}: HTML of the wrapped document
    hidden: bool = False  # \htmlrtf … \htmlrtf0: RTF of the wrapping, not of the document
    uc: int = 1  # characters that stand behind \uN for old readers


@dataclass(slots=True)
class _State:
    wraps_html: bool = False
    codec: str = "cp1252"
    out: list[str] = field(default_factory=list)
    octets: bytearray = field(default_factory=bytearray)
    pending: int = 0  # characters still to be passed over behind \uN


def read(document: bytes) -> Content:
    """Return the text or the wrapped HTML of an RTF document. Total; linear; keeps its own stack."""
    state = _State(wraps_html=b"\\fromhtml1" in document[:2000])
    stack: list[_Group] = []
    group = _Group()
    starred = False
    for match in _TOKEN.finditer(document):
        word, number, octet, symbol, brace, text = match.groups()
        if brace == b"{":
            stack.append(group)
            group = _Group(group.skip, group.html, group.hidden, group.uc)
        elif brace:
            group = stack.pop() if stack else _Group()
        elif word is not None:
            _word(state, group, word, number, starred=starred)
        elif symbol == b"*":
            starred = True
            continue
        elif _shown(state, group):
            _characters(state, octet, symbol, text)
        starred = False
    _flush(state)
    joined = "".join(state.out)
    return Content(html=joined) if state.wraps_html else Content(text=charset.shown(joined).strip())


def _shown(state: _State, group: _Group) -> bool:
    return not group.skip and not (state.wraps_html and group.hidden)


def _word(state: _State, group: _Group, word: bytes, number: bytes | None, *, starred: bool) -> None:
    value = int(number) if number else 0
    if word == b"htmltag":
        group.html, group.skip = True, not state.wraps_html
    elif word == b"htmlrtf":
        group.hidden = number is None or value != 0
    elif starred or word in _SKIPPED:
        group.skip = True
    elif word == b"ansicpg":
        state.codec = next(iter(charset.codecs_of(f"cp{value}")), state.codec)
    elif word == b"uc":
        group.uc = min(max(value, 0), 8)
    elif word == b"u" and _shown(state, group):
        _flush(state)
        state.out.append(_character(value))
        state.pending = group.uc
    elif word in _SIGNS and _shown(state, group) and not group.html:
        _flush(state)
        state.out.append(_SIGNS[word])


def _character(value: int) -> str:
    code = value % 0x10000
    return "\ufffd" if 0xD800 <= code < 0xE000 else chr(code)  # noqa: PLR2004 - halves of a pair


def _characters(state: _State, octet: bytes | None, symbol: bytes | None, text: bytes | None) -> None:
    if octet is not None:
        if state.pending:
            state.pending -= 1
        else:
            state.octets.append(int(octet, 16))
    elif symbol is not None:
        _flush(state)
        state.out.append(_SYMBOLS.get(symbol, ""))
    elif text is not None:
        cut = min(state.pending, len(text))
        state.pending -= cut
        state.octets += text[cut:]


def _flush(state: _State) -> None:
    if state.octets:
        state.out.append(bytes(state.octets).decode(state.codec, "replace"))
        state.octets.clear()
