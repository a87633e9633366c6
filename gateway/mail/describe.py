"""ParsedMail as the objects that `poterne explain --json` prints: the keys are a contract."""

from __future__ import annotations

from typing import Any

from gateway.mail import address
from gateway.model import Attachment, Mailbox, ParsedMail, ReportKind


def describe(mail: ParsedMail) -> dict[str, Any]:
    """Return the `message` and `bounce` parts of the explain object."""
    return {"message": message(mail), "bounce": bounce(mail)}


def message(mail: ParsedMail) -> dict[str, Any]:
    """Return the `message` part."""
    return {
        "message_id": mail.message_id,
        "subject": mail.subject,
        "date": mail.date.isoformat() if mail.date is not None else None,
        "from": _author(mail),
        "reply_to": [_box(box) for box in mail.reply_to],
        "to": [_box(box) for box in mail.to],
        "cc": [_box(box) for box in mail.cc],
        "text": mail.text,
        "html": mail.html,
        "reply_text": mail.reply_text,
        "signature": mail.signature,
        "attachments": [_attachment(item) for item in mail.attachments],
        "security": {"smime": mail.security.smime, "pgp": mail.security.pgp},
        "defects": list(mail.defects),
    }


def bounce(mail: ParsedMail) -> list[dict[str, Any]]:
    """Return the `bounce` part: the recipients of a delivery report, empty for all other mails."""
    if mail.report is None or mail.report.kind is not ReportKind.DELIVERY:
        return []
    return [
        {
            "recipient": item.recipient,
            "action": item.action.value,
            "status": item.status,
            "permanent": item.permanent,
            "diagnostic": item.diagnostic,
        }
        for item in mail.report.recipients
    ]


def _author(mail: ParsedMail) -> dict[str, str]:
    if mail.from_ is not None:
        return _box(mail.from_)
    # What stands there names nobody, but a person may still want to read it
    return {"name": address.display(mail.first("from")), "address": ""}


def _box(box: Mailbox) -> dict[str, str]:
    return {"name": box.name, "address": box.address}


def _attachment(item: Attachment) -> dict[str, Any]:
    return {
        "filename": item.filename,
        "content_type": item.content_type,
        "size": item.size,
        "sha256": item.sha256,
        "content_id": item.content_id,
        "inline": item.inline,
        "from_tnef": item.from_tnef,
        "sniffed_type": item.sniffed_type,
        "dangerous": item.dangerous,
    }
