"""What a transaction does that webhooks may want to hear of: noted by those who write it, told at its end.

A note only says where to look. What is told is read from the rows as they stand when the transaction ends (`events`),
so that a savepoint that was rolled back leaves nothing to tell. Without a webhook in the configuration, nothing is
noted at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, literal_column, select

from gateway.model import EntryKind
from gateway.store.statement import Statement
from gateway.store.tables import ticket_tags, tickets
from gateway.store.tables_out import deliveries

if TYPE_CHECKING:
    from gateway.store.context import Context

WATCHED = ("status", "assignee", "queue", "priority", "type", "subject", "due_at", "merged_into")

STATE = Statement(select(*(tickets.c[name] for name in WATCHED)).where(tickets.c.id == bindparam("ticket_id")))
TAGS = Statement(select(ticket_tags.c.tag).where(ticket_tags.c.ticket_id == bindparam("ticket_id")))
CANCELLED = Statement(
    select(deliveries.c.id).where(
        deliveries.c.outgoing_id == bindparam("outgoing"), deliveries.c.state == literal_column("'cancelled'")
    )
)

Snapshot = dict[str, Any]


@dataclass(slots=True)
class News:
    """Where to look at the end of one transaction, in the order in which it happened."""

    opened: dict[int, None] = field(default_factory=dict)
    before: dict[int, Snapshot] = field(default_factory=dict)  # tickets as they were
    authors: dict[int, str] = field(default_factory=dict)  # who changed a ticket
    entries: dict[int, None] = field(default_factory=dict)
    deliveries: dict[int, None] = field(default_factory=dict)
    held: dict[int, None] = field(default_factory=dict)  # intakes


def snapshot(context: Context, ticket_id: int) -> Snapshot | None:
    """Return what is watched of a ticket, as it stands now."""
    row = context.transaction.row(STATE, ticket_id=ticket_id)
    if row is None:
        return None
    tags = sorted(tag for (tag,) in context.transaction.rows(TAGS, ticket_id=ticket_id))
    return {**dict(zip(WATCHED, row, strict=True)), "tags": tags}


def ticket_opened(context: Context, ticket_id: int) -> None:
    """Note a new ticket."""
    if context.news is not None:
        context.news.opened[ticket_id] = None


def ticket_changes(context: Context, ticket_id: int) -> None:
    """Note that a ticket is about to change; called before it does."""
    news = context.news
    if news is None or ticket_id in news.opened or ticket_id in news.before:
        return
    if (present := snapshot(context, ticket_id)) is not None:
        news.before[ticket_id] = present


def entry_written(context: Context, ticket_id: int, entry_id: int, kind: EntryKind, author: str) -> None:
    """Note an entry. Changes of state and deliveries have events of their own; the former say who did it."""
    if context.news is None or kind is EntryKind.DELIVERY:
        return
    if kind is EntryKind.STATE:
        context.news.authors[ticket_id] = author
    else:
        context.news.entries[entry_id] = None


def delivery_changed(context: Context, delivery_id: int) -> None:
    """Note that a delivery of mail has another state, or is late."""
    if context.news is not None:
        context.news.deliveries[delivery_id] = None


def outgoing_cancelled(context: Context, outgoing_id: int) -> None:
    """Note that all deliveries of an outgoing were cancelled."""
    if context.news is not None:
        context.news.deliveries.update(
            (delivery_id, None) for (delivery_id,) in context.transaction.rows(CANCELLED, outgoing=outgoing_id)
        )


def intake_held(context: Context, intake_id: int) -> None:
    """Note that a mail came into quarantine."""
    if context.news is not None:
        context.news.held[intake_id] = None
