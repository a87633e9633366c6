"""Octets in, ParsedMail out. Total: no input raises.

Each step that reads strangers' octets is guarded on its own, so that a mail whose HTML breaks us still has its
subject, its sender and its attachments. What failed is a defect; the raw mail is kept by the caller anyway.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Final, NamedTuple, TypeVar

from gateway.mail import (
    attachments,
    caps,
    dates,
    digest,
    fields,
    headers,
    html,
    html_text,
    reply,
    reply_html,
    report,
    tree,
)
from gateway.mail import body as bodies
from gateway.mail import calendar as calendars
from gateway.mail import security as labels
from gateway.mail.address import parse_mailboxes
from gateway.mail.part import Part
from gateway.model import Attachment, Mailbox, ParsedMail, Security

T = TypeVar("T")

_CHARSET: Final = re.compile(rb"charset\s{0,5}=\s{0,5}\"?([A-Za-z0-9_.:-]{2,40})", re.IGNORECASE)
_HINT_WITHIN: Final = 64 << 10
SUBSTITUTE_DOMAIN: Final = "substitute.invalid"  # RFC 2606 §2: never anybody's


def parse(raw: bytes) -> ParsedMail:
    """Return what the mail says. Total: every octet string has a ParsedMail, and none raises."""
    try:
        return _Reader(raw).read()
    except Exception as error:  # the last net, RecursionError and MemoryError included: the caller keeps the raw mail
        return ParsedMail(
            message_id=f"unreadable.{len(raw)}@{SUBSTITUTE_DOMAIN}",
            message_id_missing=True,
            defects=(f"failed.parse:{type(error).__name__}",),
            size=len(raw),
        )


class _Reader:
    """One mail while it is read: its defects, and the steps that fill in the nouns."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._defects: dict[str, None] = {}

    def _step(self, name: str, job: Callable[[], T], default: T) -> T:
        """Run one step. Whatever it raises becomes a defect, and the mail goes on with `default`."""
        try:
            return job()
        except Exception as error:  # a mail that breaks one step keeps the others
            self._note(f"failed.{name}:{type(error).__name__}")
            return default

    def _note(self, *defects: str) -> None:
        for defect in defects:
            if defect and len(self._defects) < caps.DEFECTS:
                self._defects[defect] = None

    def read(self) -> ParsedMail:
        """Read everything."""
        raw = self._raw
        end, start = tree.header_end(raw)
        block = headers.read_block(raw[:end], hint=self._hint(end))
        found = block.fields
        first = {item.name: item.value for item in reversed(found)}
        self._note(*block.defects, *fields.repeated(found))

        root = self._step("tree", lambda: tree.split(raw, block=block, start=start), Part(raw, found, start, path="1"))
        body = self._step("body", lambda: self._body(root, block, end), bodies.Body())
        files: tuple[Attachment, ...] = self._step("attachments", lambda: self._attachments(body), ())
        subject = self._step("subject", lambda: fields.subject(first.get("subject", "")), "")
        forwarded = reply.says_forward(subject)
        rich = self._step("reply-html", lambda: _new_html(body, forwarded=forwarded), _NewHtml())
        cut = self._step("reply", lambda: _cut(body, rich, forwarded=forwarded), reply.Cut(body.text))
        authors: tuple[Mailbox, ...] = self._step("from", lambda: self._authors(first.get("from", "")), ())
        message_id = fields.message_id(first.get("message-id", ""))
        content_digest = self._step("digest", lambda: digest.digest(found, root, files), "")
        for part in root.walk():
            self._note(*part.defects)
        return ParsedMail(
            fields=found,
            message_id=message_id or f"{content_digest[:40]}@{SUBSTITUTE_DOMAIN}",
            message_id_missing=not message_id,
            subject=subject,
            date=self._step("date", lambda: self._date(first), None),
            from_=authors[0] if authors else None,
            from_all=authors,
            sender=next(iter(self._boxes(first, "sender")), None),
            reply_to=self._boxes(first, "reply-to"),
            to=self._boxes(first, "to"),
            cc=self._boxes(first, "cc"),
            in_reply_to=self._step("in-reply-to", lambda: fields.message_ids(first.get("in-reply-to", "")), ()),
            references=self._step("references", lambda: fields.references(first.get("references", "")), ()),
            content_type=root.content_type,
            text=body.text,
            html=body.html,
            remote_images=body.remote_images,
            reply_text=cut.reply,
            reply_html=rich.clean,
            signature=cut.signature,
            attachments=files,
            security=self._step("security", lambda: labels.read_security(root, body.text), Security()),
            report=self._step("report", lambda: report.read_report(root), None),
            calendar_method=self._step("calendar", lambda: calendars.method(root), ""),
            defects=tuple(self._defects),
            hostile=block.hostile,
            digest=content_digest,
            size=len(raw),
        )

    def _hint(self, end: int) -> str:
        """Return the charset that the mail declares somewhere, for 8-bit header text that declares none."""
        if self._raw[: min(end, caps.HEADER_BLOCK)].isascii():
            return ""
        match = _CHARSET.search(self._raw[:_HINT_WITHIN])
        return match[1].decode("ascii") if match else ""

    def _body(self, root: Part, block: headers.Block, end: int) -> bodies.Body:
        body = bodies.read_body(root)
        self._note(*body.defects)
        if block.hostile and root.start >= len(self._raw) and not body.text and not body.attached:
            # Without one CRLF CRLF everything is header. Nobody's words shall be lost over that
            body.text = Part(self._raw[:end]).text()
            self._note("body.missing")
        return body

    def _attachments(self, body: bodies.Body) -> tuple[Attachment, ...]:
        found, defects = attachments.read_attachments(body)
        self._note(*defects)
        return tuple(found)

    def _authors(self, value: str) -> tuple[Mailbox, ...]:
        boxes, defect = fields.from_mailboxes(value)
        self._note(defect)
        return boxes

    def _boxes(self, first: dict[str, str], name: str) -> tuple[Mailbox, ...]:
        value = first.get(name, "")
        return self._step(name, lambda: parse_mailboxes(value), ()) if value else ()

    def _date(self, first: dict[str, str]) -> datetime | None:
        value = first.get("date", "")
        found = dates.parse_date(value)
        if found is None:
            self._note("date.unreadable" if value else "date.missing")
        return found


class _NewHtml(NamedTuple):
    """What the author newly wrote in HTML: as it was read, and safe to show (None if no quote was cut away)."""

    parts: reply_html.HtmlParts | None = None
    clean: str | None = None


def _new_html(body: bodies.Body, *, forwarded: bool) -> _NewHtml:
    parts = reply_html.read(body.source, forwarded=forwarded) if body.source else None
    return _NewHtml(parts, None if parts is None or parts.html is None else html.sanitise(parts.html).html)


def _cut(body: bodies.Body, rich: _NewHtml, *, forwarded: bool) -> reply.Cut:
    shown = html_text.to_text(rich.clean) if rich.clean else ""
    return reply.author_text(body.text, rich.parts, shown, forwarded=forwarded)
