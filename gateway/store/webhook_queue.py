"""Deliveries of webhooks, handed out as mail is: due ones, under a lease, with the attempt counted before.

The order of a ticket's events is kept per webhook: an event waits for an earlier one that is not finished.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, bindparam, exists, func, literal_column, or_, select, update

from gateway.model import ClaimedEvent, DeliveryId, DeliveryResult, DeliveryState, Outcome, TicketId
from gateway.store.context import Context
from gateway.store.statement import Statement, insert
from gateway.store.tables_webhooks import events, webhook_attempts, webhook_deliveries, webhook_stops
from gateway.store.times import lease_time, microseconds, to_moment

QUEUED: ColumnElement[str] = literal_column("'queued'")  # a literal, so that the partial index serves
ANSWER = 1000  # characters of an answer that are kept
GONE = 410  # RFC 9110 §15.5.11

d, a, s = webhook_deliveries.c, webhook_attempts.c, webhook_stops.c
earlier = webhook_deliveries.alias("earlier")
FIRST_OF_ITS_TICKET = ~exists(
    select(literal_column("1"))
    .select_from(earlier)
    .where(
        earlier.c.webhook == d.webhook,
        earlier.c.ticket_id == d.ticket_id,
        earlier.c.id < d.id,
        earlier.c.state == QUEUED,
    )
)
STOPPED = Statement(select(s.since).where(s.webhook == bindparam("webhook")))
DUE = Statement(
    select(d.id, d.ticket_id, d.queued_at, d.attempts, d.warned, events.c.key, events.c.type, events.c.payload)
    .select_from(webhook_deliveries.join(events, events.c.id == d.event_id))
    .where(
        d.webhook == bindparam("webhook"),
        d.state == QUEUED,
        d.due_at <= bindparam("now"),
        or_(d.lease_until.is_(None), d.lease_until < bindparam("lease_now")),
        FIRST_OF_ITS_TICKET,
    )
    .order_by(d.due_at, d.id)
    .limit(bindparam("limit"))
    .with_for_update(of=webhook_deliveries, skip_locked=True)
)
TAKE = Statement(
    update(webhook_deliveries)
    .where(d.id == bindparam("delivery_id"))
    .values(
        attempts=d.attempts + literal_column("1"), lease_until=bindparam("until"), lease_token=bindparam("token_given")
    )
)
LOST_ATTEMPTS = Statement(
    update(webhook_attempts)
    .where(a.delivery_id == bindparam("delivery"), a.outcome.is_(None))
    .values(outcome=Outcome.UNKNOWN.value, answer="the worker did not return")
)
INSERT_ATTEMPT = insert(webhook_attempts, "delivery_id", "number", "started_at")
END_ATTEMPT = Statement(
    update(webhook_attempts)
    .where(a.delivery_id == bindparam("delivery"), a.number == bindparam("attempt"))
    .values(ended_at=bindparam("now"), outcome=bindparam("what"), code=bindparam("status"), answer=bindparam("words"))
)
RECORD = Statement(
    update(webhook_deliveries)
    .where(
        d.id == bindparam("delivery"),
        d.lease_token == bindparam("token"),
        d.lease_until.is_not(None),
        d.state == QUEUED,
    )
    .values(
        state=bindparam("what"),
        due_at=bindparam("retry"),
        finished_at=bindparam("finished"),
        code=bindparam("status"),
        answer=bindparam("words"),
        warned=bindparam("late"),
        channel_down=bindparam("down"),
        lease_until=None,
        lease_token=literal_column("0"),
    )
)
EXTEND = Statement(
    update(webhook_deliveries)
    .where(d.id == bindparam("delivery"), d.lease_token == bindparam("token"), d.lease_until.is_not(None))
    .values(lease_until=bindparam("until"))
)
HASTEN = Statement(
    update(webhook_deliveries)
    .where(
        d.webhook == bindparam("which"),
        d.state == QUEUED,
        d.channel_down.is_(literal_column("true")),
        d.due_at > bindparam("now"),
    )
    .values(due_at=bindparam("now"), channel_down=literal_column("false"))
)
NEXT_DUE = Statement(
    select(func.min(d.due_at)).where(
        d.webhook == bindparam("webhook"),
        d.state == QUEUED,
        or_(d.lease_until.is_(None), d.lease_until < bindparam("lease_now")),
        FIRST_OF_ITS_TICKET,
    )
)
NEXT_EXPIRY = Statement(select(func.min(d.lease_until)).where(d.webhook == bindparam("webhook"), d.state == QUEUED))
VOID_LEASES = Statement(
    update(webhook_deliveries)
    .where(d.state == QUEUED, d.lease_until.is_not(None))
    .values(lease_until=None, lease_token=literal_column("0"))
)
STOP = insert(webhook_stops, "webhook", "since", "because", "gone", ignore=True, returning="webhook")
IS_GONE = Statement(
    update(webhook_stops)
    .where(s.webhook == bindparam("which"))
    .values(because=bindparam("why"), gone=literal_column("true"))
)
FINAL = {Outcome.SENT: DeliveryState.SENT, Outcome.FAILED: DeliveryState.FAILED}


def claim(context: Context, webhook: str, limit: int, lease: timedelta) -> list[ClaimedEvent]:
    """Take due deliveries of a webhook, oldest first, with the attempt counted; nothing while it is stopped."""
    transaction = context.transaction
    if transaction.value(STOPPED, webhook=webhook) is not None:
        return []
    lease_now = lease_time(transaction)
    token = secrets.randbits(62) + 1
    claimed = []
    for number, ticket, queued_at, tried, warned, key, kind, payload in transaction.rows(
        DUE, webhook=webhook, now=context.now, lease_now=lease_now, limit=limit
    ):
        transaction.run(TAKE, delivery_id=number, until=lease_now + microseconds(lease), token_given=token)
        transaction.run(LOST_ATTEMPTS, delivery=number)
        transaction.run(INSERT_ATTEMPT, delivery_id=number, number=tried + 1, started_at=context.now)
        claimed.append(
            ClaimedEvent(
                DeliveryId(number),
                webhook,
                None if ticket is None else TicketId(ticket),
                key,
                kind,
                to_moment(queued_at),
                tried + 1,
                token,
                payload.encode(),
                bool(warned),
            )
        )
    return claimed


def record(context: Context, delivery: ClaimedEvent, result: DeliveryResult, retry_at: int | None, note: str) -> bool:
    """Record an attempt's result. False, and nothing is written, if the lease was lost to another worker.

    A receiver that says 410 is gone: nothing more is handed out, or written, for it until somebody resumes it.
    """
    state = DeliveryState.QUEUED if retry_at is not None else FINAL.get(result.outcome, DeliveryState.FAILED)
    finished = state is not DeliveryState.QUEUED
    words = result.text[:ANSWER]
    changed = context.transaction.run(
        RECORD,
        delivery=delivery.delivery_id,
        token=delivery.token,
        what=state.value,
        retry=retry_at,
        finished=context.now if finished else None,
        status=result.code,
        words=words or note,
        late=delivery.warned or bool(note and not finished),
        # Who asked for a pause is not asked at once when another attempt finds the receiver up.
        down=result.channel_down and not finished and not result.wait,
    )
    if not changed:
        return False
    context.transaction.run(
        END_ATTEMPT,
        delivery=delivery.delivery_id,
        attempt=delivery.attempt,
        now=context.now,
        what=result.outcome.value,
        status=result.code,
        words=words,
    )
    if result.code == GONE:
        stop(context, delivery.webhook, "it answered 410 Gone", gone=True)
    return True


def stop(context: Context, webhook: str, because: str, *, gone: bool = False) -> None:
    """Hand out nothing of a webhook any more; `gone` stands above a pause."""
    fresh = context.transaction.value(STOP, webhook=webhook, since=context.now, because=because, gone=gone)
    if fresh is None and gone:
        context.transaction.run(IS_GONE, which=webhook, why=because)


def extend(context: Context, numbers: Sequence[DeliveryId], token: int, lease: timedelta) -> None:
    """Prolong the lease of what is still being sent."""
    until = lease_time(context.transaction) + microseconds(lease)
    for number in numbers:
        context.transaction.run(EXTEND, delivery=number, token=token, until=until)


def hasten(context: Context, webhook: str) -> int:
    """Make due now what waits only because its receiver was down."""
    return context.transaction.run(HASTEN, which=webhook, now=context.now)


def next_due(context: Context, webhook: str) -> int | None:
    """Tell when there is something to claim: a delivery falls due, or the lease of a lost worker ends."""
    transaction = context.transaction
    if transaction.value(STOPPED, webhook=webhook) is not None:
        return None
    lease_now = lease_time(transaction)
    due = transaction.value(NEXT_DUE, webhook=webhook, lease_now=lease_now)
    expiry = transaction.value(NEXT_EXPIRY, webhook=webhook)
    freed = None if expiry is None else context.now + max(0, expiry - lease_now)
    return min((moment for moment in (due, freed) if moment is not None), default=None)
