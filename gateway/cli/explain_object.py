"""A mail and what was decided about it, as the one object that `poterne explain --json` prints for it."""

from __future__ import annotations

from typing import Any

from gateway.cli.output import jsonable
from gateway.model import Disposition, Envelope, Mailbox, ParsedMail, Plan, ReportKind, Route, Verdict

OPENED_NOTHING = {
    Disposition.APPEND: "it continues a ticket that was acknowledged before",
    Disposition.AUTO_REPLY: "it is a responder's mail",
    Disposition.BOUNCE: "it is a delivery report",
    Disposition.RECEIPT: "it is a receipt or a calendar answer",
    Disposition.COMPLAINT: "it is a complaint",
    Disposition.OWN_COPY: "it is our own mail",
    Disposition.DUPLICATE: "this mail was taken before",
    Disposition.QUARANTINE: "it is held",
    Disposition.BLOCKED: "an override refuses its sender",
}


def explanation(file: str, envelope: Envelope, mail: ParsedMail, plan: Plan, route: Route) -> dict[str, Any]:
    """Return the object for one mail."""
    judgement = plan.judgement
    requester = judgement.requester
    report = mail.report if mail.report is not None and mail.report.kind is ReportKind.DELIVERY else None
    return {
        "file": file,
        "envelope": {"mail_from": envelope.mail_from, "rcpt_to": envelope.rcpt_to},
        "message": message(mail),
        "classification": {
            "kind": judgement.kind.value,
            "verdicts": [verdict(item) for item in judgement.verdicts],
        },
        "bounce": [jsonable(item) for item in report.recipients] if report else [],
        "requester": box(requester) if requester else None,
        "disposition": plan.disposition.value,
        "queue": plan.new_ticket.queue if plan.new_ticket else route.queue,
        "would_acknowledge": plan.acknowledge,
        "would_send": would_send(plan),
        "why_not": list(why_not(plan)),
    }


def message(mail: ParsedMail) -> dict[str, Any]:
    """Return what the mail says."""
    return {
        "message_id": mail.message_id,
        "subject": mail.subject,
        "date": mail.date.isoformat() if mail.date else None,
        "from": box(mail.from_) if mail.from_ else None,
        "reply_to": [box(item) for item in mail.reply_to],
        "to": [box(item) for item in mail.to],
        "cc": [box(item) for item in mail.cc],
        "text": mail.text,
        "html": mail.html,
        "reply_text": mail.reply_text,
        "signature": mail.signature,
        "attachments": [
            {
                "filename": item.filename,
                "content_type": item.content_type,
                "size": item.size,
                "sha256": item.sha256,
                "content_id": item.content_id,
                "inline": item.inline,
                "from_tnef": item.from_tnef,
            }
            for item in mail.attachments
        ],
        "security": {"smime": mail.security.smime, "pgp": mail.security.pgp},
        "defects": list(mail.defects),
    }


def verdict(item: Verdict) -> dict[str, str]:
    """Return one rule's opinion; where it was seen stands with what was seen."""
    because = f"{item.because} ({item.where})" if item.where else item.because
    return {"rule": item.rule, "effect": item.effect.value, "because": because}


def box(item: Mailbox) -> dict[str, str]:
    """Return a mailbox."""
    return {"name": item.name, "address": item.address}


def would_send(plan: Plan) -> list[dict[str, str]]:
    """Return the automatic mail that this mail would cause, if the bound allows it."""
    requester = plan.judgement.requester
    if not plan.acknowledge or requester is None:
        return []
    return [{"kind": "acknowledgement", "recipient": requester.address}]


def why_not(plan: Plan) -> tuple[str, ...]:
    """Return in plain sentences why nothing would be acknowledged; empty if something would."""
    if plan.acknowledge:
        return ()
    judgement = plan.judgement
    opened = OPENED_NOTHING.get(plan.disposition)
    reasons = judgement.why_not or ((opened,) if opened else ())
    if not reasons and judgement.requester is None:
        return ("there is nobody we may write to",)
    return reasons or ("the queue does not acknowledge",)
