"""Migrations: one line of them, they make exactly the schema of the code, and rows survive them, on both databases."""

from __future__ import annotations

import multiprocessing
import sqlite3
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, insert, select, text

from gateway.errors import SchemaMismatch
from gateway.store import migrate, tables, tables_out
from gateway.store.migrate import FOLDER, HEAD, check_schema, connect, upgrade

SCRIPTS = ScriptDirectory(str(FOLDER))
REVISIONS = [script.revision for script in reversed(list(SCRIPTS.walk_revisions()))]
# One row for every table that another one refers to, in an order that keeps the references.
ROWS: list[tuple[str, dict[str, Any]]] = [
    ("raws", {"id": 1, "sha256": "0" * 64, "size": 3, "stored_at": 1, "content": b"raw"}),
    ("customers", {"id": 1, "address": "ann@example.com", "canonical": "ann@example.com", "created_at": 1}),
    (
        "tickets",
        {
            "id": 1,
            "queue": "support",
            "subject": "Printer",
            "status": "new",
            "priority": "normal",
            "requester_id": 1,
            "created_at": 1,
            "updated_at": 1,
        },
    ),
    (
        "intakes",
        {
            "id": 1,
            "raw_id": 1,
            "queue": "support",
            "mail_from": "ann@example.com",
            "rcpt_to": "support@tickets.example.org",
            "received_at": 1,
            "source": "lmtp",
            "session": "s",
            "peer": "",
            "state": "done",
            "disposition": "ticket",
            "ticket_id": 1,
        },
    ),
    ("entries", {"id": 1, "ticket_id": 1, "kind": "customer", "author": "Ann", "created_at": 1, "text": "It burns."}),
    (
        "outgoings",
        {"id": 1, "ticket_id": 1, "kind": "reply", "queue": "support", "author": "Bob", "created_at": 1},
    ),
    (
        "deliveries",
        {
            "id": 1,
            "outgoing_id": 1,
            "ticket_id": 1,
            "channel": "relay",
            "recipient": "ann@example.com",
            "canonical": "ann@example.com",
            "state": "queued",
            "queued_at": 1,
            "attempts": 2,
        },
    ),
    ("attempts", {"delivery_id": 1, "number": 1, "started_at": 1, "ended_at": 2, "outcome": "deferred", "code": 0}),
    ("attempts", {"delivery_id": 1, "number": 2, "started_at": 3}),
    ("events", {"id": 1, "key": "evt_1", "type": "ping", "created_at": 1, "payload": "{}"}),
    ("webhook_deliveries", {"id": 1, "event_id": 1, "webhook": "chat", "state": "queued", "queued_at": 1}),
]


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest) -> str:
    """The URL of a database without any table."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


def known_to_sqlalchemy(name: str | None, _kind: str, _parents: object) -> bool:
    """Leave out the full-text index, which is a virtual table in one database and a tsvector in the other."""
    return not str(name).startswith(("entry_words", "ix_entry_words"))


def put_rows(url: str) -> None:
    """Write a row into the tables as they are at present in the database."""
    with connect(url) as connection:
        found = MetaData()
        found.reflect(connection)
        for name, values in ROWS:
            if name in found.tables:
                table = found.tables[name]
                known = {key: value for key, value in values.items() if key in table.c}
                connection.execute(insert(table).values(known))


def test_there_is_one_line_of_migrations_and_the_code_knows_its_end() -> None:
    assert SCRIPTS.get_heads() == [HEAD]
    assert SCRIPTS.get_bases() == [REVISIONS[0]]


def test_migrating_an_empty_database_makes_the_schema_of_the_code(empty_url: str) -> None:
    assert migrate(empty_url) == (None, HEAD)

    with connect(empty_url) as connection:
        options = {"compare_server_default": True, "include_name": known_to_sqlalchemy}
        context = MigrationContext.configure(connection, opts=options)
        difference = compare_metadata(context, tables.raws.metadata)
    assert tables_out.deliveries.metadata is tables.raws.metadata
    assert difference == []


def test_migrating_again_changes_nothing(empty_url: str) -> None:
    migrate(empty_url)

    assert migrate(empty_url) == (HEAD, HEAD)
    check_schema(empty_url)


@pytest.mark.parametrize("revision", REVISIONS)
def test_rows_survive_every_step_to_the_end(empty_url: str, revision: str) -> None:
    with connect(empty_url) as connection:
        upgrade(connection, revision)
    put_rows(empty_url)

    migrate(empty_url)

    found = {
        "sqlite": "SELECT rowid FROM entry_words WHERE entry_words MATCH 'burns AND printer'",
        "postgresql": "SELECT entry_id FROM entry_words WHERE words @@ to_tsquery('simple', 'burns & printer')",
    }
    with connect(empty_url) as connection:
        indexed = connection.execute(text(found[connection.dialect.name])).scalars().all()
        raw = connection.execute(select(tables.raws.c.content)).scalar()
        tries = connection.execute(select(tables_out.attempts.c.number).order_by(tables_out.attempts.c.number)).all()
        entry = connection.execute(select(tables.entries.c.text)).scalar()
        if connection.dialect.name == "sqlite":
            assert connection.execute(text("PRAGMA foreign_key_check")).fetchall() == []
    assert (bytes(raw or b""), entry, len(tries)) == (b"raw", "It burns.", 2)
    # Rows that were there before the index are found; those of this test came past the code that indexes new ones.
    made_anew = {"sqlite": "0007", "postgresql": "0002"}[connection.dialect.name]
    assert indexed == ([1] if revision < made_anew else [])


def test_participants_are_told_apart_by_identity_from_0004_on(empty_url: str) -> None:
    addresses = {"jan-1984@example.org": "jan-0@example.org", "a=b@example.org": "a@example.org", "eve@example.org": ""}
    with connect(empty_url) as connection:
        upgrade(connection, "0003")
    put_rows(empty_url)
    with connect(empty_url) as connection:
        for address, folded in addresses.items():
            row = {"ticket_id": 1, "canonical": folded or address, "address": address, "role": "requester"}
            connection.execute(insert(tables.participants).values(added_at=1, **row))

    migrate(empty_url)

    with connect(empty_url) as connection:
        found = connection.execute(select(tables.participants.c.canonical, tables.participants.c.address)).all()
    assert {tuple(row) for row in found} == {(address, address) for address in addresses}


def test_words_are_found_by_their_beginnings_and_blocks_from_0007_on(empty_url: str) -> None:
    numbers = (1, 16_383, 16_384, 40_000)
    with connect(empty_url) as connection:
        upgrade(connection, "0006")
    put_rows(empty_url)
    with connect(empty_url) as connection:
        connection.execute(text("DELETE FROM entries"))
        entry = {"ticket_id": 1, "kind": "customer", "author": "Ann", "created_at": 1}
        attachment = {"filename": "Übersicht.pdf", "content_type": "x/y", "size": 1, "sha256": "0", "part": "2"}
        connection.execute(insert(tables.entries).values([{"id": n, "text": f"Straße {n}"} | entry for n in numbers]))
        connection.execute(insert(tables.attachments).values(entry_id=1, **attachment))
        connection.execute(text("UPDATE entries SET intake_id = 1 WHERE id = 1"))
        connection.execute(text("UPDATE intakes SET subject = 'Fire alarm' WHERE id = 1"))
        if connection.dialect.name == "postgresql":
            words = "INSERT INTO entry_words SELECT id, to_tsvector('simple', 'strasse ubersicht') FROM entries"
            connection.execute(text(words))

    migrate(empty_url)

    def found(condition: str) -> list[int]:
        number = "rowid" if empty_url.startswith("sqlite") else "entry_id"
        query = f"SELECT {number} FROM entry_words WHERE {condition} ORDER BY {number}"
        with connect(empty_url) as connection:
            return list(connection.exec_driver_sql(query).scalars())

    if empty_url.startswith("sqlite"):
        assert found("entry_words MATCH 'stras*'") == list(numbers)
        assert found("entry_words MATCH 'ubersicht AND alarm AND ann AND printer'") == [1]
        with connect(empty_url) as connection:
            made = connection.execute(text("SELECT sql FROM sqlite_master WHERE name = 'entry_words'")).scalar()
        assert "prefix='2 3 4 5'" in str(made)
    else:
        blocks = [found(f"words @@ $$'#{block}'$$::tsquery") for block in (0, 1, 2)]
        assert blocks == [[1, 16_383], [16_384], [40_000]]
        assert found("words @@ to_tsquery('simple', 'strasse')") == list(numbers)


def test_a_database_of_a_newer_version_is_left_alone(empty_url: str) -> None:
    migrate(empty_url)
    with connect(empty_url) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    for attempt in (migrate, check_schema):
        with pytest.raises(SchemaMismatch, match="9999"):
            attempt(empty_url)


def test_an_empty_database_asks_for_migrate(postgres_url: str) -> None:
    with pytest.raises(SchemaMismatch, match="run `poterne migrate`"):
        check_schema(postgres_url)


def test_a_migration_that_dies_leaves_no_half_of_it(empty_url: str) -> None:
    def dies() -> None:
        with connect(empty_url) as connection:
            upgrade(connection, HEAD)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        dies()
    with connect(empty_url) as connection:
        found = MetaData()
        found.reflect(connection)
    assert set(found.tables) == set()
    assert migrate(empty_url) == (None, HEAD)


def test_two_nodes_that_migrate_at_once_take_turns(postgres_url: str) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        results = pool.map(migrate, [postgres_url] * 2)

    assert sorted(results, key=str) == sorted([(None, HEAD), (HEAD, HEAD)], key=str)


def test_numbers_of_tickets_are_never_used_again(empty_url: str, tmp_path: Path) -> None:
    migrate(empty_url)
    put_rows(empty_url)
    words = "(queue, subject, status, priority, created_at, updated_at) VALUES ('q', 's', 'new', 'low', 1, 1)"
    connection: Any
    if empty_url.startswith("sqlite"):
        connection = sqlite3.connect(tmp_path / "poterne.db", isolation_level=None)
    else:
        connection = psycopg.connect(empty_url.replace("+psycopg", ""), autocommit=True)
        connection.execute("SELECT setval('tickets_id_seq', 1)")
    first = connection.execute(f"INSERT INTO tickets {words} RETURNING id").fetchall()
    connection.execute("DELETE FROM tickets WHERE id > 1")
    second = connection.execute(f"INSERT INTO tickets {words} RETURNING id").fetchall()
    connection.close()

    assert (first, second) == ([(2,)], [(3,)])
