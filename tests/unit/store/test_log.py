"""SQLite's log is long from the start, and nothing that was committed is lost over it."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.store import SqlStore, checkpoint
from gateway.store.checkpoint import LONG, lengthen
from tests.unit.store.cases import envelope


@pytest.fixture
def database_url(migrated_sqlite_url: str) -> str:
    """Only SQLite has this log."""
    return migrated_sqlite_url


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Path]:
    """A file in WAL mode with one row in its log, and somebody who has it open."""
    path = tmp_path / "some.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA wal_autocheckpoint=0")
        connection.execute("CREATE TABLE t (x)")
        connection.execute("INSERT INTO t VALUES (1)")
        yield path


def log_of(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def rows_after_a_crash(path: Path, folder: Path) -> list[int]:
    """Return what is there if everybody dies now: SQLite reads the log from its start to where it ends."""
    folder.mkdir()
    for file in (path, log_of(path)):
        shutil.copy(file, folder / file.name)
    with closing(sqlite3.connect(folder / path.name)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return [row[0] for row in connection.execute("SELECT x FROM t ORDER BY x")]


def test_what_is_committed_before_and_after_is_there_after_a_crash(database: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        lengthen(connection)
        assert log_of(database).stat().st_size == LONG
        assert rows_after_a_crash(database, tmp_path / "before") == [1]
        connection.execute("INSERT INTO t VALUES (2)")

        assert rows_after_a_crash(database, tmp_path / "after") == [1, 2]
        assert log_of(database).stat().st_size == LONG


def test_nobody_writes_to_the_log_while_zeros_are_put_behind_it(database: Path, monkeypatch) -> None:
    tried: list[str] = []

    def write(_descriptor: int, _octets: bytes, _start: int) -> int:
        with closing(sqlite3.connect(database, timeout=0, isolation_level=None)) as other:
            with pytest.raises(sqlite3.OperationalError) as refused:
                other.execute("BEGIN IMMEDIATE")
            tried.append(str(refused.value))
        raise OSError(errno.EIO, "enough")

    monkeypatch.setattr(os, "pwrite", write)
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        lengthen(connection)
        connection.execute("INSERT INTO t VALUES (2)")

    assert tried == ["database is locked"]


def test_a_disk_that_fills_up_gets_its_room_back(database: Path, tmp_path: Path, monkeypatch) -> None:
    length = log_of(database).stat().st_size
    written = 0
    pwrite = os.pwrite

    def write(descriptor: int, octets: bytes, start: int) -> int:
        nonlocal written
        if written > LONG // 2:
            raise OSError(errno.ENOSPC, "no space left")
        written += (done := pwrite(descriptor, octets, start))
        return done

    monkeypatch.setattr(os, "pwrite", write)
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        lengthen(connection)

        assert written > LONG // 2
        assert log_of(database).stat().st_size == length
        connection.execute("INSERT INTO t VALUES (2)")
        assert rows_after_a_crash(database, tmp_path / "after") == [1, 2]


async def test_a_daemons_log_is_long_from_its_first_write(store: SqlStore, tmp_path: Path) -> None:
    await store.accept(b"x", [envelope(store)], ["support"])
    await store.check_writable()

    assert log_of(tmp_path / "poterne.db").stat().st_size >= LONG


async def test_no_log_is_long_where_the_disk_has_little_left(store: SqlStore, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(checkpoint, "SPARE", 1 << 62)
    await store.accept(b"x", [envelope(store)], ["support"])
    await store.check_writable()

    assert log_of(tmp_path / "poterne.db").stat().st_size < LONG
