"""Search of tickets, and the tags in use: what an agent may find is asked of the database for every hit."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from sqlalchemy import ARRAY, BigInteger, Text, any_, bindparam, cast, func, literal_column, select

from gateway.desk.nouns import Found, Page, Reach
from gateway.store import search
from gateway.store.context import Context
from gateway.store.cursors import END, encode, read_cursor
from gateway.store.desk_lists import lines_of
from gateway.store.reach import inside, queues_of, rounded, values
from gateway.store.statement import Statement
from gateway.store.tables import entries, ticket_tags, tickets

FIRST, LEAST, MOST = 150, 50, 1000  # hits to look at together: at first, and then as many as should be missing
LOOKED_AT = 2650  # hits in all, for one page: few of them may be in reach
AMPLE = 1.5  # times as many as should be missing

t, e = tickets.c, entries.c


class Said(NamedTuple):
    """What an entry says, and who says it."""

    text: str
    author: str


@cache
def places(dialect: str, entries_: int, queues: int) -> Statement:
    """Return the statement of the tickets in reach that so many entries are of, each with its newest among them.

    The queue is looked up for each of them: of a join, a planner makes a walk over all tickets.
    """
    queue = select(t.queue).where(t.id == e.ticket_id).scalar_subquery()
    hit = inside(e.id, "entry", entries_)
    if dialect == "postgresql":  # one value, however many they are: reading a thousand of them takes it longest
        hit = e.id == any_(cast(bindparam("hits", type_=Text), ARRAY(BigInteger)))
    return Statement(
        select(func.max(e.id), e.ticket_id).where(hit).group_by(e.ticket_id).having(inside(queue, "queue", queues))
    )


@cache
def words_of(count: int) -> Statement:
    """Return the statement of what so many entries say, and who says it."""
    return Statement(select(e.id, e.text, e.author).where(inside(e.id, "entry", count)))


@cache
def tags_in_use(queues: int) -> Statement:
    """Return the statement of the tags with how many tickets have them."""
    many = func.count()
    return Statement(
        select(ticket_tags.c.tag, many)
        .select_from(ticket_tags.join(tickets, t.id == ticket_tags.c.ticket_id))
        .where(inside(t.queue, "queue", queues))
        .group_by(ticket_tags.c.tag)
        .order_by(many.desc(), ticket_tags.c.tag)
        .limit(literal_column("200"))
    )


def find_words(context: Context, reach: Reach, typed: str, limit: int, cursor: str | None) -> Page[Found]:
    """Find tickets by words, each with its newest hit. A ticket may come again on a later page with an older one."""
    phrases = search.phrases_of(typed)
    if not phrases:
        return Page(())
    queues = queues_of(context, reach)
    at = read_cursor(cursor)
    before = at[1] if at else END
    find = search.finder(context.transaction, phrases)
    newest: dict[int, int] = {}
    more, looked, batch = False, 0, FIRST
    while looked < LOOKED_AT:
        hits = find(before, batch)
        more = len(hits) == batch
        if not hits:
            break
        before = hits[-1]
        for hit, ticket in tickets_of(context, hits, queues):
            if newest.setdefault(ticket, hit) == hit and len(newest) == limit:
                before, more = hit, True
                break
        if len(newest) == limit or not more:
            break
        looked += len(hits)
        batch = min(enough(limit - len(newest), len(newest), looked), LOOKED_AT - looked)
    lines = lines_of(context, reach.agent, list(newest))
    said = texts(context, list(newest.values()))
    found = tuple(
        Found(lines[number], entry, search.excerpt(said[entry].text, typed), said[entry].author)
        for number, entry in newest.items()
        if number in lines
    )
    return Page(found, encode(0, before) if more else None)


def tickets_of(context: Context, hits: list[int], queues: tuple[str, ...]) -> list[tuple[int, int]]:
    """Return the tickets in reach, each behind its newest hit, newest first."""
    size = rounded(len(hits))
    dialect = context.transaction.dialect
    given = {"hits": array(hits)} if dialect == "postgresql" else values("entry", hits, size)
    rows = context.transaction.rows(places(dialect, size, len(queues)), **given, **values("queue", queues))
    return sorted(((hit, ticket) for hit, ticket in rows), reverse=True)


def array(numbers: list[int]) -> str:
    """Return an array as PostgreSQL reads it: of a list, the driver makes one number by number."""
    return "{" + ",".join(map(str, numbers)) + "}"


def enough(missing: int, found: int, looked: int) -> int:
    """Return how many more hits should have the tickets that are missing, after what so many have had."""
    return max(LEAST, min(MOST, 2 * looked, int(missing * looked / max(found, 1) * AMPLE)))


def texts(context: Context, hits: list[int]) -> dict[int, Said]:
    """Return what entries say, and who says it."""
    if not hits:
        return {}
    size = rounded(len(hits))
    rows = context.transaction.rows(words_of(size), **values("entry", hits, size))
    return {entry: Said(text, author) for entry, text, author in rows}


def list_tags(context: Context, reach: Reach) -> list[tuple[str, int]]:
    """Return the tags in use."""
    queues = queues_of(context, reach)
    return [
        (tag, total) for tag, total in context.transaction.rows(tags_in_use(len(queues)), **values("queue", queues))
    ]
