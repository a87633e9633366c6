"""Header fields of our own mails: values in, folded lines out. Whatever a value holds, it makes one field, never two.

Everything here is made of *words* that cannot be broken, joined by single spaces. A line folds only between words
(RFC 5322 §2.2.3), so no value can end a line. Text that is not plain becomes encoded words (RFC 2047).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from gateway.errors import NotSendable
from gateway.mail.address import domain_of, header_safe, is_valid
from gateway.model import Mailbox

WIDTH = 76
"""Octets of a line that we aim at (RFC 2047 §2 wants it of lines with encoded words)."""
MAX_TEXT = 250
"""Characters of a subject or a display name."""
MAX_ID = 250
"""Octets of a Message-ID that we repeat; longer ones are foreign freaks."""

_ENCODED_WORD = 64  # shorter than RFC 2047's 75, so that one fits behind every field name
_MESSAGE_ID = re.compile(r"[!#-;=?A-Z^-~]+@[!#-;=?A-Z\[\]^-~]+")  # printable ASCII without <>, quotes, backslash
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_BREAKS_PATHS = re.compile(r"[<>\\]")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]+")
# RFC 2047 §5 (3): what may stand for itself in an encoded word within a phrase.
_Q_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
_SPACE = 0x20
# RFC 2231 §7: attribute-char.
_EXTENDED_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$&+-.^_`{|}~")


def fold(name: str, words: Iterable[str]) -> bytes:
    """Return the field with its final CRLF, folded between words."""
    line, *others = [f"{name}:".encode(), *map(str.encode, words)]
    lines = []
    for word in others:
        if len(line) + 1 + len(word) > WIDTH and not line.endswith(b":"):
            lines.append(line)
            line = b""
        line += b" " + word
    return b"\r\n".join([*lines, line, b""])


def text(value: str) -> list[str]:
    """Return the words of unstructured text, such as a subject."""
    value = " ".join(header_safe(value, MAX_TEXT).split())
    words = value.split(" ") if value else []
    plain = value.isascii() and "=?" not in value and all(len(word) <= _ENCODED_WORD for word in words)
    return words if plain else encoded_words(value)


def mailboxes(boxes: Sequence[Mailbox]) -> list[str]:
    """Return the words of an address list. Raises NotSendable for an address that our grammar refuses."""
    words: list[str] = []
    for number, box in enumerate(boxes):
        comma = "," if number < len(boxes) - 1 else ""
        name = _phrase(box.name)
        address = show_address(box.address)
        words += [*name, f"<{address}>{comma}"] if name else [f"{address}{comma}"]
    return words


@lru_cache(maxsize=1024)  # a desk writes as few senders, and a mail to each recipient several times
def show_address(address: str) -> str:
    """Return the address as headers and the wire show it: the domain in ASCII. Raises NotSendable if it is none."""
    # Deviation: RFC 5321 §4.1.2 lets angle brackets and backslashes stand in a quoted local part. Nobody has such an
    # address, and whoever claims one wants to end a path early.
    if not is_valid(address) or _BREAKS_PATHS.search(address):
        raise NotSendable(f"{header_safe(address, 60)!r} is no address that can be written to")
    return f"{address.rpartition('@')[0]}@{domain_of(address)}"


def _phrase(value: str) -> list[str]:
    """Return the words of a display name (RFC 5322 §3.2.5): atoms, a quoted string, or encoded words."""
    value = " ".join(header_safe(value, MAX_TEXT).split())
    if not value.isascii() or "=?" in value or len(value) > _ENCODED_WORD - 2:
        return encoded_words(value)
    if not value or _ATOMS.fullmatch(value):
        return value.split()
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    return [f'"{quoted}"']


def encoded_words(value: str) -> list[str]:
    """Return `value` in encoded words; no character is split between two of them (RFC 2047 §5)."""
    octets = value.encode("utf-8", "replace")
    unsafe = sum(octet not in _Q_SAFE and octet != _SPACE for octet in octets)
    kind, encode = ("b", _b64) if unsafe * 2 > len(octets) else ("q", _quoted)
    room = _ENCODED_WORD - len("=?utf-8?q??=")
    words, chunk = [], ""
    for char in value:
        if chunk and len(encode(chunk + char)) > room:
            words.append(chunk)
            chunk = ""
        chunk += char
    if chunk:
        words.append(chunk)
    return [f"=?utf-8?{kind}?{encode(word)}?=" for word in words]


def _b64(value: str) -> str:
    return base64.b64encode(value.encode("utf-8", "replace")).decode("ascii")


def _quoted(value: str) -> str:
    octets = value.encode("utf-8", "replace")
    return "".join("_" if o == _SPACE else chr(o) if o in _Q_SAFE else f"={o:02X}" for o in octets)


def is_message_id(value: str) -> bool:
    """Tell whether `value` (without angle brackets) may stand in a header of ours."""
    return len(value) <= MAX_ID and _MESSAGE_ID.fullmatch(value) is not None


def message_ids(values: Iterable[str]) -> list[str]:
    """Return the words of a list of Message-IDs; foreign ones that are no Message-IDs are left out."""
    return [f"<{value}>" for value in dict.fromkeys(values) if is_message_id(value)]


def token(value: str) -> str:
    """Return `value` if it is a single token of protocol text. Raises NotSendable."""
    if not _TOKEN.fullmatch(value) or len(value) > _ENCODED_WORD:
        raise NotSendable(f"{header_safe(value, 60)!r} is no token")
    return value


def parameter(name: str, value: str) -> list[str]:
    """Return the words of a parameter, each with the semicolon before it left to the caller (RFC 2231 §3, §4)."""
    if value.isascii() and value.isprintable() and len(value) <= _ENCODED_WORD - len(name):
        quoted = value.replace("\\", "\\\\").replace('"', '\\"')
        return [f'{name}="{quoted}"']
    pieces, piece = [], "utf-8''"
    room = _ENCODED_WORD - len(name) - len("*99*=")
    for octet in value.encode("utf-8", "replace"):
        char = chr(octet) if octet in _EXTENDED_SAFE else f"%{octet:02X}"
        if len(piece) + len(char) > room:
            pieces.append(piece)
            piece = ""
        piece += char
    pieces.append(piece)
    if len(pieces) == 1:
        return [f"{name}*={pieces[0]}"]
    return [f"{name}*{number}*={piece}" for number, piece in enumerate(pieces)]
