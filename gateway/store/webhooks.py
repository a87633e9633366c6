"""Webhooks as operators see and steer them: how each goes, its deliveries with every attempt, pause and retry."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import bindparam, func, literal_column, select, update

from gateway.errors import NotFound
from gateway.model import DeliveryState, WebhookAttempt, WebhookDelivery, WebhookDepth, WebhookTrace
from gateway.store.context import Context
from gateway.store.leases import MOVED, QUEUED, movable
from gateway.store.listings import WEBHOOKS, read
from gateway.store.statement import Row, Statement
from gateway.store.tables_webhooks import events as event_rows
from gateway.store.tables_webhooks import webhook_attempts, webhook_deliveries, webhook_stops
from gateway.store.times import microseconds, to_moment, to_moment_or_none

LATELY = timedelta(hours=24)

d, a, s = webhook_deliveries.c, webhook_attempts.c, webhook_stops.c
WAITING = Statement(select(d.webhook, func.count(), func.min(d.queued_at)).where(d.state == QUEUED).group_by(d.webhook))
LATELY_ENDED = Statement(
    select(func.count())
    .select_from(webhook_deliveries)
    .where(d.webhook == bindparam("webhook"), d.state == bindparam("word"), d.finished_at > bindparam("since"))
)
TROUBLE = Statement(
    select(d.answer)
    .where(d.webhook == bindparam("webhook"), d.state == QUEUED, d.answer != literal_column("''"))
    .order_by(d.id)
    .limit(literal_column("1"))
)
STOPS = Statement(select(s.webhook, s.since, s.because, s.gone))
RESUME = Statement(webhook_stops.delete().where(s.webhook == bindparam("which")))
ONE = Statement(WEBHOOKS.where(d.id == bindparam("delivery")))
PAYLOAD = Statement(
    select(event_rows.c.payload)
    .select_from(webhook_deliveries.join(event_rows, event_rows.c.id == d.event_id))
    .where(d.id == bindparam("delivery"))
)
ATTEMPTS = Statement(
    select(a.number, a.started_at, a.ended_at, a.outcome, a.code, a.answer)
    .where(a.delivery_id == bindparam("delivery"))
    .order_by(a.number)
)
STATE = Statement(select(d.state, d.lease_until).where(d.id == bindparam("delivery")).with_for_update(key_share=True))
MOVE = Statement(update(webhook_deliveries).where(d.id == bindparam("which")).values(MOVED))
RETRIED_FROM = frozenset({"queued", "failed", "cancelled", "sent"})  # a receiver may want to hear again


def depths(context: Context, *, sent: bool) -> list[WebhookDepth]:
    """Return how every webhook goes that is configured, or of which something waits or is stopped.

    Without `sent`, what arrived is not counted: it is by far the most.
    """
    transaction = context.transaction
    found: dict[str, dict[str, object]] = {item.webhook: {} for item in context.options.subscriptions}
    for name, count, oldest in transaction.rows(WAITING):
        trouble = transaction.value(TROUBLE, webhook=name) or ""
        found.setdefault(name, {}).update(waiting=count, oldest=to_moment(oldest), trouble=trouble)
    for name, at, because, gone in transaction.rows(STOPS):
        found.setdefault(name, {}).update(stopped_since=to_moment(at), because=because, gone=bool(gone))
    since = context.now - microseconds(LATELY)
    for name, facts in found.items():
        for word in ("sent", "failed") if sent else ("failed",):
            facts[f"{word}_24h"] = transaction.value(LATELY_ENDED, webhook=name, word=word, since=since)
    return [WebhookDepth(name, **facts) for name, facts in sorted(found.items())]  # type: ignore[arg-type]


def list_deliveries(
    context: Context, limit: int, before: int | None, webhook: str | None, state: str | None
) -> list[WebhookDelivery]:
    """Return deliveries, newest first."""
    rows = read(context, "webhooks", limit, before, webhook=webhook, state=state)
    return [as_delivery(row) for row in rows]


def as_delivery(row: Row) -> WebhookDelivery:
    """Return a row of WEBHOOKS as people see it."""
    number, webhook, key, kind, ticket, state, tried, queued, due, finished, code, answer = row
    return WebhookDelivery(
        id=number,
        webhook=webhook,
        event=key,
        type=kind,
        ticket=ticket,
        state=state,
        attempts=tried,
        queued_at=to_moment(queued),
        next_attempt_at=to_moment_or_none(due) if state == DeliveryState.QUEUED else None,
        finished_at=to_moment_or_none(finished),
        code=code,
        text=answer,
    )


def trace(context: Context, delivery: int) -> WebhookTrace:
    """Return a delivery with its payload and its attempts. Raises NotFound."""
    row = context.transaction.row(ONE, delivery=delivery)
    if row is None:
        raise NotFound(f"there is no delivery {delivery}")
    tried = tuple(
        WebhookAttempt(number, to_moment(began), to_moment_or_none(ended), outcome, code, answer)
        for number, began, ended, outcome, code, answer in context.transaction.rows(ATTEMPTS, delivery=delivery)
    )
    return WebhookTrace(as_delivery(row), context.transaction.value(PAYLOAD, delivery=delivery), tried)


def move(context: Context, delivery: int, source: frozenset[str], target: DeliveryState) -> None:
    """Bring a delivery from one of the states `source` to `target`. Raises NotFound, or Conflict."""
    movable(context, delivery, context.transaction.row(STATE, delivery=delivery), source)
    queued = target is DeliveryState.QUEUED
    due, finished = (context.now, None) if queued else (None, context.now)
    context.transaction.run(MOVE, which=delivery, word=target.value, due=due, finished=finished)


def retry(context: Context, delivery: int) -> None:
    """Send an event again at once, whatever became of it."""
    move(context, delivery, RETRIED_FROM, DeliveryState.QUEUED)


def cancel(context: Context, delivery: int) -> None:
    """Never send what waits."""
    move(context, delivery, frozenset({"queued"}), DeliveryState.CANCELLED)


def resume(context: Context, webhook: str) -> bool:
    """End a pause, or believe that a receiver that was gone is back. False if it was not stopped."""
    return context.transaction.run(RESUME, which=webhook) > 0
