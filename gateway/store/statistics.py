"""The state of the store in numbers: what waits where, and whether the ledger adds up (I1)."""

from __future__ import annotations

import hashlib

from sqlalchemy import ColumnElement, and_, bindparam, func, literal_column, or_, select
from sqlalchemy.dialects.postgresql import insert as upsert

from gateway.model import BreakerRow, ChannelDepth, Disposition, PauseRow, Statistics
from gateway.store.context import Context
from gateway.store.raw import INLINE, PIECE
from gateway.store.statement import Row, Statement
from gateway.store.tables import entries, intakes, raw_chunks, raws, tickets
from gateway.store.tables_out import attempts, automatic_mails, breakers, deliveries, keepsakes, outgoings, pauses
from gateway.store.times import to_moment, to_moment_or_none

i, d = intakes.c, deliveries.c

WAITING = Statement(select(func.count(), func.min(i.received_at)).where(i.state == literal_column("'waiting'")))
HELD = Statement(select(func.count()).where(i.disposition == literal_column("'quarantine'")).select_from(intakes))
DEPTHS = Statement(
    select(d.channel, func.count(), func.min(d.queued_at))
    .where(d.state == literal_column("'queued'"))
    .group_by(d.channel)
    .order_by(d.channel)
)
BREAKERS = Statement(
    select(
        breakers.c.queue, breakers.c.tripped_at, breakers.c.open_until, breakers.c.trips, breakers.c.because
    ).order_by(breakers.c.queue)
)
PAUSES = Statement(select(pauses.c.channel, pauses.c.since, pauses.c.because).order_by(pauses.c.channel))
PULSE = Statement(
    upsert(keepsakes)
    .values(owner="store", name="pulse", updated_at=bindparam("now"), value=bindparam("beat"))
    .on_conflict_do_update(
        index_elements=["owner", "name"], set_={"updated_at": bindparam("now"), "value": bindparam("beat")}
    )
)


def statistics(context: Context) -> Statistics:
    """Return what waits where, at this moment."""
    transaction = context.transaction
    waiting = transaction.row(WAITING) or (0, None)
    return Statistics(
        waiting_intakes=waiting[0],
        oldest_waiting=to_moment_or_none(waiting[1]),
        quarantined=transaction.value(HELD),
        outbox=tuple(
            ChannelDepth(channel, count, to_moment_or_none(oldest))
            for channel, count, oldest in transaction.rows(DEPTHS)
        ),
        breakers=tuple(row for row in list_breakers(context) if row.is_open),
        pauses=tuple(PauseRow(channel, to_moment(since), why) for channel, since, why in transaction.rows(PAUSES)),
    )


def list_breakers(context: Context) -> list[BreakerRow]:
    """Return the breakers that were ever tripped."""
    return [
        BreakerRow(queue, until > context.now, to_moment(tripped), to_moment(until), trips, because)
        for queue, tripped, until, trips, because in context.transaction.rows(BREAKERS)
    ]


def beat(context: Context) -> None:
    """Write something harmless: the store could take a mail now."""
    context.transaction.run(PULSE, now=context.now, beat=b"")


# --- the audit ------------------------------------------------------------------------------------------------

BY_DISPOSITION = Statement(select(i.state, i.disposition, func.count()).group_by(i.state, i.disposition))
BY_STATE = Statement(select(d.state, func.count()).group_by(d.state))
ONE: ColumnElement[int] = literal_column("1")


def one_of(column: ColumnElement[str], *words: str) -> ColumnElement[bool]:
    """Return the condition that a column is one of some words of ours."""
    return column.in_([literal_column(f"'{word}'") for word in words])


FILED = one_of(i.disposition, Disposition.TICKET, Disposition.APPEND, Disposition.AUTO_REPLY)

