"""Opens winmail.dat (MS-OXTNEF): its files and its bodies. Total: a damaged stream gives what can be read of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from struct import Struct
from typing import Final

from gateway.mail import caps, charset
from gateway.mail.inside import InnerFile

SIGNATURE: Final = b"\x78\x9f\x3e\x22"
_HEADER: Final = 6  # signature and key
_ATTRIBUTE: Final = Struct("<BII")  # level, id and type, length; two octets of checksum follow the data
_U32: Final = Struct("<I")
_PROPERTY: Final = Struct("<HH")  # type, id
_LEVELS: Final = (1, 2)  # of the message, of an attachment

# MS-OXTNEF §2.1.3: the low half of an attribute's id
_ATT_BODY: Final = 0x800C
_ATT_ATTACH_DATA: Final = 0x800F
_ATT_ATTACH_TITLE: Final = 0x8010
_ATT_ATTACH_RENDDATA: Final = 0x9002
_ATT_MAPI_PROPS: Final = 0x9003
_ATT_ATTACHMENT: Final = 0x9005
_ATT_OEM_CODEPAGE: Final = 0x9007

# MS-OXPROPS
_SUBJECT: Final = 0x0037
_BODY: Final = 0x1000
_RTF: Final = 0x1009
_HTML: Final = 0x1013
_DISPLAY_NAME: Final = 0x3001
_ATTACH_DATA: Final = 0x3701
_ATTACH_FILENAME: Final = 0x3704
_ATTACH_METHOD: Final = 0x3705
_ATTACH_LONG_FILENAME: Final = 0x3707
_ATTACH_MIME_TAG: Final = 0x370E
_ATTACH_CONTENT_ID: Final = 0x3712
_INTERNET_CODEPAGE: Final = 0x3FDE

_EMBEDDED_MESSAGE: Final = 5  # value of _ATTACH_METHOD
_NAMED: Final = 0x8000  # property ids from here on carry a name
_MULTIPLE: Final = 0x1000  # flag in a property's type
_STRING8: Final = 0x1E
_UNICODE: Final = 0x1F
_OBJECT: Final = 0x0D
_VARIABLE: Final = frozenset({_STRING8, _UNICODE, 0x0102, _OBJECT})
_FIXED: Final = {2: 4, 3: 4, 4: 4, 5: 8, 6: 8, 7: 8, 0x0A: 4, 0x0B: 4, 0x14: 8, 0x40: 8, 0x48: 16}
_INTERFACE_ID: Final = 16  # octets in front of an object's data
_NESTING: Final = 3  # mails in mails in mails


@dataclass(slots=True)
class Tnef:
    """What a TNEF stream holds. Bodies are empty where it has none."""

    files: list[InnerFile] = field(default_factory=list)
    subject: str = ""
    text: str = ""
    html: str = ""
    rtf: bytes = b""  # compressed, as it stands there
    damaged: bool = False


def read(content: bytes, nesting: int = 0) -> Tnef | None:
    """Read a TNEF stream; None if it is none."""
    if not content.startswith(SIGNATURE) or len(content) > caps.TNEF:
        return None
    reader = _Reader(nesting)
    for level, kind, data in _attributes(content, reader.found):
        if level == 1:
            reader.message(kind, data)
        else:
            reader.attachment(kind, data)
        if len(reader.found.files) >= caps.EMBEDDED_FILES:
            break
    reader.finish()
    return reader.found


def _attributes(content: bytes, found: Tnef) -> Iterator[tuple[int, int, bytes]]:
    at = _HEADER
    for _ in range(caps.TNEF_ATTRIBUTES):
        if at + _ATTRIBUTE.size > len(content):
            return
        level, tag, length = _ATTRIBUTE.unpack_from(content, at)
        if level not in _LEVELS:
            found.damaged = True
            return
        at += _ATTRIBUTE.size
        if at + length > len(content):
            found.damaged = True
        yield level, tag & 0xFFFF, content[at : at + length]
        at += length + 2


class _Reader:
    """The attachment that is being read, and the code page of its strings."""

    def __init__(self, nesting: int) -> None:
        self.found = Tnef()
        self._nesting = nesting
        self._codepage = "windows1252"
        self._begun = False
        self._title = ""
        self._data: bytes | None = None
        self._props: dict[int, tuple[int, bytes]] = {}

    def message(self, kind: int, data: bytes) -> None:
        if kind == _ATT_OEM_CODEPAGE and len(data) >= _U32.size:
            self._codepage = f"cp{_U32.unpack_from(data)[0]}"
        elif kind == _ATT_BODY:
            self.found.text = self._string(_STRING8, data)
        elif kind == _ATT_MAPI_PROPS:
            self._bodies(_properties(data, self.found))

    def _bodies(self, props: dict[int, tuple[int, bytes]]) -> None:
        found = self.found
        found.subject = self._text_of(props, _SUBJECT) or found.subject
        found.text = self._text_of(props, _BODY) or found.text
        found.rtf = props.get(_RTF, (0, b""))[1] or found.rtf
        kind, html = props.get(_HTML, (0, b""))
        if html and kind in {_STRING8, _UNICODE}:
            found.html = self._string(kind, html)
        elif html:
            codepage = props.get(_INTERNET_CODEPAGE, (0, b""))[1]
            name = f"cp{_U32.unpack(codepage)[0]}" if len(codepage) == _U32.size else self._codepage
            found.html = charset.decode_body(html, name)[0]

    def attachment(self, kind: int, data: bytes) -> None:
        if kind == _ATT_ATTACH_RENDDATA:
            self.finish()
            self._begun = True
        elif kind == _ATT_ATTACH_TITLE:
            self._title = self._string(_STRING8, data)
        elif kind == _ATT_ATTACH_DATA:
            self._data = data
        elif kind == _ATT_ATTACHMENT:
            self._props = _properties(data, self.found)

    def finish(self) -> None:
        """Keep the attachment that was read so far."""
        props, data = self._props, self._data
        if data is None and _ATTACH_DATA in props:
            kind, data = props[_ATTACH_DATA]
            data = data[_INTERFACE_ID:] if kind == _OBJECT else data
        if data is not None or self._title:
            self._keep(props, data or b"")
        self._begun, self._title, self._data, self._props = False, "", None, {}

    def _keep(self, props: dict[int, tuple[int, bytes]], data: bytes) -> None:
        name = (
            self._text_of(props, _ATTACH_LONG_FILENAME)
            or self._title
            or self._text_of(props, _ATTACH_FILENAME)
            or self._text_of(props, _DISPLAY_NAME)
        )
        method = props.get(_ATTACH_METHOD, (0, b""))[1]
        if method[:1] == bytes((_EMBEDDED_MESSAGE,)) and self._nesting < _NESTING:
            inner = read(data, self._nesting + 1)
            if inner is not None:
                title = inner.subject or name
                text = inner.text or inner.html
                if text:
                    kind = "text/plain" if inner.text else "text/html"
                    extension = "txt" if inner.text else "html"
                    self.found.files.append(InnerFile(f"{title}.{extension}", text.encode("utf-8", "replace"), kind))
                self.found.files.extend(inner.files)
                return
        content_id = self._text_of(props, _ATTACH_CONTENT_ID).strip().strip("<>")
        self.found.files.append(InnerFile(name, data, self._text_of(props, _ATTACH_MIME_TAG).lower(), content_id))

    def _text_of(self, props: dict[int, tuple[int, bytes]], name: int) -> str:
        kind, data = props.get(name, (0, b""))
        return self._string(kind, data) if kind in {_STRING8, _UNICODE} else ""

    def _string(self, kind: int, data: bytes) -> str:
        if kind == _UNICODE:
            return charset.decode_body(data, "utf-16le")[0].rstrip("\0")
        return charset.decode_body(data.rstrip(b"\0"), self._codepage)[0]


def _properties(data: bytes, found: Tnef) -> dict[int, tuple[int, bytes]]:
    """Read a property list (MS-OXTNEF §2.1.3.4): id to type and first value. Named properties are passed over."""
    props: dict[int, tuple[int, bytes]] = {}
    cursor = _Cursor(data)
    count = cursor.u32()
    for _ in range(min(count, caps.TNEF_ATTRIBUTES)):
        if cursor.over:
            found.damaged = True
            break
        kind, name = _PROPERTY.unpack(cursor.take(_PROPERTY.size).ljust(_PROPERTY.size, b"\0"))
        if name >= _NAMED:
            cursor.take(_INTERFACE_ID)
            if cursor.u32() == 0:
                cursor.u32()
            else:
                cursor.padded(cursor.u32())
        base = kind & ~_MULTIPLE
        if base in _VARIABLE:
            values = [cursor.padded(cursor.u32()) for _ in range(cursor.count())]
        elif base in _FIXED:
            values = [cursor.take(_FIXED[base]) for _ in range(cursor.count() if kind & _MULTIPLE else 1)]
        else:  # an unknown type has an unknown length: nothing behind it can be read
            found.damaged = True
            break
        if name < _NAMED and values:
            props.setdefault(name, (base, values[0]))
    return props


class _Cursor:
    """Reads on from where it is; behind the end everything is empty."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def over(self) -> bool:
        return self._at >= len(self._data)

    def take(self, length: int) -> bytes:
        piece = self._data[self._at : self._at + length]
        self._at += length
        return piece

    def padded(self, length: int) -> bytes:
        """Take a value whose end is filled up to four octets."""
        piece = self.take(length)
        self._at += -length % 4
        return piece

    def u32(self) -> int:
        value: int = _U32.unpack(self.take(_U32.size).ljust(_U32.size, b"\0"))[0]
        return value

    def count(self) -> int:
        """Read how many values follow; never more than octets are left for."""
        return min(self.u32(), max(len(self._data) - self._at, 0) // _U32.size, caps.TNEF_ATTRIBUTES)
