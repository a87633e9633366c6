"""The breaker of a queue (I2): opens by itself when far more automatic mail is asked for than usual.

The limits stop what is too much; the breaker stops what is not normal, and is seen: log, metric, pages, `doctor`. Only
what no other limit refuses is counted, so that one robot within the limits of its address cannot silence a queue.

One text under many domains is no reason to open it: that text is refused, everybody else is answered.
"""

from __future__ import annotations

from datetime import timedelta
from math import exp

from sqlalchemy import bindparam, literal_column, select
from sqlalchemy.dialects.postgresql import insert as upsert

from gateway.model import AutomaticMail, Refusal
from gateway.rules.behaviour import ALIKE, distance
from gateway.store.context import Context
from gateway.store.statement import Statement
from gateway.store.tables import intakes
from gateway.store.tables_out import breakers, demands
from gateway.store.times import microseconds, to_moment
from gateway.store.windows import hours

USUAL_OVER = hours(24 * 7)  # a week has nights and a weekend in it
TIMES_USUAL = 5
NEWEST = 40  # tickets of a queue among which one text is looked for
NEWEST_WITHIN = hours(24)  # as long as the limit of one exact text counts; a quiet queue's newest are months old
TOO_MANY_ALIKE = NEWEST // 2
DOMAINS = 3  # one company's people write from one domain, and the limits of organisations are for them
HOUR = microseconds(hours(1))

OPEN_BREAKER = Statement(
    select(breakers.c.open_until, breakers.c.because).where(
        breakers.c.queue == bindparam("queue"), breakers.c.open_until > bindparam("now")
    )
)
TRIP_BREAKER = Statement(
    upsert(breakers)
    .values(
        queue=bindparam("queue"),
        tripped_at=bindparam("now"),
        open_until=bindparam("until"),
        trips=literal_column("1"),
        because=bindparam("why"),
    )
    .on_conflict_do_update(
        index_elements=["queue"],
        set_={
            "tripped_at": bindparam("now"),
            "open_until": bindparam("until"),
            "trips": breakers.c.trips + literal_column("1"),
            "because": bindparam("why"),
        },
    )
)
DEMAND = Statement(select(demands.c.at, demands.c.lately, demands.c.usual).where(demands.c.queue == bindparam("queue")))
NOTE_DEMAND = Statement(
    upsert(demands)
    .values(queue=bindparam("queue"), at=bindparam("now"), lately=bindparam("recent"), usual=bindparam("normal"))
    .on_conflict_do_update(
        index_elements=["queue"],
        set_={"at": bindparam("now"), "lately": bindparam("recent"), "usual": bindparam("normal")},
    )
)
NEWEST_TICKETS = Statement(
    select(intakes.c.fingerprint, intakes.c.organisation, intakes.c.received_at)
    .where(intakes.c.queue == bindparam("queue"), intakes.c.disposition == literal_column("'ticket'"))
    .order_by(intakes.c.id.desc())
    .limit(literal_column(str(NEWEST)))
)


def watch(context: Context, mail: AutomaticMail) -> Refusal | None:
    """Count one wish for automatic mail; refuse it while the breaker is open, if it opens it, or as a spam run's text.

    The queue's counter is locked, so wishes follow one another.
    """
    lately, usual = demand(context, mail.queue)
    opened = context.transaction.row(OPEN_BREAKER, queue=mail.queue, now=context.now)
    because = "" if opened else too_many(context, lately, usual)
    if opened or because:
        lately = 0.0  # once it closes, it looks afresh
    context.transaction.run(NOTE_DEMAND, queue=mail.queue, now=context.now, recent=lately, normal=usual)
    if opened:
        return Refusal(
            "breaker", f"the breaker of the queue is open until {to_moment(opened[0]):%H:%M} UTC: {opened[1]}"
        )
    if because:
        trip(context, mail.queue, because)
        return Refusal("breaker-opened", f"the breaker of the queue opens: {because}")
    if text := one_text(context, mail):
        return Refusal("one-text", text)
    return None


def demand(context: Context, queue: str) -> tuple[float, float]:
    """Return how much is asked for now, this wish included, and how much usually is: mails in an hour.

    Both are sums that fade with time, over an hour and over a week.
    """
    at, lately, usual = context.transaction.row(DEMAND, queue=queue) or (context.now, 0.0, 0.0)
    passed = max(0, context.now - at) / HOUR
    week = USUAL_OVER / timedelta(hours=1)
    return lately * exp(-passed) + 1, usual * exp(-passed / week) + 1 / week


def too_many(context: Context, lately: float, usual: float) -> str:
    """Say that more is asked for than the limit of an hour and than five times the usual, or the empty string."""
    windows = context.options.bound.queue
    if not windows:
        return ""
    normal = max((most for length, most in windows if length <= timedelta(hours=1)), default=windows[0][1])
    if lately <= max(normal, TIMES_USUAL * usual):
        return ""
    return f"{lately:.0f} automatic mails were asked for in an hour, {usual:.0f} are usual"


def one_text(context: Context, mail: AutomaticMail) -> str:
    """Say that this mail's text, from different domains, makes most of the newest tickets, or the empty string.

    Spam runs under forged senders look like this: each address, domain and exact text stays within its limits.
    """
    if not mail.fingerprint:
        return ""
    since = context.now - microseconds(NEWEST_WITHIN)
    # The age is looked at here: as a condition of the statement it would read a quiet queue to its first ticket.
    rows = [row for row in context.transaction.rows(NEWEST_TICKETS, queue=mail.queue) if row[2] > since]
    alike = [domain for mark, domain, _ in rows if distance(mark or "", mail.fingerprint) <= ALIKE]
    if len(alike) <= TOO_MANY_ALIKE or len(set(alike)) < DOMAINS:
        return ""
    return f"{len(alike)} of the {len(rows)} newest tickets of a day have one text, from {len(set(alike))} domains"


def trip(context: Context, queue: str, because: str) -> None:
    """Open the breaker of a queue: none of its automatic mail is queued for a while."""
    until = context.now + microseconds(context.options.bound.breaker)
    context.transaction.run(TRIP_BREAKER, queue=queue, now=context.now, until=until, why=because)
