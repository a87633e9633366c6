"""Lists and counts of tickets as an agent sees them: each list is one statement that reads little more than it gives.

A list by queue and status takes the newest of every (queue, status) from the index that has them in order, and the
newest of these: what it costs depends on the length of the page, not on how many tickets there are.
"""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    Subquery,
    bindparam,
    exists,
    func,
    literal_column,
    select,
    tuple_,
    union_all,
)

from gateway.desk.nouns import OPEN_STATUSES, Counts, Filter, Page, QueueCount, Reach, TicketLine
from gateway.model import TicketStatus
from gateway.store import search
from gateway.store.context import Context
from gateway.store.cursors import END, encode, read_cursor
from gateway.store.reach import inside, queues_of, rounded, values
from gateway.store.statement import Row, Statement
from gateway.store.tables import customers, entries, ticket_tags, tickets
from gateway.store.tables_desk import notices, read_marks
from gateway.store.times import to_moment, to_moment_or_none

EXCERPT = 200
ALL_BUT_MERGED = tuple(status.value for status in TicketStatus if status is not TicketStatus.MERGED)
MOST_ARMS = 200
OPEN_OR_WAITING = frozenset({*OPEN_STATUSES, TicketStatus.WAITING.value})
UNFINISHED: list[ColumnElement[str]] = [literal_column(f"'{word}'") for word in sorted(OPEN_OR_WAITING)]
SAID = tuple(sorted(kind.value for kind in search.SAID))

t, e, c = tickets.c, entries.c, customers.c
PICKED = (
    t.id, t.queue, t.type, t.subject, t.status, t.priority, t.requester_id, t.assignee, t.created_at, t.updated_at,
    t.due_at, t.version,
)  # fmt: skip


class Shape(NamedTuple):
    """What a list's statement depends on, besides the values."""

    queues: int
    statuses: int
    by: tuple[str, ...]  # narrowing columns
    overdue: bool
    order: str
    more: bool  # after a cursor


# --- the statements --------------------------------------------------------------------------------------------


def narrowing(shape: Shape) -> list[ColumnElement[bool]]:
    """Return the conditions that do not name queue or status."""
    conditions: list[ColumnElement[bool]] = []
    columns: dict[str, ColumnElement[Any]] = {"assignee": t.assignee, "type": t.type, "priority": t.priority}
    conditions += [column == bindparam(name) for name, column in columns.items() if name in shape.by]
    if "nobody" in shape.by:
        conditions.append(t.assignee.is_(None))
    if {"tag", "common tag"} & set(shape.by):
        conditions.append(exists().where(ticket_tags.c.ticket_id == t.id, ticket_tags.c.tag == bindparam("tag")))
    if "customer" in shape.by:
        conditions.append(t.requester_id.in_(select(c.id).where(c.address == bindparam("customer"))))
    if "organisation" in shape.by:
        conditions.append(t.requester_id.in_(select(c.id).where(c.organisation == bindparam("organisation"))))
    if shape.overdue:
        conditions += [t.due_at < bindparam("now"), t.status.in_(UNFINISHED)]
    return conditions


SELECTIVE = frozenset({"assignee", "customer", "organisation", "tag", "type"})  # of these there are few tickets
KEYS: dict[str, ColumnElement[int]] = {
    "updated": t.updated_at,
    "created": t.created_at,
    "due": func.coalesce(t.due_at, literal_column(str(END))),
}
IN_INDEX = {"updated", "created"}  # of a queue and status


def in_reach(shape: Shape) -> list[ColumnElement[bool]]:
    """Return the conditions on queue and status; as expressions where a better index than theirs is at hand.

    What an agent has not finished is little; of everything an agent ever had, it may be at the very end.
    """
    queue: ColumnElement[Any] = t.queue
    status: ColumnElement[Any] = t.status
    if SELECTIVE & set(shape.by) and "unfinished" not in shape.by:
        queue, status = (func.coalesce(column, literal_column("''")) for column in (queue, status))
    return [inside(queue, "queue", shape.queues), inside(status, "status", shape.statuses)]


def in_order(source: Select[Any], shape: Shape, key: ColumnElement[Any], ticket: ColumnElement[int]) -> Select[Any]:
    """Return the first rows of a source by a key and the number of the ticket, after the cursor."""
    at: BindParameter[Any] = bindparam("at")
    number: BindParameter[Any] = bindparam("number")
    if shape.order == "due":
        if shape.more:
            source = source.where(tuple_(key, ticket) > tuple_(at, number))
        return source.order_by(key, ticket).limit(bindparam("limit"))
    if shape.more:
        source = source.where(tuple_(key, ticket) < tuple_(at, number))
    return source.order_by(key.desc(), ticket.desc()).limit(bindparam("limit"))


