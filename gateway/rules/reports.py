"""What machines say about mail: bounces, receipts, complaints, calendar answers.

A report changes something only if a token of ours ties it to a delivery of ours. Everything else is shown or held.
"""

from __future__ import annotations

from typing import Final

from gateway.mail.address import identity
from gateway.model import (
    Action,
    DeliveryId,
    Facts,
    Judgement,
    Kind,
    ParsedMail,
    ReportedRecipient,
    ReportEvent,
    ReportKind,
    TokenPurpose,
)
from gateway.rules.reading import Evidence, Reading
from gateway.rules.robots import local_part
from gateway.rules.wording import bounce_subject

DAEMONS: Final = frozenset({"mailer-daemon", "mailerdaemon", "mail-daemon", "double-bounce"})
"""Local parts under which nobody but a mail system's bounce robot writes."""
SYSTEMS: Final = ("mailer", "daemon", "smtp", "mail-system", "mailsystem", "mail-delivery", "maildelivery", "antivirus",
                  "system-administrator", "systemadministrator", "microsoftexchange")  # fmt: skip
"""Pieces of local parts of mail systems. They count only for a mail that is worded like a bounce."""
BOUNCE_FIELDS: Final = ("x-failed-recipients", "x-ms-exchange-message-is-ndr", "x-postfix-queue-id", "x-postfix-sender")
BAD_ADDRESS: Final = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"})  # RFC 3463 §3.2, RFC 7505 §3
"""The only states that mute an address: it does not exist. Policy and a full box say nothing about the next mail."""


def delivery_report(reading: Reading) -> Evidence | None:
    """Match a delivery report in the standard form (RFC 3464). A person who forwards one asks a question: no match."""
    report = reading.mail.report
    if report is None or report.kind is not ReportKind.DELIVERY or not report.standard:
        return None
    actions = ", ".join(dict.fromkeys(item.action.value for item in report.recipients)) or "no recipients"
    return Evidence(f"a delivery report: {actions}", "body")


def bounce_by_wording(reading: Reading) -> Evidence | None:
    """Match a bounce in words only, if a token of ours or its sender says so, too."""
    report = reading.mail.report
    if report is None or report.kind is not ReportKind.DELIVERY or report.standard:
        return None
    if is_tied(reading):
        return Evidence("worded like a bounce, about mail of ours", "body")
    if sign := _bounce_robot(reading) or _mail_system(reading):
        return Evidence(f"worded like a bounce, and {sign}", "body")
    return None


def bounce_by_sender(reading: Reading) -> Evidence | None:
    """Match what a mail system's own bounce robot sends, whatever its words."""
    if reading.mail.report is not None or local_part(reading.from_address) not in DAEMONS:
        return None
    return Evidence(f"From is {reading.from_address}", "From")


def bounce_by_fields(reading: Reading) -> Evidence | None:
    """Match the fields of mail systems that bounce without a standard report."""
    if not (is_tied(reading) or _bounce_robot(reading)):
        return None
    return next((reading.seen(item) for name in BOUNCE_FIELDS for item in reading.fields(name)), None)


def answered_bounce_address(reading: Reading) -> Evidence | None:
    """Notice a person who answers to a bounce address: what is not shaped like a report is a reply."""
    token = reading.facts.tokens.recipient
    if token is None or token.purpose is not TokenPurpose.BOUNCE or reading.mail.report is not None:
        return None
    return Evidence("sent to a bounce address, but no report", "envelope recipient")


def receipt(reading: Reading) -> Evidence | None:
    """Match a read receipt (RFC 8098), whatever it says became of the mail."""
    report = reading.mail.report
    if report is None or report.kind is not ReportKind.DISPOSITION:
        return None
    return Evidence(f"a read receipt: {report.detail or 'no disposition'}", "body")


def complaint(reading: Reading) -> Evidence | None:
    """Match an abuse feedback report (RFC 5965) or Apple's request to unsubscribe."""
    report = reading.mail.report
    if report is not None and report.kind is ReportKind.FEEDBACK:
        return Evidence(f"a feedback report: {report.detail or 'no type'}", "body")
    for item in reading.fields("x-apple-unsubscribe"):
        if item.value.strip().lower() == "true":
            return reading.seen(item)
    return None


