"""The schema's version: tell it, and bring a database up to it. All steps of one run are one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

import gateway
from gateway.errors import SchemaMismatch
from gateway.store.connector import SqliteConnector
from gateway.store.failures import translate
from gateway.store.locations import sqlite_path

HEAD = "0010"  # the revision that this code is written for
FOLDER = Path(gateway.__file__).parents[1] / "migrations"
LOCK = 0x706F7465726E65  # "poterne": two nodes that migrate at once take turns


def migrate(url: str) -> tuple[str | None, str]:
    """Bring the database up to HEAD; return the revision before and after. Raises SchemaMismatch for a newer one."""
    with connect(url) as connection:
        before = current_revision(connection)
        if before != HEAD:
            refuse_unknown(before)
            upgrade(connection, HEAD)
        return before, HEAD


def check_schema(url: str) -> None:
    """Raise SchemaMismatch unless the database is at HEAD. Waits for no writer."""
    with connect(url, writes=False) as connection:
        revision = current_revision(connection)
    if revision != HEAD:
        refuse_unknown(revision)
        raise SchemaMismatch(
            f"the database is at schema {revision or 'none'}, this Poterne needs {HEAD}; run `poterne migrate`"
        )


def refuse_unknown(revision: str | None) -> None:
    """Raise SchemaMismatch for a revision that a newer Poterne made."""
    if revision is not None and revision not in known_revisions():
        raise SchemaMismatch(
            f"the database is at schema {revision}, which this Poterne does not know; "
            "install the version that wrote it, or restore a backup"
        )


def known_revisions() -> set[str]:
    from alembic.script import ScriptDirectory

    return {script.revision for script in ScriptDirectory(str(FOLDER)).walk_revisions()}


def upgrade(connection: Connection, revision: str) -> None:
    """Run the migrations up to `revision` on an open connection."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def current_revision(connection: Connection) -> str | None:
    """Return the revision that the database is at; None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return revision


@contextmanager
def connect(url: str, *, writes: bool = True) -> Iterator[Connection]:
    """Open one transaction on the database; whatever happens in it happens wholly or not at all."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine("sqlite://", creator=lambda: open_sqlite(url), poolclass=NullPool)
        event.listen(engine, "begin", begin_immediate if writes else begin_reading)
    else:
        engine = create_engine(parsed.set(drivername="postgresql+psycopg"), poolclass=NullPool)
    try:
        with engine.begin() as connection:
            if writes and engine.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            yield connection
    except DBAPIError as error:
        if (trouble := translate(error.orig or error)) is None:
            raise
        raise trouble from error


def open_sqlite(url: str) -> Any:
    from datetime import timedelta

    connection = SqliteConnector(sqlite_path(url), timedelta(seconds=8)).connect(writes=True)
    connection.execute("PRAGMA foreign_keys=OFF")  # tables are made anew by migrations; checked again by every user
    return connection


def begin_immediate(connection: Connection) -> None:
    """SQLite's DDL is transactional, but only in a transaction that was begun in so many words."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def begin_reading(connection: Connection) -> None:
    """Look at one snapshot, whoever writes meanwhile."""
    connection.exec_driver_sql("BEGIN")
