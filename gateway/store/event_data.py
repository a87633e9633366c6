"""What events say of tickets, entries, mails of ours and held mails; docs/webhooks.md shows each.

Texts are cut: an event is news, and the API has the whole. Nothing here reads a secret, only an entry that is a note
reads a note, and `masked` takes the tokens out of everything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, func, literal_column, select

from gateway.mail.token import mask
from gateway.model import DeliveryState, Disposition, EventType
from gateway.store.context import Context
from gateway.store.intakes import verdicts_from_json
from gateway.store.news import TAGS
from gateway.store.outgoing import BY_HAND
from gateway.store.statement import Statement
from gateway.store.tables import attachments, customers, entries, intakes, tickets
from gateway.store.tables_out import deliveries, outgoing_files, outgoings
from gateway.store.times import to_moment

TEXT = 10_000  # characters of an entry
FILES = 50  # attachments that are named

Data = dict[str, Any]
Reader = Callable[[], Data]

t, e, d, o, i = tickets.c, entries.c, deliveries.c, outgoings.c, intakes.c
TICKET = Statement(
    select(
        t.id.label("number"),
        t.queue,
        t.type,
        t.subject,
        t.status,
        t.priority,
        t.assignee,
        t.created_at,
        t.updated_at,
        t.due_at,
        t.merged_into,
        t.version,
        customers.c.name,
        customers.c.address,
    )
    .select_from(tickets.outerjoin(customers, customers.c.id == t.requester_id))
    .where(t.id == bindparam("ticket_id"))
)
TICKET_KEYS = (
    "number", "queue", "type", "subject", "status", "priority", "assignee", "created_at", "updated_at", "due_at",
    "merged_into", "version",
)  # fmt: skip
ENTRY = Statement(
    select(e.id, e.ticket_id, e.kind, e.author, e.created_at, e.intake_id, e.outgoing_id, e.text).where(
        e.id == bindparam("entry_id")
    )
)
ATTACHED = Statement(
    select(attachments.c.filename, attachments.c.content_type, attachments.c.size)
    .where(attachments.c.entry_id == bindparam("entry_id"))
    .order_by(attachments.c.id)
    .limit(literal_column(str(FILES)))
)
SENT_ALONG = Statement(
    select(outgoing_files.c.filename, outgoing_files.c.content_type, func.length(outgoing_files.c.content))
    .where(outgoing_files.c.outgoing_id == bindparam("outgoing"), BY_HAND)
    .order_by(outgoing_files.c.position)
    .limit(literal_column(str(FILES)))
)
DELIVERY = Statement(
    select(
        d.id,
        d.outgoing_id,
        d.ticket_id,
        d.channel,
        d.recipient,
        d.state,
        d.queued_at,
        d.attempts,
        d.warned,
        d.code,
        d.answer,
        o.kind,
        o.queue,
    )
    .select_from(deliveries.join(outgoings, o.id == d.outgoing_id))
    .where(d.id == bindparam("delivery_id"))
)
HELD = Statement(
    select(
        i.id, i.queue, i.received_at, i.mail_from, i.rcpt_to, i.author, i.subject, i.message_id, i.because, i.verdicts
    ).where(i.id == bindparam("intake_id"), i.disposition == literal_column(f"'{Disposition.QUARANTINE.value}'"))
)
OF_STATE = {
    DeliveryState.SENT: EventType.DELIVERY_SENT,
    DeliveryState.FAILED: EventType.DELIVERY_FAILED,
    DeliveryState.BOUNCED: EventType.DELIVERY_BOUNCED,
    DeliveryState.REFUSED: EventType.DELIVERY_REFUSED,
    DeliveryState.CANCELLED: EventType.DELIVERY_CANCELLED,
    DeliveryState.HELD: EventType.DELIVERY_HELD,
}


def moment(number: int | None) -> str | None:
    """Return a time as JSON has it."""
    return None if number is None else to_moment(number).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def change(name: str, before: Any, after: Any) -> Data:
    """Return one change of a ticket."""
    if name == "due_at":
        before, after = moment(before), moment(after)
    return {"from": before, "to": after}


def masked(value: Any) -> Any:
    """Return what JSON has, without a token in any of its texts: who holds one could write to the ticket with it."""
    match value:
        case str():
            return mask(value)
        case dict():
            return {key: masked(item) for key, item in value.items()}
        case list() | tuple():
            return [masked(item) for item in value]
        case _:
            return value


def constant(name: str, value: Data) -> Reader:
    """Return a reader of what is known already."""
    return lambda: {name: value}


class Tickets:
    """The tickets that a transaction's events are about, each read once."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._known: dict[int, Data | None] = {}

    def queue(self, ticket_id: int) -> str | None:
        """Return a ticket's queue, or None if there is no such ticket (any more)."""
        found = self._ticket(ticket_id)
        return None if found is None else found["queue"]

    def reader(self, ticket_id: int | None, more: Reader = dict) -> Reader:
        """Return a reader of a ticket, and of `more` about it."""
        return lambda: {"ticket": self._ticket(ticket_id) if ticket_id is not None else None, **more()}

    def _ticket(self, ticket_id: int) -> Data | None:
        if ticket_id not in self._known:
            self._known[ticket_id] = self._read(ticket_id)
        return self._known[ticket_id]

    def _read(self, ticket_id: int) -> Data | None:
        row = self._context.transaction.row(TICKET, ticket_id=ticket_id)
        if row is None:
            return None
        *values, name, address = row
        found = dict(zip(TICKET_KEYS, values, strict=True))
        for key in ("created_at", "updated_at", "due_at"):
            found[key] = moment(found[key])
        found["requester"] = {"name": name, "address": address} if address else None
        found["tags"] = sorted(tag for (tag,) in self._context.transaction.rows(TAGS, ticket_id=ticket_id))
        return found


