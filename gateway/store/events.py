"""Events of a transaction, written inside it: one row for each, and a delivery for every webhook that wants it.

Called once at the end of each transaction that changes something (`StoreCore.write`, `transact`). If the change is
rolled back, so are its events; if no webhook wants an event, no row is written.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import literal_column, select

from gateway.model import EntryKind, EventType
from gateway.store import event_data as data
from gateway.store.context import Context
from gateway.store.news import News, Snapshot, snapshot
from gateway.store.statement import Statement, insert
from gateway.store.tables_webhooks import events, webhook_deliveries, webhook_stops

INSERT_EVENT = insert(events, "key", "type", "queue", "ticket_id", "created_at", "payload", returning="id")
INSERT_DELIVERY = insert(
    webhook_deliveries, "event_id", "webhook", "ticket_id", "state", "queued_at", "due_at", returning="id"
)
GONE = Statement(select(webhook_stops.c.webhook).where(webhook_stops.c.gone.is_(literal_column("true"))))
KEY_OCTETS = 15


@dataclass(frozen=True, slots=True)
class Event:
    """One event before it is written. `read` makes its data, and is called only if somebody wants to hear it."""

    type: EventType
    queues: tuple[str, ...]
    ticket_id: int | None
    read: Callable[[], dict[str, Any]]
    note: bool = False


def tell(context: Context) -> list[EventType]:
    """Write the events of a transaction that is about to be committed; return what was written."""
    news = context.news
    told: list[EventType] = []
    if news is None:
        return told
    found = list(happened(context, news))
    gone = {name for (name,) in context.transaction.rows(GONE)} if found else set()
    for event in found:
        wanting = [
            item.webhook
            for item in context.options.subscriptions
            if item.webhook not in gone and item.wants(event.type, event.queues, note=event.note)
        ]
        if wanting:
            write(context, event, wanting)
            told.append(event.type)
    return told


def write(context: Context, event: Event, webhooks: Iterable[str]) -> list[int]:
    """Write an event and its deliveries; return their numbers."""
    # Standard Webhooks: type, timestamp (of the event, not of the attempt) and data.
    payload = {
        "type": event.type.value,
        "timestamp": data.moment(context.now),
        "data": data.masked(event.read()),
    }
    transaction = context.transaction
    event_id = transaction.value(
        INSERT_EVENT,
        key=f"evt_{secrets.token_hex(KEY_OCTETS)}",
        type=event.type.value,
        queue=event.queues[0] if event.queues else "",
        ticket_id=event.ticket_id,
        created_at=context.now,
        payload=json.dumps(payload, separators=(",", ":")),  # plain ASCII: lone surrogates of broken mails, too
    )
    return [
        int(
            transaction.value(
                INSERT_DELIVERY,
                event_id=event_id,
                webhook=webhook,
                ticket_id=event.ticket_id,
                state="queued",
                queued_at=context.now,
                due_at=context.now,
            )
        )
        for webhook in webhooks
    ]


def ping(context: Context, webhook: str) -> int:
    """Queue a try for one webhook; return the number of its delivery."""
    event = Event(EventType.PING, (), None, lambda: {"webhook": webhook})
    return write(context, event, [webhook])[0]


# --- what happened --------------------------------------------------------------------------------------------


def happened(context: Context, news: News) -> Iterable[Event]:
    """Yield the events of a transaction: tickets, then what was said, then mails of ours and held ones."""
    tickets = data.Tickets(context)
    for ticket_id in news.opened:
        if (queue := tickets.queue(ticket_id)) is not None:
            yield Event(EventType.TICKET_CREATED, (queue,), ticket_id, tickets.reader(ticket_id))
    for entry_id in news.entries:
        if (entry := data.read_entry(context, entry_id)) is not None:
            ticket_id, queue = entry.ticket_id, tickets.queue(entry.ticket_id) or ""
            note = entry.kind == EntryKind.NOTE
            more = data.entry_reader(context, entry)
            yield Event(EventType.ENTRY_CREATED, (queue,), ticket_id, tickets.reader(ticket_id, more), note)
    for ticket_id, before in news.before.items():
        after = snapshot(context, ticket_id)
        if after is not None and (event := difference(tickets, ticket_id, before, after, news.authors)) is not None:
            yield event
    for delivery_id in news.deliveries:
        if (delivery := data.read_delivery(context, delivery_id)) is not None:
            queue = tickets.queue(delivery.ticket_id) if delivery.ticket_id else None
            read = tickets.reader(delivery.ticket_id, delivery.reader)
            yield Event(delivery.type, (queue or delivery.queue,), delivery.ticket_id, read)
    for intake_id in news.held:
        if (held := data.read_held(context, intake_id)) is not None:
            yield Event(EventType.QUARANTINE_HELD, (held["queue"],), None, data.constant("intake", held))


def difference(
    tickets: data.Tickets, ticket_id: int, before: Snapshot, after: Snapshot, authors: dict[int, str]
) -> Event | None:
    """Return what a transaction changed of a ticket as one event, or None if nothing that is watched did."""
    queues = tuple(dict.fromkeys((after["queue"], before["queue"])))
    by = {"by": authors.get(ticket_id, "")}
    if after["merged_into"] != before["merged_into"]:
        more = {"into": after["merged_into"], **by}
        return Event(EventType.TICKET_MERGED, queues, ticket_id, tickets.reader(ticket_id, lambda: more))
    changes = {name: data.change(name, before[name], after[name]) for name in before if before[name] != after[name]}
    if not changes:
        return None
    return Event(
        EventType.TICKET_UPDATED, queues, ticket_id, tickets.reader(ticket_id, lambda: {"changes": changes, **by})
    )
