"""What people change by hand on tickets, deliveries and intakes: each change with its entry, none over another's."""

from __future__ import annotations

from sqlalchemy import bindparam, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from gateway.errors import Conflict, NotFound
from gateway.model import DeliveryState, EntryKind, Priority, TicketStatus
from gateway.store import news
from gateway.store.context import Context
from gateway.store.leases import MOVED, movable
from gateway.store.statement import Statement
from gateway.store.tables import intakes, tickets
from gateway.store.tables_out import deliveries, pauses
from gateway.store.timeline import add_entry, touch

TICKET = Statement(
    select(tickets.c.version, tickets.c.status, tickets.c.assignee, tickets.c.priority, tickets.c.queue)
    .where(tickets.c.id == bindparam("ticket_id"))
    .with_for_update(key_share=True)
)
CHANGE = Statement(
    update(tickets)
    .where(tickets.c.id == bindparam("ticket_id"))
    .values(
        status=bindparam("new_status"),
        assignee=bindparam("new_assignee"),
        priority=bindparam("new_priority"),
        queue=bindparam("new_queue"),
        updated_at=bindparam("now"),
        version=tickets.c.version + literal_column("1"),
    )
)
DELIVERY = Statement(
    select(
        deliveries.c.state,
        deliveries.c.lease_until,
        deliveries.c.ticket_id,
        deliveries.c.recipient,
        deliveries.c.outgoing_id,
    )
    .where(deliveries.c.id == bindparam("delivery_id"))
    .with_for_update(key_share=True)
)
SET_DELIVERY = Statement(update(deliveries).where(deliveries.c.id == bindparam("delivery_id")).values(MOVED))
REPLAY = Statement(
    update(intakes)
    .where(
        intakes.c.id == bindparam("intake_id"),
        intakes.c.state == literal_column("'done'"),
        intakes.c.disposition == literal_column("'quarantine'"),
    )
    .values(
        state="waiting",
        disposition=None,
        settled_at=None,
        attempts=literal_column("0"),
        retry_at=None,
        lease_until=None,
        lease_token=literal_column("0"),
        released=bindparam("free"),
    )
)
INTAKE = Statement(select(intakes.c.id).where(intakes.c.id == bindparam("intake_id")))
PAUSE = Statement(
    upsert(pauses)
    .values(channel=bindparam("way"), since=bindparam("now"), because=bindparam("why"))
    .on_conflict_do_nothing()
)
RESUME = Statement(pauses.delete().where(pauses.c.channel == bindparam("way")))

# From which states an operator's word leads where.
RETRIED_FROM = frozenset({"queued", "failed", "held", "cancelled", "bounced", "refused"})
STOPPED_FROM = frozenset({"queued", "held"})


def change_ticket(
    context: Context, ticket_id: int, by: str, wanted: dict[str, str | None], version: int | None
) -> None:
    """Change what differs, with one entry per change."""
    row = context.transaction.row(TICKET, ticket_id=ticket_id)
    if row is None:
        raise NotFound(f"there is no ticket {ticket_id}")
    if version is not None and version != row[0]:
        raise Conflict(f"ticket {ticket_id} was changed by somebody else")
    present = dict(zip(("status", "assignee", "priority", "queue"), row[1:], strict=True))
    TicketStatus(wanted.get("status") or present["status"])  # raises ValueError for a word that is none
    Priority(wanted.get("priority") or present["priority"])
    changes = {
        key: (value or None) for key, value in wanted.items() if value is not None and (value or None) != present[key]
    }
    if not changes:
        return
    news.ticket_changes(context, ticket_id)
    new = {f"new_{key}": value for key, value in {**present, **changes}.items()}
    context.transaction.run(CHANGE, ticket_id=ticket_id, now=context.now, **new)
    for key, value in changes.items():
        detail = {"event": key, "from": present[key], "to": value}
        text = f"{key}: {present[key] or 'nobody'} → {value or 'nobody'}"
        add_entry(context, ticket_id, EntryKind.STATE, by, text, detail=detail)


def add_note(context: Context, ticket_id: int, by: str, text: str) -> int:
    """Put an internal note on a ticket; it is never mailed."""
    if context.transaction.row(TICKET, ticket_id=ticket_id) is None:
        raise NotFound(f"there is no ticket {ticket_id}")
    touch(context, ticket_id)
    return add_entry(context, ticket_id, EntryKind.NOTE, by, text)


def retry_delivery(context: Context, delivery_id: int, by: str) -> None:
    """Make a delivery due at once, whatever ended or holds it. Limits and blocklist are asked again at the claim."""
    move(context, delivery_id, by, RETRIED_FROM, DeliveryState.QUEUED)


def cancel_delivery(context: Context, delivery_id: int, by: str) -> None:
    """Never send a delivery."""
    move(context, delivery_id, by, STOPPED_FROM, DeliveryState.CANCELLED)


def hold_delivery(context: Context, delivery_id: int, by: str) -> None:
    """Keep a delivery until it is retried or cancelled."""
    move(context, delivery_id, by, STOPPED_FROM, DeliveryState.HELD)


def move(context: Context, delivery_id: int, by: str, source: frozenset[str], target: DeliveryState) -> None:
    """Bring a delivery from one of the states `source` to `target`, with an entry."""
    row = context.transaction.row(DELIVERY, delivery_id=delivery_id)
    ticket_id, recipient, outgoing_id = movable(context, delivery_id, row, source)
    queued = target is DeliveryState.QUEUED
    context.transaction.run(
        SET_DELIVERY,
        delivery_id=delivery_id,
        word=target.value,
        due=context.now if queued else None,
        finished=context.now if target is DeliveryState.CANCELLED else None,
    )
    if not queued:
        news.delivery_changed(context, delivery_id)
    if ticket_id is not None:
        word = "is sent again" if queued else f"was {target.value}"
        detail = {"event": "queued" if queued else target.value, "recipient": recipient}
        add_entry(
            context,
            ticket_id,
            EntryKind.DELIVERY,
            by,
            f"Mail to {recipient} {word} by {by}",
            outgoing_id=outgoing_id,
            delivery_id=delivery_id,
            detail=detail,
        )


def replay_intake(context: Context, intake_id: int, *, release: bool) -> bool:
    """Let a held intake be judged again. False if it is not held (any more)."""
    if context.transaction.run(REPLAY, intake_id=intake_id, free=release):
        return True
    if context.transaction.value(INTAKE, intake_id=intake_id) is None:
        raise NotFound(f"there is no intake {intake_id}")
    return False


def pause(context: Context, channel: str, because: str) -> None:
    """Hand out nothing of a channel any more."""
    context.transaction.run(PAUSE, way=channel, now=context.now, why=because)


def resume(context: Context, channel: str) -> bool:
    """End a pause."""
    return context.transaction.run(RESUME, way=channel) > 0