# --- what was said --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of ENTRY."""

    id: int
    ticket_id: int
    kind: str
    author: str
    created_at: int
    intake_id: int | None
    outgoing_id: int | None
    text: str


def read_entry(context: Context, entry_id: int) -> Entry | None:
    """Return an entry, or None if it was rolled back."""
    row = context.transaction.row(ENTRY, entry_id=entry_id)
    return None if row is None else Entry(*row)


def entry_reader(context: Context, entry: Entry) -> Reader:
    """Return a reader of an entry: its words, and what is attached."""

    def read() -> Data:
        text = mask(entry.text)  # before it is cut, for half a token would be recognised no more
        files = list(context.transaction.rows(ATTACHED, entry_id=entry.id))
        if entry.outgoing_id is not None:
            files += context.transaction.rows(SENT_ALONG, outgoing=entry.outgoing_id)
        return {
            "entry": {
                "id": entry.id,
                "kind": entry.kind,
                "author": entry.author,
                "created_at": moment(entry.created_at),
                "intake": entry.intake_id,
                "outgoing": entry.outgoing_id,
                "text": text[:TEXT],
                "truncated": len(text) > TEXT,
                "attachments": [
                    {"filename": name, "content_type": kind, "size": size} for name, kind, size in files[:FILES]
                ],
            }
        }

    return read


# --- mails of ours, and held ones -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery of mail whose state is news."""

    type: EventType
    queue: str
    ticket_id: int | None
    reader: Reader


def read_delivery(context: Context, delivery_id: int) -> Delivery | None:
    """Return a delivery as it stands now, or None if that is no news."""
    row = context.transaction.row(DELIVERY, delivery_id=delivery_id)
    if row is None:
        return None
    number, outgoing, ticket, channel, recipient, state, queued_at, tried, warned, code, answer, kind, queue = row
    event = OF_STATE.get(DeliveryState(state), EventType.DELIVERY_DELAYED if warned else None)
    if event is None:
        return None
    told = {
        "id": number,
        "outgoing": outgoing,
        "kind": kind,
        "channel": channel,
        "recipient": recipient,
        "state": state,
        "queued_at": moment(queued_at),
        "attempts": tried,
        "code": code,
        "answer": answer,
    }
    return Delivery(event, queue, ticket, constant("delivery", told))


def read_held(context: Context, intake_id: int) -> Data | None:
    """Return a mail that is in quarantine."""
    row = context.transaction.row(HELD, intake_id=intake_id)
    if row is None:
        return None
    number, queue, received, mail_from, rcpt_to, author, subject, message_id, because, verdicts = row
    return {
        "id": number,
        "queue": queue,
        "received_at": moment(received),
        "mail_from": mail_from,
        "rcpt_to": rcpt_to,
        "author": author,
        "subject": subject,
        "message_id": message_id,
        "because": because,
        "rules": [item.rule for item in verdicts_from_json(verdicts)],
    }
