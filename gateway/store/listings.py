"""What is read for people: intakes, tickets, the outbox, webhooks, newest first. Every function reads one snapshot."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache

from sqlalchemy import ColumnElement, Select, bindparam, func, literal_column, or_, select

from gateway.errors import NotFound
from gateway.mail.address import normal
from gateway.model import (
    AttachmentRow,
    AttemptRow,
    EntryRow,
    IntakeRow,
    IntakeTrace,
    OutboxRow,
    ParticipantRow,
    Refusal,
    TicketRow,
    TicketView,
)
from gateway.store.context import Context
from gateway.store.intakes import verdicts_from_json
from gateway.store.statement import Row, Statement
from gateway.store.tables import (
    attachments,
    customers,
    entries,
    intakes,
    participants,
    raws,
    ticket_links,
    ticket_tags,
    tickets,
)
from gateway.store.tables_out import attempts, deliveries, outgoings
from gateway.store.tables_webhooks import events, webhook_deliveries
from gateway.store.times import to_moment, to_moment_or_none

MOST = 1000  # rows of one answer
TRACED = 100
ZERO: ColumnElement[int] = literal_column("0")
LONGEST_NUMBER = 18  # digits; a longer one is no intake of ours, but may be a Message-ID

i, t, d, w = intakes.c, tickets.c, deliveries.c, webhook_deliveries.c

INTAKES = select(
    i.id, i.received_at, i.mail_from, i.rcpt_to, i.message_id, raws.c.sha256, raws.c.size, i.state, i.disposition,
    i.ticket_id, i.verdicts, i.attempts, i.queue, i.because,
).select_from(intakes.join(raws, raws.c.id == i.raw_id))  # fmt: skip
TICKETS = select(
    t.id, t.queue, t.type, t.subject, t.status, customers.c.address, t.assignee, t.created_at, t.updated_at,
    select(func.count()).select_from(entries).where(entries.c.ticket_id == t.id).scalar_subquery(),
).select_from(tickets.outerjoin(customers, customers.c.id == t.requester_id))  # fmt: skip
OUTBOX = select(
    d.id, d.outgoing_id, d.ticket_id, outgoings.c.kind, d.channel, d.recipient, outgoings.c.message_id, d.state,
    d.attempts, d.queued_at, d.due_at, d.code, d.answer,
).select_from(deliveries.join(outgoings, outgoings.c.id == d.outgoing_id))  # fmt: skip
WEBHOOKS = select(
    w.id, w.webhook, events.c.key, events.c.type, w.ticket_id, w.state, w.attempts, w.queued_at, w.due_at,
    w.finished_at, w.code, w.answer,
).select_from(webhook_deliveries.join(events, events.c.id == w.event_id))  # fmt: skip

# What each listing may be narrowed by.
FILTERS: dict[str, tuple[Select[*tuple[object, ...]], ColumnElement[int], dict[str, ColumnElement[object]]]] = {
    "intakes": (
        INTAKES,
        i.id,
        {"state": i.state, "queue": i.queue, "disposition": i.disposition, "ticket": i.ticket_id},
    ),
    "tickets": (TICKETS, t.id, {"queue": t.queue, "status": t.status, "assignee": t.assignee}),
    "outbox": (
        OUTBOX,
        d.id,
        {"state": d.state, "channel": d.channel, "ticket": d.ticket_id, "outgoing": d.outgoing_id},
    ),
    "webhooks": (WEBHOOKS, w.id, {"webhook": w.webhook, "state": w.state}),
}


@cache
def listing(name: str, narrowed: tuple[str, ...], older: bool) -> Statement:
    """Return the statement of a listing with the given filters."""
    source, number, columns = FILTERS[name]
    conditions = [columns[key] == bindparam(key) for key in narrowed]
    if older:
        conditions.append(number < bindparam("before"))
    return Statement(source.where(*conditions).order_by(number.desc()).limit(bindparam("limit")))


def read(context: Context, name: str, limit: int, before: int | None, **filters: object) -> list[Row]:
    """Return the rows of a listing, newest first; filters that are None do not narrow it."""
    wanted = {key: value for key, value in filters.items() if value is not None}
    statement = listing(name, tuple(sorted(wanted)), before is not None)
    return context.transaction.rows(statement, limit=max(1, min(limit, MOST)), before=before, **wanted)


def list_intakes(context: Context, limit: int, before: int | None, **filters: object) -> list[IntakeRow]:
    """Return intakes."""
    return [as_intake(row) for row in read(context, "intakes", limit, before, **filters)]


def list_tickets(context: Context, limit: int, before: int | None, **filters: object) -> list[TicketRow]:
    """Return tickets."""
    return [as_ticket(row) for row in read(context, "tickets", limit, before, **filters)]


def list_outbox(context: Context, limit: int, before: int | None, **filters: object) -> list[OutboxRow]:
    """Return deliveries."""
    return [as_delivery(row) for row in read(context, "outbox", limit, before, **filters)]


def as_intake(row: Row) -> IntakeRow:
    number, received, mail_from, rcpt_to, message_id, sha256, size, state, disposition, ticket, opinions, *rest = row
    tried, queue, because = rest
    return IntakeRow(
        number, to_moment(received), mail_from, rcpt_to, message_id or "", sha256, size, state, disposition, ticket,
        verdicts_from_json(opinions), tried, queue, because,
    )  # fmt: skip


def as_ticket(row: Row) -> TicketRow:
    number, queue, kind, subject, status, requester, assignee, created, updated, count = row
    return TicketRow(
        number, queue, kind, subject, status, requester or "", assignee, to_moment(created), to_moment(updated), count
    )


def as_delivery(row: Row) -> OutboxRow:
    number, outgoing, ticket, kind, channel, recipient, message_id, state, tried, queued, due, code, answer = row
    due = due if state == "queued" else None
    return OutboxRow(
        number, outgoing, ticket, kind, channel, recipient, message_id or "", state, tried, to_moment(queued),
        to_moment_or_none(due), code, answer,
    )  # fmt: skip


# --- one ticket -----------------------------------------------------------------------------------------------

TICKET = Statement(TICKETS.where(t.id == bindparam("ticket_id")))
TICKET_MORE = Statement(select(t.version, t.priority, t.merged_into).where(t.id == bindparam("ticket_id")))
ENTRIES = Statement(
    select(
        entries.c.id, entries.c.kind, entries.c.author, entries.c.created_at, entries.c.text, entries.c.html,
        entries.c.intake_id, entries.c.outgoing_id,
    )
    .where(entries.c.ticket_id == bindparam("ticket_id"))
    .order_by(entries.c.id)
)  # fmt: skip
ATTACHMENTS = Statement(
    select(
        attachments.c.id, attachments.c.entry_id, attachments.c.intake_id, attachments.c.filename,
        attachments.c.content_type, attachments.c.size, attachments.c.sha256, attachments.c.content_id,
        attachments.c.inline, attachments.c.part, attachments.c.sniffed_type, attachments.c.dangerous,
    )
    .select_from(attachments.join(entries, entries.c.id == attachments.c.entry_id))
    .where(entries.c.ticket_id == bindparam("ticket_id"))
    .order_by(attachments.c.id)
)  # fmt: skip
PARTICIPANTS = Statement(
    select(participants.c.address, participants.c.name, participants.c.role)
    .where(participants.c.ticket_id == bindparam("ticket_id"))
    .order_by(participants.c.added_at, participants.c.address)
)
TAGS = Statement(select(ticket_tags.c.tag).where(ticket_tags.c.ticket_id == bindparam("ticket_id")).order_by("tag"))
LINKS = Statement(
    select(ticket_links.c.other_id).where(ticket_links.c.ticket_id == bindparam("ticket_id")).order_by("other_id")
)
DELIVERIES = Statement(OUTBOX.where(d.ticket_id == bindparam("ticket_id")).order_by(d.id))


def find_ticket(context: Context, number: int) -> tuple[TicketRow, list[EntryRow]]:
    """Return a ticket with its time-line. Raises NotFound."""
    row = context.transaction.row(TICKET, ticket_id=number)
    if row is None:
        raise NotFound(f"there is no ticket {number}")
    return as_ticket(row), [as_entry(entry) for entry in context.transaction.rows(ENTRIES, ticket_id=number)]


def as_entry(row: Row) -> EntryRow:
    number, kind, author, created, text, html, intake, outgoing = row
    return EntryRow(number, kind, author, to_moment(created), text, html, intake, outgoing)


def view_ticket(context: Context, number: int) -> TicketView:
    """Return a ticket with everything that its page shows."""
    transaction = context.transaction
    ticket, timeline = find_ticket(context, number)
    more = transaction.row(TICKET_MORE, ticket_id=number)
    assert more is not None
    version, priority, merged_into = more
    return TicketView(
        ticket,
        version,
        priority,
        merged_into,
        tags=tuple(row[0] for row in transaction.rows(TAGS, ticket_id=number)),
        links=tuple(row[0] for row in transaction.rows(LINKS, ticket_id=number)),
        participants=tuple(ParticipantRow(*row) for row in transaction.rows(PARTICIPANTS, ticket_id=number)),
        entries=tuple(timeline),
        attachments=tuple(as_attachment(row) for row in transaction.rows(ATTACHMENTS, ticket_id=number)),
        deliveries=tuple(as_delivery(row) for row in transaction.rows(DELIVERIES, ticket_id=number)),
    )


def as_attachment(row: Row) -> AttachmentRow:
    number, entry, intake, filename, kind, size, sha256, content_id, inline, part, sniffed, dangerous = row
    return AttachmentRow(
        number, entry, intake, filename, kind, size, sha256, content_id, bool(inline), part, sniffed, bool(dangerous)
    )


# --- the ledger -----------------------------------------------------------------------------------------------

TRACE_MORE = Statement(
    select(i.author, i.subject, i.kind, i.settled_at, i.refusals).where(i.id == bindparam("intake_id"))
)
CAUSED = Statement(OUTBOX.where(outgoings.c.cause_id == bindparam("intake_id")).order_by(d.id))
BY_NUMBER = Statement(INTAKES.where(i.id == bindparam("number")))
BY_MESSAGE_ID = Statement(
    INTAKES.where(i.message_id == bindparam("message_id")).order_by(i.id.desc()).limit(literal_column(str(TRACED)))
)
BY_AUTHOR = Statement(
    INTAKES.where(i.author == bindparam("address")).order_by(i.id.desc()).limit(literal_column(str(TRACED)))
)
# Envelopes have no index, or accepting would have to write it: only the newest are looked through.
older = intakes.alias("older")
OLDEST_LOOKED_AT = select(func.coalesce(func.max(older.c.id), ZERO) - literal_column("100000")).scalar_subquery()
BY_ENVELOPE = Statement(
    INTAKES.where(
        i.id > OLDEST_LOOKED_AT,
        or_(func.lower(i.mail_from) == bindparam("address"), func.lower(i.rcpt_to) == bindparam("address")),
    )
    .order_by(i.id.desc())
    .limit(literal_column(str(TRACED)))
)
ATTEMPTS = Statement(
    select(
        attempts.c.delivery_id, attempts.c.number, attempts.c.started_at, attempts.c.ended_at, attempts.c.outcome,
        attempts.c.code, attempts.c.answer, attempts.c.dot_sent,
    )
    .where(attempts.c.delivery_id == bindparam("delivery_id"))
    .order_by(attempts.c.number)
)  # fmt: skip
RAW_OF = Statement(select(i.raw_id).where(i.id == bindparam("intake_id")))


def trace(context: Context, what: str) -> list[IntakeTrace]:
    """Return the intakes with this number, Message-ID or address, newest first."""
    wanted = what.strip().removeprefix("<").removesuffix(">")
    rows: Sequence[Row] = []
    if wanted.isascii() and wanted.isdigit() and len(wanted) < LONGEST_NUMBER:
        rows = context.transaction.rows(BY_NUMBER, number=int(wanted))
    rows = rows or context.transaction.rows(BY_MESSAGE_ID, message_id=wanted)
    if not rows:
        address = normal(wanted)
        found = [context.transaction.rows(statement, address=address) for statement in (BY_AUTHOR, BY_ENVELOPE)]
        unique = {row[0]: row for part in found for row in part}
        rows = [unique[number] for number in sorted(unique, reverse=True)[:TRACED]]
    return [as_trace(context, as_intake(row)) for row in rows]


def as_trace(context: Context, row: IntakeRow) -> IntakeTrace:
    more = context.transaction.row(TRACE_MORE, intake_id=row.id)
    assert more is not None
    author, subject, kind, settled, refusals = more
    return IntakeTrace(
        row,
        author or "",
        subject or "",
        kind,
        to_moment_or_none(settled),
        tuple(Refusal(*item) for item in json.loads(refusals or "[]")),
        tuple(as_delivery(delivery) for delivery in context.transaction.rows(CAUSED, intake_id=row.id)),
    )


def list_attempts(context: Context, delivery_id: int) -> list[AttemptRow]:
    """Return the attempts under a delivery."""
    return [
        AttemptRow(
            delivery, number, to_moment(started), to_moment_or_none(ended), outcome, code, answer, bool(dot_sent)
        )
        for delivery, number, started, ended, outcome, code, answer, dot_sent in context.transaction.rows(
            ATTEMPTS, delivery_id=delivery_id
        )
    ]


def raw_of(context: Context, intake_id: int) -> int:
    """Return the raw mail of an intake. Raises NotFound."""
    raw_id = context.transaction.value(RAW_OF, intake_id=intake_id)
    if raw_id is None:
        raise NotFound(f"there is no intake {intake_id}")
    return int(raw_id)
