"""How many mails a channel may still hand over: counted from the attempts, so that it holds over restarts and nodes.

An attempt counts from when it is claimed until a window after its end. Whatever order claims, sends and records come
in, no window of that length then holds more mails than the provider allows. What never reached the server, because
there was no connection or the channel was down, does not count. What a lost worker held may have been
sent until its lease ended: it counts for a window from then or, once taken over, from the moment it was taken over.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import and_, bindparam, func, literal_column, not_, or_, select

from gateway.store.bound import LOCK
from gateway.store.context import Context
from gateway.store.leases import MAIL, QUEUED
from gateway.store.statement import Statement
from gateway.store.tables_out import attempts, deliveries
from gateway.store.times import lease_time, microseconds

Allowance = tuple[int, timedelta]
"""So many mails in any time of that length."""

a, d = attempts.c, deliveries.c
# The condition of the partial index, word for word: else SQLite does not use it.
COUNTS = or_(a.outcome.is_(None), not_(and_(a.outcome == literal_column("'deferred'"), a.code == literal_column("0"))))
ON_CHANNEL = attempts.join(deliveries, d.id == a.delivery_id)
UNDER_WAY = Statement(
    select(func.count())
    .select_from(ON_CHANNEL)
    .where(
        d.channel == bindparam("channel"),
        COUNTS,
        a.ended_at.is_(None),
        a.outcome.is_(None),
        d.state == QUEUED,
        d.lease_until >= bindparam("leased_since"),
    )
)
ENDED = Statement(
    select(a.ended_at)
    .select_from(ON_CHANNEL)
    .where(d.channel == bindparam("channel"), COUNTS, a.ended_at > bindparam("since"))
    .order_by(a.ended_at.desc())
    .limit(bindparam("most"))
)
ANY_DUE = Statement(select(literal_column("1")).where(*MAIL.due).limit(literal_column("1")))
LOOK_AGAIN = timedelta(seconds=1)  # while all that is allowed is under way, perhaps at another node


def room(context: Context, channel: str, limit: int, allowances: Sequence[Allowance]) -> int:
    """Return how many of `limit` may be claimed now. Nobody else claims on this channel until the transaction ends.

    It is 0 if nothing is due: a worker that wakes up for nothing does not count a day's attempts.
    """
    transaction = context.transaction
    if not allowances:
        return limit
    if transaction.value(ANY_DUE, way=channel, now=context.now, lease_now=lease_time(transaction)) is None:
        return 0
    if transaction.dialect == "postgresql":
        transaction.run(LOCK, scope="channel", key=channel)
    lease_now = lease_time(transaction)  # after the lock, which may have been waited for
    for most, window in allowances:
        kept = under_way(context, channel, window, lease_now) + len(ended(context, channel, most, window))
        limit = min(limit, most - kept)
    return max(0, limit)


def free_at(context: Context, channel: str, allowances: Sequence[Allowance]) -> int:
    """Return when the next mail may be claimed."""
    lease_now = lease_time(context.transaction) if allowances else 0
    moment = context.now
    for most, window in allowances:
        kept = under_way(context, channel, window, lease_now)
        if kept >= most:
            moment = max(moment, context.now + microseconds(LOOK_AGAIN))
            continue
        times = ended(context, channel, most, window)
        if len(times) + kept >= most:
            # All but one of the places are kept by the newest; the next one after them is the first to become free.
            moment = max(moment, times[most - kept - 1] + microseconds(window))
    return moment


def under_way(context: Context, channel: str, window: timedelta, lease_now: int) -> int:
    """Return how many attempts have not ended, or were lost with a lease that ended within this window."""
    since = lease_now - microseconds(window)
    return int(context.transaction.value(UNDER_WAY, channel=channel, leased_since=since))


def ended(context: Context, channel: str, most: int, window: timedelta) -> list[int]:
    """Return when the last attempts ended that count in this window, newest first."""
    since = context.now - microseconds(window)
    return [at for (at,) in context.transaction.rows(ENDED, channel=channel, since=since, most=most)]
