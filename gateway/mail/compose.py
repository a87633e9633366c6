"""Draft in, octets out: the message as every attempt will send it, but for its signature. Pure and deterministic.

Built from values only, never from a parsed header (RFC 5322, RFC 2045). Lines end in CRLF and aim at 76 octets; bodies
are quoted-printable or base64, so that nothing on the way has a reason to change a line that a signature covers.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from types import MappingProxyType

from gateway.errors import NotSendable
from gateway.mail import folding
from gateway.mail.address import header_safe
from gateway.mail.token import LOOP_HEADER, REF_HEADER
from gateway.model import Draft, OutgoingFile, OutgoingKind

MAX_REFERENCES = 32
MAX_FILENAME = 150

# RFC 3834 §5: auto-replied answers a mail, auto-generated answers none. X-Auto-Response-Suppress is Exchange's: All
# asks for no answer of any kind; agents' mails only decline receipts, since an out-of-office is wanted news.
_AUTOMATIC = (("X-Auto-Response-Suppress", "All"), ("Precedence", "auto_reply"))
MARKERS: Mapping[OutgoingKind, tuple[tuple[str, str], ...]] = MappingProxyType(
    {
        OutgoingKind.ACKNOWLEDGEMENT: (("Auto-Submitted", "auto-replied"), *_AUTOMATIC),
        OutgoingKind.ERROR_REPLY: (("Auto-Submitted", "auto-replied"), *_AUTOMATIC),
        OutgoingKind.NOTICE: (("Auto-Submitted", "auto-generated"), *_AUTOMATIC),
        OutgoingKind.ALERT: (("Auto-Submitted", "auto-generated"), *_AUTOMATIC),
        OutgoingKind.REPLY: (("X-Auto-Response-Suppress", "DR, RN, NRN"),),
    }
)
_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,60}/[a-z0-9][a-z0-9!#$&^_.+-]{0,100}")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_OCTET_STREAM = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class _Entity:
    """A MIME part: its own header fields, and its body without a final boundary."""

    fields: bytes
    body: bytes


def compose(draft: Draft, date: datetime) -> bytes:
    """Return the message. Raises NotSendable if the draft holds an address, id or name that must not leave."""
    if not folding.is_message_id(draft.message_id):
        raise NotSendable("the draft's Message-ID is none")
    entity = _body(draft)
    return b"".join(_fields(draft, date)) + b"MIME-Version: 1.0\r\n" + entity.fields + b"\r\n" + entity.body


def _fields(draft: Draft, date: datetime) -> list[bytes]:
    """Return the header fields in the order in which people expect them. Bcc is nowhere."""
    fold, kind = folding.fold, draft.kind
    fields = [
        fold("Date", [format_datetime(date.astimezone(UTC))]),
        fold("From", folding.mailboxes([draft.from_])),
        fold("To", folding.mailboxes(draft.to) or ["undisclosed-recipients:;"]),
    ]
    if draft.cc:
        fields.append(fold("Cc", folding.mailboxes(draft.cc)))
    if draft.reply_to:
        fields.append(fold("Reply-To", folding.mailboxes([draft.reply_to])))
    fields.append(fold("Subject", folding.text(draft.subject)))
    fields.append(fold("Message-ID", folding.message_ids([draft.message_id])))
    if answered := folding.message_ids([draft.in_reply_to]):
        fields.append(fold("In-Reply-To", answered))
    # Some providers replace the Message-ID and keep References: ours stands there, too, and first.
    references = folding.message_ids([draft.message_id, *draft.references[-MAX_REFERENCES:]])
    fields.append(fold("References", references))
    fields += [fold(name, value.split(" ")) for name, value in MARKERS[kind]]
    if kind.automatic:
        fields.append(fold("X-Loop", [folding.show_address(draft.from_.address)]))
    if draft.loop_token:
        fields.append(fold(LOOP_HEADER.title(), [folding.token(draft.loop_token)]))
    fields.append(fold(REF_HEADER.title(), [draft.message_id.partition("@")[0]]))
    return fields


# --- the body -------------------------------------------------------------------------------------------------


def _body(draft: Draft) -> _Entity:
    """Return mixed(alternative(text, related(html, images)), files), as flat as the draft allows."""
    images = [file for file in draft.files if file.content_id and draft.html is not None]
    attached = [file for file in draft.files if file not in images]
    entity = _text(draft.text, "plain")
    if draft.html is not None:
        shown = _text(draft.html, "html")
        if images:
            pictures = [_file(image, "inline") for image in images]
            shown = _container("related", [shown, *pictures], draft, ['type="text/html"'])
        entity = _container("alternative", [entity, shown], draft)
    if attached:
        entity = _container("mixed", [entity, *(_file(file, "attachment") for file in attached)], draft)
    return entity


def _text(value: str, subtype: str) -> _Entity:
    value = _CONTROL.sub("", value.replace("\r\n", "\n").replace("\r", "\n")).rstrip("\n") + "\n"
    octets = value.replace("\n", "\r\n").encode("utf-8", "replace")
    quoted = binascii.b2a_qp(octets, istext=True)
    if len(quoted) <= len(octets) * 1.5:
        # mbox writers change "From " at the start of a line and break the signature (RFC 4155); QP can hide it.
        quoted = re.sub(rb"^From ", b"=46rom ", quoted, flags=re.MULTILINE)
        return _Entity(_leaf(f"text/{subtype}", ["charset=utf-8"], "quoted-printable"), quoted)
    return _Entity(_leaf(f"text/{subtype}", ["charset=utf-8"], "base64"), _base64(octets))


def _file(file: OutgoingFile, disposition: str) -> _Entity:
    kind = file.content_type.lower()
    # RFC 2046 §5.2.1 forbids base64 for message/rfc822, and multiparts are ours alone: both travel as plain octets.
    if not _TYPE.fullmatch(kind) or kind.startswith(("message/", "multipart/")):
        kind = _OCTET_STREAM
    name = header_safe(file.filename.replace("/", "_").replace("\\", "_"), MAX_FILENAME).strip() or "file"
    words = _separated([disposition, *folding.parameter("filename", name)])
    fields = _leaf(kind, [], "base64") + folding.fold("Content-Disposition", words)
    if file.content_id is not None and disposition == "inline":
        if not folding.is_message_id(file.content_id):
            raise NotSendable("the Content-ID of an image is none")
        fields += folding.fold("Content-ID", [f"<{file.content_id}>"])
    return _Entity(fields, _base64(file.content))


def _leaf(content_type: str, parameters: list[str], encoding: str) -> bytes:
    return folding.fold("Content-Type", _separated([content_type, *parameters])) + folding.fold(
        "Content-Transfer-Encoding", [encoding]
    )


def _container(subtype: str, parts: list[_Entity], draft: Draft, parameters: list[str] | None = None) -> _Entity:
    # "=_" occurs in neither quoted-printable nor base64 (RFC 2045 §6.7), so that no body can hold a boundary.
    boundary = f"=_{subtype}_{hashlib.sha256(draft.message_id.encode()).hexdigest()[:24]}"
    words = _separated([f"multipart/{subtype}", *(parameters or []), f'boundary="{boundary}"'])
    mark = f"--{boundary}".encode()
    pieces = [b"%s\r\n%s\r\n%s\r\n" % (mark, part.fields, part.body) for part in parts]
    return _Entity(folding.fold("Content-Type", words), b"".join(pieces) + mark + b"--\r\n")


def _separated(words: list[str]) -> list[str]:
    return [f"{word};" for word in words[:-1]] + words[-1:]


def _base64(octets: bytes) -> bytes:
    return base64.encodebytes(octets).replace(b"\n", b"\r\n")
