"""What happens on all nodes: new entries, notices, and who is where. Read by one poll; written by whoever acts."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import bindparam, func, literal_column, select
from sqlalchemy.dialects.postgresql import insert as upsert

from gateway.desk.nouns import Event, Position, Presence, Reach
from gateway.store.context import Context
from gateway.store.reach import check
from gateway.store.statement import Statement
from gateway.store.tables import entries, tickets
from gateway.store.tables_desk import notices, presences
from gateway.store.tables_out import agents
from gateway.store.times import microseconds, to_moment, to_number

GONE = timedelta(hours=1)  # after which a presence is swept away
SHOWN = 160  # characters of an entry in an event

e, n, p = entries.c, notices.c, presences.c
NEWEST = Statement(select(select(func.max(e.id)).scalar_subquery(), select(func.max(n.id)).scalar_subquery()))
NEW_ENTRIES = Statement(
    select(e.id, e.ticket_id, tickets.c.queue, e.kind, e.author, func.substr(e.text, 1, SHOWN))
    .select_from(entries.join(tickets, tickets.c.id == e.ticket_id))
    .where(e.id > bindparam("after"))
    .order_by(e.id)
    .limit(bindparam("limit"))
)
NEW_NOTICES = Statement(
    select(n.id, n.agent_id, n.ticket_id, tickets.c.queue, n.why, n.by, tickets.c.subject)
    .select_from(notices.join(tickets, tickets.c.id == n.ticket_id))
    .where(n.id > bindparam("after"))
    .order_by(n.id)
    .limit(bindparam("limit"))
)
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
    """Return the newest entry and the newest notice."""
    row = context.transaction.row(NEWEST)
    return Position(row[0] or 0, row[1] or 0) if row else Position(0, 0)


def events(context: Context, seen: Position, limit: int) -> list[tuple[Event, int]]:
    """Return what was written since: entries, oldest first, then notices; each with the position after it."""
    found: list[tuple[Event, int]] = []
    for number, ticket, queue, kind, author, words in context.transaction.rows(
        NEW_ENTRIES, after=seen.entry, limit=limit
    ):
        seen = seen._replace(entry=number)
        found.append((Event("entry", number, ticket, queue, kind, author, " ".join(words.split()), position=seen), 0))
    for number, agent, ticket, queue, why, by, subject in context.transaction.rows(
        NEW_NOTICES, after=seen.notice, limit=limit
    ):
        seen = seen._replace(notice=number)
        found.append((Event("notice", number, ticket, queue, why, by, subject, position=seen), agent))
    return found


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