def tagged(shape: Shape) -> Select[Any]:
    """Return the first tickets with a tag that few have: each is looked up, where a planner would walk over all."""
    others = shape._replace(by=tuple(name for name in shape.by if name != "tag"))
    key = select(KEYS[shape.order]).where(t.id == ticket_tags.c.ticket_id, *in_reach(shape), *narrowing(others))
    found = (
        select(ticket_tags.c.ticket_id, key.scalar_subquery().label("key"))
        .where(ticket_tags.c.tag == bindparam("tag"))
        .offset(literal_column("0"))  # or the key may be looked up for each use
        .subquery("found")
    )
    source = select(found.c.ticket_id).where(found.c.key.is_not(None))
    return in_order(source, shape, found.c.key, found.c.ticket_id)


@cache
def listing(shape: Shape) -> Statement:
    """Return the statement of a list. What is shown of a ticket is looked up for those alone that stand on the page."""
    arms = shape.queues * shape.statuses
    if shape.order in IN_INDEX and not SELECTIVE & set(shape.by) and arms <= MOST_ARMS:
        key = KEYS[shape.order]
        parts = [
            select(
                in_order(
                    select(t.id, key.label("key")).where(
                        t.queue == bindparam(f"list_queue_{queue}"),
                        t.status == bindparam(f"list_status_{status}"),
                        *narrowing(shape),
                    ),
                    shape,
                    key,
                    t.id,
                ).subquery(f"arm_{queue}_{status}")
            )
            for queue, status in product(range(shape.queues), range(shape.statuses))
        ]
        found = union_all(*parts).subquery("found")
        first = select(found.c.id).order_by(found.c.key.desc(), found.c.id.desc()).limit(bindparam("limit"))
    elif SELECTIVE & set(shape.by) == {"tag"}:
        first = tagged(shape)
    else:
        first = in_order(select(t.id).where(*in_reach(shape), *narrowing(shape)), shape, KEYS[shape.order], t.id)
    picked = select(*PICKED).where(t.id.in_(first)).subquery("picked")
    return Statement(full(picked, shape.order))


def full(picked: Subquery, order: str = "updated") -> Select[Any]:
    """Return the lines of picked tickets: customer, last words, how much was read."""
    p = picked.c
    said = entries.alias("said")
    last = (
        select(func.max(said.c.id))
        .where(said.c.ticket_id == p.id, said.c.kind.in_([literal_column(f"'{kind}'") for kind in SAID]))
        .scalar_subquery()
    )
    counted = entries.alias("counted")
    count = select(func.count()).select_from(counted).where(counted.c.ticket_id == p.id).scalar_subquery()
    whole = select(*p, count.label("entries"), last.label("last_id")).subquery("whole")
    w = whole.c
    keys: dict[str, tuple[ColumnElement[Any], ...]] = {
        "due": (func.coalesce(w.due_at, literal_column(str(END))), w.id),
        "created": (w.created_at.desc(), w.id.desc()),
        "updated": (w.updated_at.desc(), w.id.desc()),
    }
    return (
        select(
            w.id, w.queue, w.type, w.subject, w.status, w.priority, c.address, c.name, w.assignee, w.created_at,
            w.updated_at, w.due_at, w.version, w.entries, func.substr(e.text, 1, EXCERPT), e.author, w.last_id,
            read_marks.c.entry_id,
        )
        .select_from(
            whole.outerjoin(customers, c.id == w.requester_id)
            .outerjoin(entries, e.id == w.last_id)
            .outerjoin(
                read_marks, (read_marks.c.agent_id == bindparam("agent")) & (read_marks.c.ticket_id == w.id)
            )
        )
        .order_by(*keys[order])
    )  # fmt: skip


@cache
def lines_by_number(count: int) -> Statement:
    """Return the statement of the lines of so many tickets."""
    return Statement(full(select(*PICKED).where(inside(t.id, "ticket", count)).subquery("picked")))


@cache
def tags_of(count: int) -> Statement:
    """Return the statement of the tags of so many tickets."""
    return Statement(
        select(ticket_tags.c.ticket_id, ticket_tags.c.tag)
        .where(inside(ticket_tags.c.ticket_id, "ticket", count))
        .order_by(ticket_tags.c.tag)
    )


@cache
def counting(queues: int) -> Statement:
    """Return the statement that counts what is not at its end; the index has everything that it reads."""
    mine = func.count().filter(t.assignee == bindparam("mine"))
    return Statement(
        select(
            t.queue,
            t.status,
            func.count(),
            mine,
            func.count().filter(t.assignee.is_(None)),
            func.count().filter(t.due_at < bindparam("now")),
        )
        .where(
            t.status.in_(UNFINISHED),
            inside(t.queue, "queue", queues),
        )
        .group_by(t.queue, t.status)
    )