def calendar_answer(reading: Reading) -> Evidence | None:
    """Match REPLY, COUNTER and CANCEL of a calendar (RFC 5546 §3.2). An invitation may carry a question: no match."""
    report = reading.mail.report
    method = reading.mail.calendar_method.upper()
    if report is not None and report.kind is ReportKind.CALENDAR:
        method = method or report.detail.upper()
    return Evidence(f"a calendar answer: {method}", "body") if method in {"REPLY", "COUNTER", "CANCEL"} else None


def is_tied(reading: Reading) -> bool:
    """Tell whether a verified token says which mail of ours this is about."""
    tokens = reading.facts.tokens
    bounce = tokens.recipient is not None and tokens.recipient.purpose is TokenPurpose.BOUNCE
    return bounce or bool(tokens.reported)


def _bounce_robot(reading: Reading) -> str:
    """Say what shows a bounce robot behind a mail that is not in the standard form, or the empty string.

    Not postmaster: people write under that name, too. The envelope counts, for a forwarder may have blanked it only
    together with what its own mail system says.
    """
    sender = reading.facts.envelope.mail_from.strip("<> ")
    if local_part(reading.from_address) in DAEMONS:
        return f"From is {reading.from_address}"
    if reading.has_null_sender:
        return "the envelope sender is empty"
    return f"the envelope sender is {sender}" if local_part(sender) in DAEMONS else ""


def _mail_system(reading: Reading) -> str:
    """Say that From names a mail system, or the empty string.

    A postmaster is one if the subject says so, too. So is a From that is no address, such as `<>`: people's programs
    do not write that.
    """
    if reading.mail.from_ is None and bounce_subject(reading):
        return "From is no address"
    local = local_part(reading.from_address)
    if any(piece in local for piece in SYSTEMS) or (local == "postmaster" and bounce_subject(reading)):
        return f"From is {reading.from_address}"
    return ""


# --- what a report changes ------------------------------------------------------------------------------------


def report_events(mail: ParsedMail, facts: Facts) -> tuple[ReportEvent, ...]:
    """Return what a delivery report says of deliveries of ours: one event per delivery and reported recipient.

    `facts.stored.reported_deliveries` holds only those that a verified token names. An address is suppressed only on
    clear evidence: failed for good, with a status that says that the address is bad.
    """
    report = mail.report
    deliveries = facts.stored.reported_deliveries
    if not deliveries:
        return ()
    if report is None or report.kind is not ReportKind.DELIVERY or not report.recipients:
        return tuple(_unreadable(delivery, address, mail) for delivery, _, address in deliveries[:1])
    events: list[ReportEvent] = []
    for delivery, _, address in deliveries:
        about = [item for item in report.recipients if identity(item.recipient) == identity(address)]
        if not about and len(deliveries) == 1:
            # The remote side forwarded our mail and reports the address behind: the token says it was this delivery.
            about = list(report.recipients[:1])
        events.extend(ReportEvent(delivery, item, suppress=_is_bad_address(item)) for item in about)
    return tuple(events)


def complainants(mail: ParsedMail, facts: Facts, judgement: Judgement) -> tuple[str, ...]:
    """Return the addresses that get no automatic mail any more because of a complaint.

    A forged complaint must not mute a customer, so a token has to say which mail of ours it is about: then it is that
    mail's recipients, or, where the reader's own program asks (Apple), the author.
    """
    if judgement.kind is not Kind.COMPLAINT:
        return ()
    if mail.report is not None and mail.report.kind is ReportKind.FEEDBACK:
        return tuple(dict.fromkeys(address for _, _, address in facts.stored.reported_deliveries))
    tokens = facts.tokens
    answers_us = tokens.recipient is not None or bool(tokens.references) or tokens.body is not None
    return (judgement.author.address,) if answers_us and judgement.author is not None else ()


def _is_bad_address(item: ReportedRecipient) -> bool:
    return item.action is Action.FAILED and item.permanent and item.status in BAD_ADDRESS


def _unreadable(delivery: DeliveryId, address: str, mail: ParsedMail) -> ReportEvent:
    """Return the event of a report that names no recipient: shown as failed, and nobody is suppressed for it."""
    said = ReportedRecipient(address, Action.FAILED, "", permanent=False, diagnostic=mail.subject[:200])
    return ReportEvent(delivery, said)
