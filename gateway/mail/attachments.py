"""Turns the leaves that are no text into attachments: named safely, hashed, sniffed, and traced back to their part."""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256
from typing import Final
from urllib.parse import unquote

from gateway.mail import caps, headers, html, html_text, inside, names, rtf, tnef, tree, words
from gateway.mail.body import Body
from gateway.mail.inside import InnerFile
from gateway.mail.part import EMBEDDING, Part
from gateway.model import Attachment

_CID: Final = re.compile(r'\ssrc="cid:([^"]{1,500})"', re.IGNORECASE)
_TNEF_TYPES: Final = frozenset({"application/ms-tnef", "application/vnd.ms-tnef"})
_MAIL_TYPES: Final = EMBEDDING - {"text/rfc822-headers", "message/rfc822-headers", "message/global-headers"}


def read_attachments(body: Body) -> tuple[list[Attachment], list[str]]:
    """Return the attachments of a mail in its order, and defects. Fills `body` from a TNEF stream if it is empty."""
    referenced = _referenced(body.html)
    found: list[Attachment] = []
    defects: list[str] = []
    seen: set[str] = set()
    for part in body.attached:
        opened = _open_tnef(part)
        if opened is not None:
            if opened.damaged:
                defects.append("tnef.damaged")
            _take_bodies(opened, body)
            for number, file in enumerate(opened.files, 1):
                path = f"{part.path}/tnef#{number}"
                found.append(_attachment(file, path, len(found) + 1, referenced, from_tnef=True))
            if opened.files or opened.text or opened.html or opened.rtf:
                continue
        content_id = part.content_id
        if content_id and content_id in seen:
            defects.append("content-id.repeated")
        found.append(_leaf(part, len(found) + 1, set() if content_id in seen else referenced))
        seen.add(content_id)
    for part, files in body.files:
        found.extend(
            _attachment(file, f"{part.path}/file#{number}", len(found) + number, referenced)
            for number, file in enumerate(files, 1)
        )
    return found, defects


def content_of(raw: bytes, path: str) -> bytes | None:
    """Return the decoded content of the attachment that `Attachment.part` names, or None if there is no such part."""
    name, _, rest = path.partition("/")
    part = next((leaf for leaf in tree.split(raw).walk() if leaf.path == name and not leaf.children), None)
    if part is None:
        return None
    if not rest:
        return part.content()
    kind, _, number = rest.partition("#")
    files: list[InnerFile] = []
    if kind == "file":
        files = inside.extract(part.content())[1]
    elif kind == "tnef":
        opened = tnef.read(part.content())
        files = opened.files if opened is not None else []
    if not number.isdecimal() or not 1 <= int(number) <= len(files):
        return None
    return files[int(number) - 1].content


def _referenced(html: str | None) -> set[str]:
    """Return the content ids that the shown HTML refers to (RFC 2392 §2)."""
    if not html or "cid:" not in html:
        return set()
    return {unquote(match.replace("&amp;", "&")).strip() for match in _CID.findall(html)}


def _open_tnef(part: Part) -> tnef.Tnef | None:
    if part.content_type in _TNEF_TYPES or part.filename.lower() == "winmail.dat":
        return tnef.read(part.content())
    if part.content_type == "application/octet-stream" and part.content().startswith(tnef.SIGNATURE):
        return tnef.read(part.content())
    return None


def _take_bodies(opened: tnef.Tnef, body: Body) -> None:
    """Use the bodies of a TNEF stream where the mail itself has none."""
    if body.text.strip() or body.html is not None:
        return
    source = opened.html
    text = opened.text
    if not source and opened.rtf:
        content = rtf.read(rtf.decompress(opened.rtf))
        source, text = content.html, text or content.text
    if source:
        body.source = html.capped(source)[0]
        body.html, body.remote_images, _ = html.sanitise(body.source)
        if not text.strip():
            text, body.from_html = html_text.to_text(body.html), True
    body.text = text[: caps.TEXT]


def _leaf(part: Part, number: int, referenced: set[str]) -> Attachment:
    name = _mail_name(part) if part.content_type in _MAIL_TYPES else part.filename
    return _attachment(
        InnerFile(name, part.content(), part.content_type, part.content_id), part.path, number, referenced
    )


def _attachment(
    file: InnerFile, path: str, number: int, referenced: set[str], *, from_tnef: bool = False
) -> Attachment:
    kind = file.content_type if "/" in file.content_type else "application/octet-stream"
    sniffed = names.sniff(file.content)
    filename = names.safe_name(file.name, kind, number)
    return Attachment(
        filename=filename,
        content_type=kind,
        size=len(file.content),
        sha256=sha256(file.content).hexdigest(),
        content_id=file.content_id or None,
        inline=bool(file.content_id) and sniffed in names.SHOWN_INLINE and file.content_id in referenced,
        from_tnef=from_tnef,
        part=path,
        sniffed_type=sniffed,
        dangerous=names.is_dangerous(filename, sniffed),
    )


def _mail_name(part: Part) -> str:
    """Return the name of an attached mail: its own subject, where the part has no name."""
    name = part.filename or next(_subjects(part.content()), "")
    return name if not name or name.lower().endswith((".eml", ".msg")) else f"{name[:200]}.eml"


def _subjects(content: bytes) -> Iterator[str]:
    start = len(content) - len(content.lstrip(b"\r\n"))
    head, _ = tree.header_end(content, start)
    for item in headers.read_block(content[start:head]).fields:
        if item.name == "subject":
            yield words.decode(item.value)
