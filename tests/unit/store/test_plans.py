"""No main query of the desk reads a whole table that grows with the mail: what the databases say that they would do."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import psycopg
import pytest

from gateway.desk.nouns import Changes, Filter, Position, Words
from gateway.store.search_ways import How, Way
from gateway.store.statement import Row, Statement, Transaction
from tests.support.desk import LEA, Office, open_office

GROWING = {
    "tickets", "entries", "entry_words", "attachments", "customers", "intakes", "raws", "outgoings", "deliveries",
    "participants", "ticket_tags", "ticket_links", "read_marks", "message_ids", "notices", "sessions", "drafts",
}  # fmt: skip
# What PostgreSQL would know of these columns in earnest: of each of their values there are five rows.
FEW = (
    ("entries", "ticket_id"),
    ("attachments", "entry_id"),
    ("customers", "organisation"),
    ("tickets", "requester_id"),
)
DISTINCT = (
    "INSERT INTO pg_statistic SELECT attrelid, attnum, FALSE, 0, 8, -0.2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 "
    "FROM pg_attribute WHERE attrelid = CAST(%(table)s AS regclass) AND attname = %(column)s"
)
OPEN, ALL = ("new", "open"), ()
FILTERS = {
    "in reach": Filter(statuses=OPEN),
    "everything": Filter(statuses=ALL),
    "a queue": Filter(queue="support", statuses=OPEN),
    "solved": Filter(statuses=("solved",)),
    "mine": Filter(statuses=OPEN, assignee="me"),
    "nobody's": Filter(statuses=OPEN, assignee=""),
    "a queue, a status and an assignee": Filter(queue="support", statuses=("waiting",), assignee="me"),
    "a tag": Filter(tag="printer"),
    "a customer": Filter(customer="marie@customer.example"),
    "an organisation": Filter(organisation="customer.example"),
    "overdue": Filter(statuses=OPEN, overdue=True, order="due"),
    "a type": Filter(type="incident"),
    "by creation": Filter(statuses=OPEN, order="created"),
    "by creation, everything": Filter(statuses=ALL, order="created"),
}
SEARCHES = ("copper", "copper total", '"total on page"', "marie@customer.example", "co")


class Asked(list[tuple[str, Row]]):
    """The statements that were executed since the last look, each once."""

    def taken(self) -> dict[str, Row]:
        found = dict(self)
        self.clear()
        return found


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    statements = Asked()
    execute = Transaction._execute

    def noting(self: Transaction, statement: Statement, values: Any) -> None:
        statements.append(statement.bind(self.dialect, values))
        execute(self, statement, values)

    monkeypatch.setattr(Transaction, "_execute", noting)
    return statements


@contextlib.contextmanager
def planner(url: str) -> Iterator[Any]:
    """Yield a function that says which growing tables a statement would read as a whole."""
    if url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as lite:
            yield lambda text, row: whole_tables_of_sqlite(lite, text, row)
        return
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        # Small tables would be read as a whole, whatever the indexes: the planner is to take them for large ones.
        connection.execute(
            "UPDATE pg_class SET reltuples = 1000000, relpages = 1 WHERE relkind = 'r' AND relname = ANY(%s)",
            [sorted(GROWING)],
        )
        connection.execute("SET enable_seqscan = off")  # and empty ones have no size at all
        connection.execute("DELETE FROM pg_statistic WHERE starelid >= 16384")  # whatever autovacuum saw meanwhile
        for table, column in FEW:
            connection.execute(DISTINCT, {"table": table, "column": column})
        yield lambda text, row: whole_tables_of_postgresql(connection, text, row)
        connection.rollback()  # the database serves other tests after this one


def whole_tables_of_sqlite(connection: sqlite3.Connection, text: str, row: Row) -> set[str]:
    steps = [step[-1].split() for step in connection.execute(f"EXPLAIN QUERY PLAN {text}", row)]
    # A virtual table is always scanned; that the index answers, it says by what follows the number of its plan.
    return {
        table_of(words[1], text)
        for words in steps
        if words[0] == "SCAN" and not ("VIRTUAL" in words and words[-1].partition(":")[2])
    } & GROWING


def table_of(name: str, text: str) -> str:
    """Return the table that an alias stands for."""
    words = text.replace(",", " ").split()
    places = [at for at, word in enumerate(words) if word == name and at > 1 and words[at - 1] == "AS"]
    return next((words[at - 2] for at in places if words[at - 2] in GROWING), name)


def whole_tables_of_postgresql(connection: psycopg.Connection[Any], text: str, row: Row) -> set[str]:
    told = connection.execute(f"EXPLAIN (FORMAT JSON) {text}".encode(), row).fetchone()
    assert told is not None
    nodes, found = [told[0][0]["Plan"]], set()
    while nodes:
        node = nodes.pop()
        inner = node.get("Plans", [])
        nodes += inner
        by_index = "Index Cond" in node or any("Index Cond" in below or "Plans" in below for below in inner)
        if "Relation Name" in node and not by_index:
            found.add(node["Relation Name"])
    return found & GROWING


async def some_of_everything(office: Office) -> list[int]:
    """Put rows into every table, or the planner takes it for empty; return the tickets."""
    pdf = ("offer.pdf", "application/pdf", b"%PDF-1.4 x")
    tickets = [await office.ticket(f"Copper {number}", "The total on page 2.", files=(pdf,)) for number in range(3)]
    await office.desk.changing.link(office.lea, tickets[0], tickets[1])
    await office.desk.changing.change(office.tom, tickets[0], Changes(add_tags=("printer",), assignee=LEA))
    await office.desk.changing.mark(office.lea, tickets[:1])
    await office.desk.writing.reply(office.lea, tickets[0], Words("It is copper."))
    await office.desk.writing.save_draft(office.lea, tickets[0], "note", "Ask Tom.")
    return tickets


async def test_the_main_queries_use_indexes(database_url, tmp_path: Path, clock, asked, monkeypatch):
    hows = cycle(How)
    monkeypatch.setattr("gateway.store.search_gin.WALKED", 1)
    monkeypatch.setattr("gateway.store.search_gin.FURTHER", 0)
    monkeypatch.setattr("gateway.store.search_gin.BLOCK", 1)
    monkeypatch.setattr("gateway.store.search_gin.cheapest", lambda leads, *_: Way(0, next(hows), tuple(leads)))
    seen: dict[str, dict[str, Row]] = {}
    async with open_office(database_url, tmp_path, clock) as office:
        tickets = await some_of_everything(office)
        signed = await office.desk.accounts.sign_in_known("lea@example.org")
        desk, asked[:] = office.desk, []
        for name, wanted in FILTERS.items():
            for who in (office.lea, office.ada):
                page = await desk.tickets.find(who, wanted, limit=1)
                await desk.tickets.find(who, wanted, limit=1, cursor=page.next)
            seen[f"list: {name}"] = asked.taken()
        monkeypatch.setattr("gateway.store.desk_lists.COMMON_TAG", 0)
        await desk.tickets.find(office.lea, FILTERS["a tag"], limit=1)
        seen["list: a common tag"] = asked.taken()
        for typed in SEARCHES:
            await desk.tickets.search(office.lea, typed)
            seen[f"search: {typed}"] = asked.taken()
        page_of = await desk.tickets.page(office.lea, tickets[0])
        seen["ticket page"] = asked.taken()
        await desk.accounts.session(signed.secret)
        await desk.tickets.counts(office.lea)
        await desk.tickets.counts(office.ada)
        await desk.shelf.views(office.lea)
        seen["around every page"] = asked.taken()
        await office.store.last_event()
        await office.store.events_since(Position(1, 0), 100)
        await office.store.events_of([1, 2], [1])
        seen["live"] = asked.taken()

    assert page_of.line.number == tickets[0]
    assert all(seen.values())
    whole = {}
    with planner(database_url) as tables_read:
        for name, statements in seen.items():
            for text, row in statements.items():
                if text.lstrip().startswith(("SELECT", "WITH")) and (tables := tables_read(text, row)):
                    whole[name, text] = tables
    assert whole == {}


def test_a_whole_table_is_noticed(database_url):
    statements = {
        "SELECT count(*) FROM entries": {"entries"},
        "SELECT said.id FROM entries AS said WHERE said.kind = 'note'": {"entries"},
        "SELECT subject FROM tickets WHERE id = 1": set(),
        "SELECT id FROM tickets ORDER BY subject LIMIT 1": {"tickets"},
    }
    with planner(database_url) as tables_read:
        assert {text: tables_read(text, ()) for text in statements} == statements