# Each line is a sentence about the ledger that must hold for every row; the statement counts the rows that break it.
SENTENCES: dict[str, Statement] = {
    "a settled intake has no disposition": Statement(
        select(func.count())
        .select_from(intakes)
        .where(i.state == literal_column("'done'"), or_(i.disposition.is_(None), i.settled_at.is_(None)))
    ),
    "a waiting intake has a disposition": Statement(
        select(func.count())
        .select_from(intakes)
        .where(i.state == literal_column("'waiting'"), i.disposition.is_not(None))
    ),
    "an intake is filed on a ticket, but names none": Statement(
        select(func.count()).select_from(intakes).where(FILED, i.ticket_id.is_(None))
    ),
    "an intake is filed on a ticket without an entry": Statement(
        select(func.count())
        .select_from(intakes)
        .where(
            FILED,
            ~select(ONE).select_from(entries).where(entries.c.id == i.entry_id).exists(),
        )
    ),
    "a ticket has no entry": Statement(
        select(func.count())
        .select_from(tickets)
        .where(~select(ONE).select_from(entries).where(entries.c.ticket_id == tickets.c.id).exists())
    ),
    "an outgoing has no delivery": Statement(
        select(func.count())
        .select_from(outgoings)
        .where(~select(ONE).select_from(deliveries).where(d.outgoing_id == outgoings.c.id).exists())
    ),
    "automatic mail is not in its ledger": Statement(
        select(func.count())
        .select_from(outgoings)
        .where(
            outgoings.c.kind != literal_column("'reply'"),
            ~select(ONE).select_from(automatic_mails).where(automatic_mails.c.outgoing_id == outgoings.c.id).exists(),
        )
    ),
    "a delivery counts other attempts than it has": Statement(
        select(func.count())
        .select_from(deliveries)
        .where(
            d.attempts
            != select(func.count()).select_from(attempts).where(attempts.c.delivery_id == d.id).scalar_subquery()
        )
    ),
    "a finished delivery was sent without an attempt": Statement(
        select(func.count())
        .select_from(deliveries)
        .where(
            one_of(d.state, "sent", "bounced"),
            ~select(ONE)
            .select_from(attempts)
            .where(attempts.c.delivery_id == d.id, attempts.c.outcome == literal_column("'sent'"))
            .exists(),
        )
    ),
    "a delivery waits, but is not due at any time": Statement(
        select(func.count())
        .select_from(deliveries)
        .where(and_(d.state == literal_column("'queued'"), d.due_at.is_(None)))
    ),
}
NEXT_RAW = Statement(
    select(raws.c.id, raws.c.sha256, raws.c.size, raws.c.location, raws.c.content)
    .where(raws.c.id > bindparam("after"))
    .order_by(raws.c.id)
    .limit(literal_column("16"))
)
PIECES = Statement(
    select(raw_chunks.c.content).where(
        raw_chunks.c.raw_id == bindparam("raw_id"), raw_chunks.c.position == bindparam("position")
    )
)


def count_intakes(context: Context) -> tuple[int, dict[str, int]]:
    """Return how many intakes wait, and how many have each disposition."""
    waiting, done = 0, {word.value: 0 for word in Disposition}
    for state, disposition, count in context.transaction.rows(BY_DISPOSITION):
        if state == "waiting":
            waiting += count
        else:
            done[disposition or "none"] = done.get(disposition or "none", 0) + count
    return waiting, done


def count_deliveries(context: Context) -> dict[str, int]:
    """Return how many deliveries are in each state."""
    return dict(tuple(row) for row in context.transaction.rows(BY_STATE))


def broken_sentences(context: Context) -> list[str]:
    """Return every sentence about the ledger that does not hold, with how often."""
    counts = ((text, context.transaction.value(statement)) for text, statement in SENTENCES.items())
    return [f"{text}: {count} times" for text, count in counts if count]


def next_raws(context: Context, after: int) -> list[Row]:
    """Return some raw mails after the given one: id, sha256, size, location, and the hash of what is stored here."""
    found = []
    for raw_id, sha256, size, location, content in context.transaction.rows(NEXT_RAW, after=after):
        digest = None
        if location is None:
            whole = hashlib.sha256(content or b"")
            if content is None and size > INLINE:
                for position in range(-(-size // PIECE)):
                    whole.update(context.transaction.value(PIECES, raw_id=raw_id, position=position) or b"")
            digest = whole.hexdigest()
        found.append((raw_id, sha256, size, location, digest))
    return found
