"""How a thread gets its connection: one class per database, and nothing else differs between them here."""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import psycopg
from sqlalchemy.engine import URL

from gateway.errors import StorageUnavailable

BEGIN_WRITE = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "BEGIN"}
BEGIN_READ = {"sqlite": "BEGIN", "postgresql": "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"}

PAGE_SIZE = 4096
CACHE_KIB = 8192
WAL_KEPT = 64 << 20  # octets; a longer WAL file is cut back once it is checkpointed


class Connector(Protocol):
    """Opens connections of one database."""

    @property
    def dialect(self) -> str:
        """The name of the database's dialect."""

    def connect(self, *, writes: bool) -> Any:
        """Return a DBAPI connection without a transaction of its own making."""

    def cursor(self, connection: Any) -> Any:
        """Return the cursor that statements run on."""

    def commit(self, cursor: Any) -> None:
        """Make durable what the open transaction wrote, or raise."""

    def sever(self, connection: Any) -> None:
        """Cut off a connection over which another thread hangs."""


@dataclass(frozen=True, slots=True)
class SqliteConnector:
    """Connections to one SQLite file: WAL, `synchronous=FULL`, foreign keys, and one that checkpoints."""

    path: Path
    busy_timeout: timedelta
    dialect: str = "sqlite"

    def connect(self, *, writes: bool) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path,
            timeout=self.busy_timeout.total_seconds(),
            isolation_level=None,  # BEGIN and COMMIT stand where we write them
            check_same_thread=False,  # a connection is closed by another thread than its own at the end
            cached_statements=512,
        )
        try:
            prepare_sqlite(connection, writes=writes)
        except BaseException:
            connection.close()
            raise
        return connection

    def cursor(self, connection: sqlite3.Connection) -> sqlite3.Cursor:
        return connection.cursor()

    def commit(self, cursor: sqlite3.Cursor) -> None:
        """Commit."""
        cursor.execute("COMMIT")

    def sever(self, connection: sqlite3.Connection | None) -> None:
        """A thread that waits for the disk cannot be helped."""


def prepare_sqlite(connection: sqlite3.Connection, *, writes: bool) -> None:
    """Set and verify what durability rests on."""
    run = connection.execute
    run(f"PRAGMA page_size={PAGE_SIZE}")  # counts only for a new file
    (mode,) = run("PRAGMA journal_mode=WAL").fetchone()
    run("PRAGMA synchronous=FULL")  # NORMAL loses acknowledged mail at a power cut
    run("PRAGMA foreign_keys=ON")
    run("PRAGMA wal_autocheckpoint=0")  # only the writer checkpoints, when it has time (see lane.py)
    run("PRAGMA temp_store=MEMORY")
    run(f"PRAGMA cache_size=-{CACHE_KIB}")
    run(f"PRAGMA journal_size_limit={WAL_KEPT}")
    if not writes:
        run("PRAGMA query_only=ON")
    (synchronous,) = run("PRAGMA synchronous").fetchone()
    (foreign_keys,) = run("PRAGMA foreign_keys").fetchone()
    if (mode, synchronous, foreign_keys) != ("wal", 2, 1):
        raise StorageUnavailable(
            f"SQLite gave journal_mode={mode}, synchronous={synchronous}, foreign_keys={foreign_keys}; "
            "wal, 2 and 1 are needed: is the file system a local one?"
        )


@dataclass(frozen=True, slots=True)
class PostgresqlConnector:
    """Connections to one PostgreSQL database."""

    url: URL
    timeout: timedelta
    dialect: str = "postgresql"

    def connect(self, *, writes: bool) -> psycopg.Connection[Any]:
        seconds = self.timeout.total_seconds()
        connection = psycopg.connect(
            self.url.set(drivername="postgresql").render_as_string(hide_password=False),
            autocommit=True,  # BEGIN and COMMIT stand where we write them
            connect_timeout=max(2, int(seconds / 2)),
            tcp_user_timeout=int(seconds * 1000),
            keepalives_idle=max(1, int(seconds)),
            application_name="poterne" if writes else "poterne reader",
        )
        milliseconds = int(seconds * 900)  # a little before our own deadline, so that the server's word arrives
        try:
            connection.execute("SET synchronous_commit = on")
            connection.execute("SET jit = off")  # takes longer to compile than our statements to run
            connection.execute(f"SET statement_timeout = {milliseconds}".encode())
            connection.execute(f"SET idle_in_transaction_session_timeout = {milliseconds}".encode())
        except BaseException:
            connection.close()
            raise
        return connection

    def cursor(self, connection: psycopg.Connection[Any]) -> psycopg.Cursor[Any]:
        return connection.cursor(binary=True)  # octets as octets, not as hexadecimal text

    def commit(self, cursor: psycopg.Cursor[Any]) -> None:
        """Commit. Raises StorageUnavailable if a statement had failed, over which somebody passed in silence.

        The server rolls back then, and says so in no more than the name of what it did.
        """
        cursor.execute("COMMIT")
        if cursor.statusmessage != "COMMIT":
            raise StorageUnavailable("the database rolled back: a statement of this transaction had failed")

    def sever(self, connection: psycopg.Connection[Any] | None) -> None:
        """Shut the socket down: the thread wakes with an error, and its COMMIT can no longer be sent."""
        if connection is None:
            return
        with contextlib.suppress(Exception), socket.socket(fileno=os.dup(connection.fileno())) as twin:
            twin.shutdown(socket.SHUT_RDWR)


def close_quietly(connection: Any) -> None:
    """Close a connection that may be broken."""
    with contextlib.suppress(Exception):
        connection.close()
