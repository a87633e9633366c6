"""A desk with 200,000 tickets: rows made by bulk insert, and databases that are kept and copied for each run.

5 entries for each ticket, words as they are spread in a language (few very common, many rare ones), 9 of 10 tickets
solved, 8 queues, a file on every fifth customer's mail, a tag on every tenth ticket, and some tickets of 200 entries.
"""

from __future__ import annotations

import itertools
import random
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from gateway.mail.folded import indexed
from gateway.store import migrate, search_gin
from tests.support.desk import LEA
from tests.support.postgres import PostgresServer

QUEUES = ("support", "billing", "sales", "returns", "it", "hr", "press", "legal")
SEEN = QUEUES[:3]
ENTRIES = 5
LONG, LONG_ENTRIES = 20, 200
CUSTOMERS = 20_000
BATCH = 5_000
DAY = 86_400_000_000
KINDS = ("customer", "agent", "customer", "note", "state")
SHARED_BUFFERS = "128MB"  # PostgreSQL's own default


class Made(NamedTuple):
    """One ticket with everything on it, as rows of its tables."""

    ticket: tuple[Any, ...]
    entries: list[tuple[Any, ...]]  # with the folded words, or None, at the end
    files: list[tuple[Any, ...]]
    tags: list[tuple[Any, ...]]


COLUMNS = {
    "customers": "id, address, canonical, name, created_at, organisation",
    "tickets": "id, queue, subject, status, priority, assignee, requester_id, created_at, updated_at, version",
    "entries": "id, ticket_id, kind, author, created_at, text",
    "attachments": "entry_id, filename, content_type, size, sha256, part",
    "ticket_tags": "ticket_id, tag",
}


class Language:
    """Words, and how often each is used: Zipf's law."""

    def __init__(self, seed: int = 5, size: int = 30_000) -> None:
        chance = random.Random(seed)
        syllables = ["ka", "lo", "mi", "ren", "tu", "sa", "vel", "do", "pri", "nos", "ex", "in"]
        self.words = ["".join(chance.choices(syllables, k=chance.randint(2, 4))) + str(n % 7) for n in range(size)]
        self._weights = list(itertools.accumulate(1 / (rank + 2) for rank in range(size)))

    def say(self, chance: random.Random, count: int) -> str:
        """Return so many words."""
        return " ".join(chance.choices(self.words, cum_weights=self._weights, k=count))


