"""Mails, plans and drafts to put into a store, each with only what the test at hand is about."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

from gateway.model import (
    Applied,
    AutomaticMail,
    Claim,
    Disposition,
    Draft,
    EntryKind,
    Envelope,
    Judgement,
    Kind,
    Mailbox,
    NewTicket,
    OutgoingId,
    OutgoingKind,
    ParsedMail,
    Plan,
    Refusal,
    Route,
    TicketId,
)
from gateway.ports import Correspondence
from gateway.store import SqlStore

ANN = Mailbox("Ann Example", "ann@example.com")
DESK = Mailbox("Support", "support@example.org")
HOUR = timedelta(hours=1)
NO_LETTERS = cast("Correspondence", None)  # nobody here wants an alert, and no agent answers by mail
numbers = itertools.count(1)


class Hands:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


def envelope(store: SqlStore, rcpt_to: str = "support@tickets.example.org", source_ref: str = "") -> Envelope:
    """Return an envelope that arrives now."""
    return Envelope(
        "ann@example.com", rcpt_to, store.clock.now(), session="s1", peer="192.0.2.1", source_ref=source_ref
    )


def mail(**changes: Any) -> ParsedMail:
    """Return a mail of Ann's; each has its own Message-ID and digest unless told otherwise."""
    number = next(numbers)
    plain = ParsedMail(
        message_id=f"m{number}@example.com",
        subject="Printer on fire",
        from_=ANN,
        text="It burns.\n\n> quoted",
        reply_text="It burns.",
        digest=f"d{number}",
        size=100,
    )
    return replace(plain, **changes)


def opens(parsed: ParsedMail, queue: str = "support", author: Mailbox = ANN, **changes: Any) -> Plan:
    """Return the plan that opens a ticket."""
    plain = Plan(
        Disposition.TICKET,
        Judgement(Kind.HUMAN, requester=author, author=author),
        key=f"{parsed.message_id} {parsed.digest}",
        entry_kind=EntryKind.CUSTOMER,
        new_ticket=NewTicket(queue, parsed.subject),
    )
    return replace(plain, **changes)


def appends(parsed: ParsedMail, ticket_id: TicketId, **changes: Any) -> Plan:
    """Return the plan that puts a person's mail on a ticket."""
    plain = {"disposition": Disposition.APPEND, "new_ticket": None, "ticket_id": ticket_id, "reopen": True}
    return opens(parsed, **{**plain, **changes})


async def take(store: SqlStore, raw: bytes = b"raw", queue: str = "support") -> Claim:
    """Accept a mail and claim it."""
    (intake_id,) = await store.accept(raw, [envelope(store)], [queue])
    claims = await store.claim_intakes(1000, HOUR)
    return next(claim for claim in claims if claim.intake_id == intake_id)


async def process(store: SqlStore, parsed: ParsedMail, plan: Plan, claim: Claim | None = None) -> Applied:
    """Take a mail all the way, with an acknowledgement if the plan asks for one."""
    taken = claim or await take(store, queue=plan.new_ticket.queue if plan.new_ticket else "support")
    recipient = plan.judgement.requester.address if plan.judgement.requester else ""
    return await store.transact(
        lambda writer: writer.apply(
            taken, parsed, plan, lambda _ticket, outgoing: draft(outgoing, recipient), NO_LETTERS
        )
    )


def draft(outgoing_id: OutgoingId, recipient: str, kind: OutgoingKind = OutgoingKind.ACKNOWLEDGEMENT) -> Draft:
    """Return a mail of ours to one recipient."""
    return Draft(
        kind=kind,
        queue="support",
        channel="relay",
        from_=DESK,
        to=(Mailbox("", recipient),),
        subject="Re: Printer on fire",
        text="We are looking for water.",
        message_id=f"o{outgoing_id}@tickets.example.org",
    )


async def open_ticket(store: SqlStore, author: Mailbox = ANN, queue: str = "support") -> TicketId:
    """Open a ticket without an acknowledgement, and return its number."""
    parsed = mail(from_=author)
    applied = await process(store, parsed, opens(parsed, queue, author))
    assert applied.ticket_id is not None
    return applied.ticket_id


async def reply(store: SqlStore, ticket_id: TicketId, recipient: str = ANN.address, **changes: Any) -> OutgoingId:
    """Queue an agent's reply."""
    return await store.transact(
        lambda writer: writer.queue_reply(
            ticket_id,
            lambda outgoing: replace(draft(outgoing, recipient, OutgoingKind.REPLY), **changes),
            "Bob <bob@example.org>",
        )
    )


async def send_automatic(store: SqlStore, recipient: str, **changes: Any) -> OutgoingId | Refusal:
    """Ask for one notice."""
    request = replace(AutomaticMail(OutgoingKind.NOTICE, "support", recipient), **changes)
    return await store.transact(
        lambda writer: writer.queue_automatic(request, lambda outgoing: draft(outgoing, recipient, request.kind))
    )


def route(queue: str = "support") -> Route:
    return Route(queue, f"{queue}@tickets.example.org")


def texts(entries: Sequence[Any]) -> list[tuple[str, str]]:
    """Return kind and text of entries."""
    return [(entry.kind, entry.text) for entry in entries]