# Whether a tag is common: so many tickets are looked up as quickly as the lists are walked over for it.
COMMON_TAG = 8_000
MORE_TAGGED = Statement(
    select(ticket_tags.c.ticket_id).where(ticket_tags.c.tag == bindparam("tag")).limit(1).offset(bindparam("most"))
)
UNREAD = Statement(
    select(func.count())
    .select_from(notices)
    .where(notices.c.agent_id == bindparam("agent"), notices.c.read_at.is_(None))
)


# --- reading ---------------------------------------------------------------------------------------------------


def find(context: Context, reach: Reach, wanted: Filter, limit: int, cursor: str | None) -> Page[TicketLine]:
    """Return tickets in the order that the filter names."""
    queues = queues_of(context, reach)
    if wanted.queue is not None:
        queues = tuple(queue for queue in queues if queue == wanted.queue)
    statuses = tuple(dict.fromkeys(wanted.statuses)) or ALL_BUT_MERGED
    if not queues:
        return Page(())
    narrowed = {
        name: value
        for name in ("tag", "customer", "organisation", "type", "priority")
        if (value := getattr(wanted, name)) is not None
    }
    if wanted.assignee:
        narrowed["assignee"] = wanted.assignee
    by = (*sorted(narrowed), *(("nobody",) if wanted.assignee == "" else ()))
    if SELECTIVE & set(by) == {"assignee"} and OPEN_OR_WAITING.issuperset(statuses):
        by = (*by, "unfinished")
    if wanted.tag is not None and context.transaction.row(MORE_TAGGED, tag=wanted.tag, most=COMMON_TAG):
        by = tuple("common tag" if name == "tag" else name for name in by)
    order = wanted.order if wanted.order in {"due", "created"} else "updated"
    at = read_cursor(cursor)
    shape = Shape(len(queues), len(statuses), by, wanted.overdue, order, at is not None)
    rows = context.transaction.rows(
        listing(shape),
        **values("queue", queues),
        **values("status", statuses),
        **narrowed,
        agent=reach.agent,
        now=context.now,
        limit=limit + 1,
        at=at[0] if at else 0,
        number=at[1] if at else 0,
    )
    lines = as_lines(context, rows[:limit])
    return Page(lines, cursor_of(rows[limit - 1], order) if len(rows) > limit else None)


def as_lines(context: Context, rows: list[Row]) -> tuple[TicketLine, ...]:
    """Return rows with their tags."""
    if not rows:
        return ()
    numbers = [row[0] for row in rows]
    size = rounded(len(numbers))
    tags: dict[int, list[str]] = {}
    for number, tag in context.transaction.rows(tags_of(size), **values("ticket", numbers, size)):
        tags.setdefault(number, []).append(tag)
    return tuple(as_line(row, tuple(tags.get(row[0], ()))) for row in rows)


def as_line(row: Row, tags: tuple[str, ...]) -> TicketLine:
    """Return one row."""
    number, queue, kind, subject, status, priority, address, name, assignee, created, updated, due, version, *rest = row
    count, words, author, last_id, mark = rest
    return TicketLine(
        number, queue, kind, subject, status, priority, address or "", name or "", assignee, to_moment(created),
        to_moment(updated), to_moment_or_none(due), version, count, " ".join((words or "").split()), author or "",
        last_id is not None and last_id > (mark or 0), tags,
    )  # fmt: skip


def lines_of(context: Context, agent: int, numbers: list[int]) -> dict[int, TicketLine]:
    """Return the lines of tickets that are known to be in reach."""
    if not numbers:
        return {}
    size = rounded(len(numbers))
    rows = context.transaction.rows(lines_by_number(size), **values("ticket", numbers, size), agent=agent)
    return {line.number: line for line in as_lines(context, rows)}


def count(context: Context, reach: Reach, address: str) -> Counts:
    """Count for the side column."""
    queues = queues_of(context, reach)
    found: dict[str, dict[str, int]] = {}
    mine = unassigned = waiting = overdue = 0
    for queue, status, total, own, nobodys, late in context.transaction.rows(
        counting(len(queues)), **values("queue", queues), mine=address, now=context.now
    ):
        found.setdefault(queue, {})[status] = total
        overdue += late
        if status in OPEN_STATUSES:
            mine, unassigned = mine + own, unassigned + nobodys
        else:
            waiting += total
    unread = context.transaction.value(UNREAD, agent=reach.agent)
    return Counts(
        {queue: QueueCount(**states) for queue, states in found.items()}, mine, unassigned, waiting, overdue, unread
    )


def cursor_of(row: Row, order: str) -> str:
    """Return the cursor after a row."""
    created, updated, due = row[9:12]
    keys: dict[str, int] = {"due": END if due is None else due, "created": created, "updated": updated}
    return encode(keys[order], row[0])