def make(tickets: int, now: int, first: int = 1) -> Iterator[Made]:
    """Yield tickets in the order of their numbers. Each has a chance of its own, so that any can be made again."""
    language = Language()
    entry = (first - 1) * ENTRIES
    for number in range(first, tickets + LONG + 1):
        chance = random.Random(number)
        count = ENTRIES if number <= tickets else LONG_ENTRIES
        created = now - max(1, tickets - number) * (365 * DAY // tickets) - count * 60_000_000
        subject = language.say(chance, 5)
        customer = chance.randint(1, CUSTOMERS)
        author = f"Customer {customer} <c{customer}@company{customer % 2000}.example>"
        status = chance.choices(["new", "open", "waiting", "solved", "closed"], [2, 5, 3, 60, 30])[0]
        queue = chance.choice(QUEUES) if number <= tickets else QUEUES[0]
        entries, files = [], []
        for position in range(count):
            entry += 1
            text = language.say(chance, chance.randint(20, 80))
            kind = KINDS[position % len(KINDS)]
            name = ""
            if kind == "customer" and chance.random() < 0.2:
                name = f"{language.say(chance, 1)}-{number}.pdf"
                files.append((entry, name, "application/pdf", 1000, "0" * 64, "2"))
            said = indexed((subject, author, name, text)) if kind != "state" else None
            entries.append((entry, number, kind, author, created + position * 60_000_000, text, said))
        assignee = chance.choice([LEA, "tom@example.org", None, None])
        last = created + (count - 1) * 60_000_000
        ticket = (number, queue, subject, status, "normal", assignee, customer, created, last, 1)
        yield Made(ticket, entries, files, [(number, f"tag{number % 12}")] if number % 10 == 0 else [])


def customers(now: int) -> Iterator[tuple[Any, ...]]:
    """Yield the customers' rows."""
    for number in range(1, CUSTOMERS + 1):
        address = f"c{number}@company{number % 2000}.example"
        yield number, address, address, f"Customer {number}", now, address.partition("@")[2]


def batches(rows: Iterable[Made]) -> Iterator[dict[str, list[Any]]]:
    """Yield rows by their table, many at a time, in an order that keeps references."""
    rows = iter(rows)
    while batch := list(itertools.islice(rows, BATCH)):
        entries = [entry for made in batch for entry in made.entries]
        yield {
            "tickets": [made.ticket for made in batch],
            "entries": [entry[:-1] for entry in entries],
            "attachments": [row for made in batch for row in made.files],
            "ticket_tags": [row for made in batch for row in made.tags],
            "words": [(entry[0], entry[-1]) for entry in entries if entry[-1]],
        }


# --- SQLite ----------------------------------------------------------------------------------------------------


def prepare_sqlite(folder: Path, tickets: int, now: int) -> Path:
    """Return the path of the database, made if it is not there yet."""
    path = folder / f"desk-{tickets}.db"
    if not path.exists():
        half = path.with_suffix(".half")
        half.unlink(missing_ok=True)
        migrate(f"sqlite:///{half}")
        fill_sqlite(half, tickets, now)
        half.rename(path)
    migrate(f"sqlite:///{path}")  # one that was kept may be older than the code
    return path


def fill_sqlite(path: Path, tickets: int, now: int) -> None:
    """Put the rows into an SQLite file."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=OFF")

    def put(table: str, rows: Iterable[tuple[Any, ...]]) -> None:
        columns = COLUMNS.get(table, "rowid, words")
        marks = ", ".join("?" * len(columns.split(",")))
        connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)

    connection.execute("BEGIN")
    put("customers", customers(now))
    for batch in batches(make(tickets, now)):
        for table, rows in batch.items():
            put("entry_words" if table == "words" else table, rows)
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def copy_sqlite(prepared: Path, folder: Path) -> str:
    """Return the URL of a copy that a run may write to."""
    shutil.copyfile(prepared, folder / "poterne.db")
    return f"sqlite:///{folder}/poterne.db"


# --- PostgreSQL ------------------------------------------------------------------------------------------------


def prepare_postgresql(server: PostgresServer, tickets: int, now: int) -> str:
    """Return the name of the database, made if it is not there yet."""
    name = f"desk_{tickets}"
    with psycopg.connect(server.url().replace("+psycopg", ""), autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
            half = server.new_database()
            migrate(half)
            fill_postgresql(half, tickets, now)
            connection.execute(f"ALTER DATABASE {half.rpartition('/')[2]} RENAME TO {name}".encode())
    migrate(server.url(name))  # one that was kept may be older than the code
    return name


def fill_postgresql(url: str, tickets: int, now: int) -> None:
    """Put the rows into a PostgreSQL database; its statistics are taken as autovacuum would."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection, connection.cursor() as cursor:

        def put(table: str, rows: Iterable[tuple[Any, ...]]) -> None:
            columns = COLUMNS.get(table, "entry_id, words")
            with cursor.copy(f"COPY {table} ({columns}) FROM STDIN".encode()) as copy:
                for row in rows:
                    copy.write_row(row)

        cursor.execute("SET synchronous_commit = off")
        cursor.execute("CREATE UNLOGGED TABLE words (entry_id BIGINT, words TEXT)")
        cursor.execute("DROP INDEX ix_entry_words_words")
        put("customers", customers(now))
        for batch in batches(make(tickets, now)):
            for table, rows in batch.items():
                put(table, rows)
        cursor.execute(
            "INSERT INTO entry_words SELECT entry_id, to_tsvector('simple', words) || "
            f"array_to_tsvector(ARRAY['#' || (entry_id / {search_gin.BLOCK})::text]) FROM words ORDER BY 1".encode()
        )
        cursor.execute("DROP TABLE words")
        cursor.execute("SET maintenance_work_mem = '256MB'")
        cursor.execute(
            "CREATE INDEX ix_entry_words_words ON entry_words USING gin (words) WITH (gin_pending_list_limit = 256)"
        )
        for table in ("customers", "tickets", "entries"):
            cursor.execute(f"SELECT setval('{table}_id_seq', (SELECT max(id) FROM {table}))".encode())
        cursor.execute("VACUUM ANALYZE")
