"""Deliveries of webhooks, handed out as mail is: due ones, under a lease, with the attempt counted before.

The order of a ticket's events is kept per webhook: an event waits for an earlier one that is not finished.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import bindparam, literal_column, select, update

from gateway.model import ClaimedEvent, DeliveryId, DeliveryResult, TicketId
from gateway.store.context import Context
from gateway.store.leases import EVENTS
from gateway.store.statement import Statement, insert
from gateway.store.tables_webhooks import events, webhook_deliveries, webhook_stops
from gateway.store.times import lease_time, microseconds, to_moment

GONE = 410  # RFC 9110 §15.5.11

d, s = webhook_deliveries.c, webhook_stops.c
STOPPED = Statement(select(s.since).where(s.webhook == bindparam("webhook")))
DUE = Statement(
    select(d.id, d.ticket_id, d.queued_at, d.attempts, d.warned, events.c.key, events.c.type, events.c.payload)
    .select_from(webhook_deliveries.join(events, events.c.id == d.event_id))
    .where(*EVENTS.due)
    .order_by(d.due_at, d.id)
    .limit(bindparam("limit"))
    .with_for_update(of=webhook_deliveries, skip_locked=True)
)
STOP = insert(webhook_stops, "webhook", "since", "because", "gone", ignore=True, returning="webhook")
IS_GONE = Statement(
    update(webhook_stops)
    .where(s.webhook == bindparam("which"))
    .values(because=bindparam("why"), gone=literal_column("true"))
)


def claim(context: Context, webhook: str, limit: int, lease: timedelta) -> list[ClaimedEvent]:
    """Take due deliveries of a webhook, oldest first, with the attempt counted; nothing while it is stopped."""
    transaction = context.transaction
    if transaction.value(STOPPED, webhook=webhook) is not None:
        return []
    lease_now = lease_time(transaction)
    rows = transaction.rows(DUE, way=webhook, now=context.now, lease_now=lease_now, limit=limit)
    tried = [(DeliveryId(row[0]), row[3]) for row in rows]
    token = EVENTS.take(context, tried, lease_now + microseconds(lease))
    return [
        ClaimedEvent(
            DeliveryId(number),
            webhook,
            None if ticket is None else TicketId(ticket),
            key,
            kind,
            to_moment(queued_at),
            count + 1,
            token,
            payload.encode(),
            bool(warned),
        )
        for number, ticket, queued_at, count, warned, key, kind, payload in rows
    ]


def record(context: Context, delivery: ClaimedEvent, result: DeliveryResult, retry_at: int | None, note: str) -> bool:
    """Record an attempt's result. False, and nothing is written, if the lease was lost to another worker.

    A receiver that says 410 is gone: nothing more is handed out, or written, for it until somebody resumes it.
    """
    if EVENTS.record(context, delivery, result, retry_at, note) is None:
        return False
    if result.code == GONE:
        stop(context, delivery.webhook, "it answered 410 Gone", gone=True)
    return True


def stop(context: Context, webhook: str, because: str, *, gone: bool = False) -> None:
    """Hand out nothing of a webhook any more; `gone` stands above a pause."""
    fresh = context.transaction.value(STOP, webhook=webhook, since=context.now, because=because, gone=gone)
    if fresh is None and gone:
        context.transaction.run(IS_GONE, which=webhook, why=because)


def next_due(context: Context, webhook: str) -> int | None:
    """Tell when there is something to claim: a delivery falls due, or the lease of a lost worker ends."""
    if context.transaction.value(STOPPED, webhook=webhook) is not None:
        return None
    return EVENTS.next_due(context, webhook)
