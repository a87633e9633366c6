"""What happens on all nodes: new entries, notices, and who is where. Read by one poll; written by whoever acts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, bindparam, func, literal_column, select
from sqlalchemy.dialects.postgresql import insert as upsert

from gateway.desk.nouns import Event, Position, Presence, Reach
from gateway.store.context import Context
from gateway.store.reach import check, inside, rounded, values
from gateway.store.statement import Row, Statement
from gateway.store.tables import entries, tickets
from gateway.store.tables_desk import notices, presences
from gateway.store.tables_out import agents
from gateway.store.times import microseconds, to_moment, to_number

GONE = timedelta(hours=1)  # after which a presence is swept away
UNSETTLED = 5000  # rows; a node writes some 3,300 entries in the ten seconds that a transaction may last
SHOWN = 160  # characters of an entry in an event

e, n, p = entries.c, notices.c, presences.c
NEWEST = Statement(select(select(func.max(e.id)).scalar_subquery(), select(func.max(n.id)).scalar_subquery()))


def settled(rows: Table) -> ColumnElement[int]:
    """Return the newest row that is older than any transaction, among the last so many; before those, all are."""
    first = select(func.max(rows.c.id)).scalar_subquery() - literal_column(str(UNSETTLED))
    old = (
        select(rows.c.id)
        .where(rows.c.id > first, rows.c.created_at < bindparam("before"))
        .order_by(rows.c.id.desc())
        .limit(literal_column("1"))
    )
    return func.coalesce(old.scalar_subquery(), first)


# PostgreSQL numbers a row before others can see it: what is older than any transaction has nothing before it to come.
SETTLED = Statement(select(settled(entries), settled(notices)))


def new_entries(*conditions: ColumnElement[bool]) -> Select[Any]:
    """Return the rows of entries, in order."""
    return (
        select(e.id, e.ticket_id, tickets.c.queue, e.kind, e.author, func.substr(e.text, 1, SHOWN))
        .select_from(entries.join(tickets, tickets.c.id == e.ticket_id))
        .where(*conditions)
        .order_by(e.id)
    )


def new_notices(*conditions: ColumnElement[bool]) -> Select[Any]:
    """Return the rows of notices, in order."""
    return (
        select(n.id, n.agent_id, n.ticket_id, tickets.c.queue, n.why, n.by, tickets.c.subject)
        .select_from(notices.join(tickets, tickets.c.id == n.ticket_id))
        .where(*conditions)
        .order_by(n.id)
    )


ENTRIES_SINCE = Statement(new_entries(e.id > bindparam("after")).limit(bindparam("limit")))
NOTICES_SINCE = Statement(new_notices(n.id > bindparam("after")).limit(bindparam("limit")))


@cache
def entries_of(count: int) -> Statement:
    """Return the statement of so many entries."""
    return Statement(new_entries(inside(e.id, "number", count)))


@cache
def notices_of(count: int) -> Statement:
    """Return the statement of so many notices."""
    return Statement(new_notices(inside(n.id, "number", count)))


BE = Statement(
    upsert(presences)
    .values(
        agent_id=bindparam("agent"),
        ticket_id=bindparam("ticket"),
        doing=bindparam("what"),
        since=bindparam("now"),
        seen_at=bindparam("now"),
    )
    .on_conflict_do_update(
        index_elements=["agent_id", "ticket_id"], set_={"doing": bindparam("what"), "seen_at": bindparam("now")}
    )
)
LEAVE = Statement(presences.delete().where(p.agent_id == bindparam("agent"), p.ticket_id == bindparam("ticket")))
SWEEP = Statement(presences.delete().where(p.seen_at < bindparam("before")))
PRESENT = Statement(
    select(p.agent_id, agents.c.name, agents.c.address, p.ticket_id, p.doing, p.since, tickets.c.queue)
    .select_from(presences.join(agents, agents.c.id == p.agent_id).join(tickets, tickets.c.id == p.ticket_id))
    .where(p.seen_at >= bindparam("after"))
    .order_by(p.since, p.agent_id)
    .limit(literal_column("1000"))
)


def newest(context: Context) -> Position:
    """Return the newest entry and the newest notice, before which no other can come into sight any more."""
    transaction = context.transaction
    if transaction.dialect == "sqlite":  # one writer: what it numbers later is seen later
        row = transaction.row(NEWEST)
    else:
        row = transaction.row(SETTLED, before=context.now - microseconds(context.options.commit_timeout))
    return Position(*(max(0, number or 0) for number in row)) if row else Position(0, 0)


def events(context: Context, seen: Position, limit: int) -> list[tuple[Event, int]]:
    """Return what was written since: entries, oldest first, then notices."""
    rows = context.transaction.rows
    return as_events(
        rows(ENTRIES_SINCE, after=seen.entry, limit=limit), rows(NOTICES_SINCE, after=seen.notice, limit=limit)
    )


def events_of(context: Context, entry: Sequence[int], notice: Sequence[int]) -> list[tuple[Event, int]]:
    """Return those of these entries and notices that are in sight."""
    found: list[list[Row]] = []
    for statement, numbers in ((entries_of, entry), (notices_of, notice)):
        size = rounded(len(numbers))
        given = values("number", numbers, size) if numbers else {}
        found.append(context.transaction.rows(statement(size), **given) if numbers else [])
    return as_events(*found)


def as_events(said: Sequence[Row], told: Sequence[Row]) -> list[tuple[Event, int]]:
    """Return the events of rows of entries and of notices."""
    return [
        (Event("entry", number, ticket, queue, kind, author, " ".join(words.split())), 0)
        for number, ticket, queue, kind, author, words in said
    ] + [
        (Event("notice", number, ticket, queue, why, by, subject), agent)
        for number, agent, ticket, queue, why, by, subject in told
    ]


def be_present(context: Context, reach: Reach, number: int, doing: str) -> None:
    """Note what an agent does on a ticket in reach."""
    check(context, reach, number)
    if not doing:
        context.transaction.run(LEAVE, agent=reach.agent, ticket=number)
        return
    context.transaction.run(SWEEP, before=context.now - microseconds(GONE))
    context.transaction.run(BE, agent=reach.agent, ticket=number, what=doing, now=context.now)


def present(context: Context, since: datetime) -> list[Presence]:
    """Return everybody who was seen since then."""
    return [
        Presence(agent, name or address, ticket, doing, to_moment(at), queue)
        for agent, name, address, ticket, doing, at, queue in context.transaction.rows(PRESENT, after=to_number(since))
    ]
