"""Webhooks in the store: what a courier of events takes and records (ports.Deliveries), and an end to old events."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from sqlalchemy import bindparam, delete, exists, literal_column, select

from gateway.model import ClaimedEvent, DeliveryId, DeliveryResult, DeliveryState
from gateway.store import webhook_queue as queue
from gateway.store.context import Context
from gateway.store.core import StoreCore
from gateway.store.leases import EVENTS, QUEUED
from gateway.store.pace import Rank
from gateway.store.statement import Statement
from gateway.store.tables_webhooks import events, webhook_attempts, webhook_deliveries
from gateway.store.times import microseconds, to_moment_or_none, to_number

T = TypeVar("T")

STILL_TRIED = timedelta(days=6)  # longer than the schedule tries: what is younger may still be told
ENDS = (DeliveryState.SENT.value, DeliveryState.FAILED.value, DeliveryState.CANCELLED.value)
PRUNED_AT_ONCE = 500  # rows in one transaction: nobody waits long for the writer

d = webhook_deliveries.c
NAMES = Statement(select(d.webhook).group_by(d.webhook))
# What is finished counts from its end; what never was (its webhook is stopped, or not configured any more) from when it
# was queued. Each has an index of its own.
ENDED = Statement(
    select(d.id, d.event_id)
    .where(d.webhook == bindparam("webhook"), d.state == bindparam("word"), d.finished_at < bindparam("before"))
    .limit(literal_column(str(PRUNED_AT_ONCE)))
)
WAITING = Statement(
    select(d.id, d.event_id)
    .where(
        d.webhook == bindparam("webhook"),
        d.state == QUEUED,
        d.queued_at < bindparam("before"),
        d.lease_until.is_(None),
    )
    .limit(literal_column(str(PRUNED_AT_ONCE)))
)
DROP_ATTEMPTS = Statement(delete(webhook_attempts).where(webhook_attempts.c.delivery_id == bindparam("delivery")))
DROP_DELIVERY = Statement(delete(webhook_deliveries).where(d.id == bindparam("delivery")))
DROP_EVENT = Statement(
    delete(events).where(
        events.c.id == bindparam("event"),
        ~exists(select(literal_column("1")).select_from(webhook_deliveries).where(d.event_id == events.c.id)),
    )
)


class WebhookBook:
    """Implements ports.Deliveries of events on a store."""

    def __init__(self, store: StoreCore) -> None:
        self._store = store

    async def claim_deliveries(self, channel: str, limit: int, lease: timedelta) -> Sequence[ClaimedEvent]:
        """Take due events of a webhook, oldest first; each attempt is counted and committed before this returns."""
        await self._store.void_leases()
        return await self._behind(lambda context: queue.claim(context, channel, limit, lease))

    async def record_delivery(
        self, delivery: ClaimedEvent, result: DeliveryResult, retry_at: datetime | None, note: str = ""
    ) -> bool:
        """Record an attempt's result. False if the lease was lost to another worker."""
        retry = None if retry_at is None else to_number(retry_at)
        return await self._behind(lambda context: queue.record(context, delivery, result, retry, note))

    async def extend_lease(self, deliveries: Sequence[DeliveryId], token: int, lease: timedelta) -> None:
        """Keep what is still being sent."""
        await self._store.write(lambda context: EVENTS.extend(context, deliveries, token, lease))

    async def next_due(self, channel: str) -> datetime | None:
        """Tell when the next event for this webhook can be claimed, or None."""
        return to_moment_or_none(await self._store.read(lambda context: queue.next_due(context, channel)))

    async def hasten(self, channel: str) -> int:
        """Make due now whatever was last deferred because its receiver was down."""
        return await self._behind(lambda context: EVENTS.hasten(context, channel))

    async def prune(self, keep: Mapping[str, timedelta], others: timedelta) -> int:
        """Delete deliveries that are older than their webhook's `keep`, and their events; return how many deliveries.

        `others` is for webhooks that are not configured any more.
        """
        names = await self._store.read(lambda context: [name for (name,) in context.transaction.rows(NAMES)])
        dropped = 0
        for name in names:
            while count := await self._behind(partial(drop_old, webhook=name, age=keep.get(name, others))):
                dropped += count
        return dropped

    async def _behind(self, work: Callable[[Context], T]) -> T:
        """Write when nobody waits for an answer: telling others never slows mail."""
        return await self._store.write(work, rank=Rank.BEHIND)


def drop_old(context: Context, webhook: str, age: timedelta) -> int:
    """Delete some deliveries of a webhook that are older than `age`, and events that are nobody's any more."""
    transaction, now = context.transaction, context.now
    before = {"webhook": webhook, "before": now - microseconds(age)}
    rows = next(filter(None, (transaction.rows(ENDED, word=word, **before) for word in ENDS)), None)
    rows = rows or transaction.rows(WAITING, webhook=webhook, before=now - microseconds(max(age, STILL_TRIED)))
    for statement in (DROP_ATTEMPTS, DROP_DELIVERY):
        transaction.run_many(statement, [{"delivery": number} for number, _ in rows])
    transaction.run_many(DROP_EVENT, [{"event": event} for _, event in rows])
    return len(rows)
