"""Deliveries under a lease: what mail and webhooks do alike, each on tables of its own.

What is due is handed out with the attempt counted before; only who still holds the lease records what became of it.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, bindparam, exists, func, literal_column, or_, select, update

from gateway.errors import Conflict, NotFound
from gateway.model import ClaimedDelivery, ClaimedEvent, DeliveryId, DeliveryResult, DeliveryState, Outcome
from gateway.store.context import Context
from gateway.store.statement import Row, Statement, Transaction, insert
from gateway.store.tables_out import attempts, deliveries
from gateway.store.tables_webhooks import webhook_attempts, webhook_deliveries
from gateway.store.times import lease_time, microseconds

QUEUED: ColumnElement[str] = literal_column("'queued'")  # a literal, so that the partial index serves
ANSWER = 1000  # characters of an answer that are kept
FINAL = {Outcome.SENT: DeliveryState.SENT, Outcome.FAILED: DeliveryState.FAILED}
# What an operator's hand does to a delivery of mail, or of an event.
MOVED: dict[str, Any] = {
    "state": bindparam("word"),
    "due_at": bindparam("due"),
    "finished_at": bindparam("finished"),
    "lease_until": None,
    "lease_token": literal_column("0"),
    "channel_down": literal_column("false"),
}


class Leases:
    """The leases of one table of deliveries. `way` names the column of the channel or webhook that they leave by.

    Deliveries that are alike in the columns of `order` leave in their order: one waits for an earlier one that is not
    finished.
    """

    def __init__(self, deliveries: Table, attempts: Table, way: str, order: Sequence[str]) -> None:
        d, a = deliveries.c, attempts.c
        earlier = deliveries.alias("earlier")
        alike = [earlier.c[name] == d[name] for name in order]
        first = ~exists(
            select(literal_column("1"))
            .select_from(earlier)
            .where(*alike, earlier.c.id < d.id, earlier.c.state == QUEUED)
        )
        on_way = d[way] == bindparam("way")
        free = or_(d.lease_until.is_(None), d.lease_until < bindparam("lease_now"))
        held = and_(d.id == bindparam("delivery"), d.lease_token == bindparam("token"), d.lease_until.is_not(None))
        no_lease: dict[str, Any] = {"lease_until": None, "lease_token": literal_column("0")}
        mail = "dot_sent" in a  # only mail has a final dot: a lost worker may have sent it
        self.due = (on_way, d.state == QUEUED, d.due_at <= bindparam("now"), free, first)
        self._take = Statement(
            update(deliveries)
            .where(d.id == bindparam("delivery"))
            .values(
                attempts=d.attempts + literal_column("1"),
                lease_until=bindparam("until"),
                lease_token=bindparam("token"),
            )
        )
        self._lose = Statement(
            update(attempts)
            .where(a.delivery_id == bindparam("delivery"), a.outcome.is_(None))
            .values(
                ended_at=bindparam("now"),
                outcome=Outcome.UNKNOWN.value,
                answer="the worker did not return",
                **({"dot_sent": literal_column("true")} if mail else {}),
            )
        )
        self._begin = insert(attempts, "delivery_id", "number", "started_at")
        self._end = Statement(
            update(attempts)
            .where(a.delivery_id == bindparam("delivery"), a.number == bindparam("attempt"))
            .values(
                ended_at=bindparam("now"),
                outcome=bindparam("what"),
                code=bindparam("reply"),
                answer=bindparam("words"),
                **({"dot_sent": bindparam("dot")} if mail else {}),
            )
        )
        self._record = Statement(
            update(deliveries)
            .where(held, d.state == QUEUED)
            .values(
                state=bindparam("what"),
                due_at=bindparam("retry"),
                finished_at=bindparam("finished"),
                code=bindparam("reply"),
                answer=bindparam("words"),
                warned=bindparam("late"),
                channel_down=bindparam("down"),
                **no_lease,
            )
        )
        self._extend = Statement(update(deliveries).where(held).values(lease_until=bindparam("until")))
        self._hasten = Statement(
            update(deliveries)
            .where(on_way, d.state == QUEUED, d.channel_down.is_(literal_column("true")), d.due_at > bindparam("now"))
            .values(due_at=bindparam("now"), channel_down=literal_column("false"))
        )
        # Not min(): in the order of the index the first that fits is the answer, however many wait behind it.
        self._next_due = Statement(
            select(d.due_at).where(on_way, d.state == QUEUED, free, first).order_by(d.due_at).limit(literal_column("1"))
        )
        self._next_expiry = Statement(select(func.min(d.lease_until)).where(on_way, d.state == QUEUED))
        self._void = Statement(
            update(deliveries).where(d.state == QUEUED, d.lease_until.is_not(None)).values(**no_lease)
        )

    def take(self, context: Context, tried: Sequence[tuple[DeliveryId, int]], until: int) -> int:
        """Count an attempt of each delivery, named with how often it was tried; return the token of their lease."""
        transaction = context.transaction
        token = secrets.randbits(62) + 1
        transaction.run_many(self._take, [{"delivery": number, "until": until, "token": token} for number, _ in tried])
        lost = [{"delivery": number, "now": context.now} for number, count in tried if count]
        transaction.run_many(self._lose, lost)
        rows = [{"delivery_id": number, "number": count + 1, "started_at": context.now} for number, count in tried]
        transaction.run_many(self._begin, rows)
        return token

    def record(
        self,
        context: Context,
        delivery: ClaimedDelivery | ClaimedEvent,
        result: DeliveryResult,
        retry_at: int | None,
        note: str,
    ) -> DeliveryState | None:
        """Record an attempt's result, and return the delivery's state. None, and nothing written, if the lease is lost.

        Without a time to try again, whatever is not sent has failed for good.
        """
        state = DeliveryState.QUEUED if retry_at is not None else FINAL.get(result.outcome, DeliveryState.FAILED)
        finished = state is not DeliveryState.QUEUED
        words = result.text[:ANSWER]
        changed = context.transaction.run(
            self._record,
            delivery=delivery.delivery_id,
            token=delivery.token,
            what=state.value,
            retry=retry_at,
            finished=context.now if finished else None,
            reply=result.code,
            words=words or note,
            late=delivery.warned or bool(note and not finished),
            # Who asked for a pause is not asked at once when another attempt finds the far side up.
            down=result.channel_down and not finished and not result.wait,
        )
        if not changed:
            return None
        context.transaction.run(
            self._end,
            delivery=delivery.delivery_id,
            attempt=delivery.attempt,
            now=context.now,
            what=result.outcome.value,
            reply=result.code,
            words=words,
            dot=result.dot_sent,
        )
        return state

    def extend(self, context: Context, numbers: Sequence[DeliveryId], token: int, lease: timedelta) -> None:
        """Prolong the lease of what is still being sent."""
        until = lease_time(context.transaction) + microseconds(lease)
        context.transaction.run_many(
            self._extend, [{"delivery": number, "token": token, "until": until} for number in numbers]
        )

    def hasten(self, context: Context, way: str) -> int:
        """Make due now what waits only because the far side was down."""
        return context.transaction.run(self._hasten, way=way, now=context.now)

    def next_due(self, context: Context, way: str) -> int | None:
        """Tell when there is something to claim: a delivery falls due, or the lease of a lost worker ends."""
        transaction = context.transaction
        lease_now = lease_time(transaction)
        due = transaction.value(self._next_due, way=way, lease_now=lease_now)
        expiry = transaction.value(self._next_expiry, way=way)
        freed = None if expiry is None else context.now + max(0, expiry - lease_now)
        return min((moment for moment in (due, freed) if moment is not None), default=None)

    def void(self, transaction: Transaction) -> None:
        """End all leases: who held them is dead."""
        transaction.run(self._void)


def movable(context: Context, delivery_id: int, row: Row | None, source: frozenset[str]) -> Row:
    """Return what a row has behind state and lease, if a hand may move this delivery. Raises NotFound, or Conflict."""
    if row is None:
        raise NotFound(f"there is no delivery {delivery_id}")
    state, lease_until, *rest = row
    if lease_until is not None and lease_until >= lease_time(context.transaction):
        raise Conflict(f"delivery {delivery_id} is being sent right now")
    if state not in source:
        raise Conflict(f"delivery {delivery_id} is {state}")
    return tuple(rest)


MAIL = Leases(deliveries, attempts, "channel", ("ticket_id", "canonical"))  # in order per ticket and recipient
EVENTS = Leases(webhook_deliveries, webhook_attempts, "webhook", ("webhook", "ticket_id"))
