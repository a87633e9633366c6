"""When the database is locked, gone or hung: a clear error within the deadline, and recovery by itself."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from gateway.errors import SchemaMismatch, StorageUnavailable, StoreLocked
from gateway.store import SqlStore, StoreOptions, migrate, open_store
from tests.conftest import MovableClock
from tests.support.ports import free_port
from tests.support.postgres import PostgresServer, postgres_server
from tests.unit.store.cases import envelope

QUICK = StoreOptions(commit_timeout=timedelta(seconds=2))
RECOVERY = 5.0  # seconds, promised


@pytest.fixture
async def sqlite_store(sqlite_url: str, clock: MovableClock) -> AsyncIterator[SqlStore]:
    async with open_store(sqlite_url, clock=clock, options=QUICK) as opened:
        yield opened


@pytest.fixture(scope="module")
def frail_server() -> Iterator[PostgresServer]:
    """A server that these tests may stop, kill and freeze."""
    with postgres_server() as server:
        yield server


@pytest.fixture
async def frail_store(frail_server: PostgresServer, clock: MovableClock) -> AsyncIterator[SqlStore]:
    url = frail_server.new_database()
    migrate(url)
    async with open_store(url, clock=clock, options=QUICK) as opened:
        yield opened


async def take(store: SqlStore) -> None:
    await store.accept(b"x", [envelope(store)], ["support"])


async def warm(store: SqlStore) -> None:
    """Give every writing thread its connection, and take one mail."""
    await asyncio.gather(*(store._writes.run(lambda _transaction: time.sleep(0.2)) for _ in range(4)))
    await take(store)


async def refused_in_time(store: SqlStore) -> None:
    """Check that a mail is refused for now, within the deadline and some slack."""
    started = time.monotonic()
    with pytest.raises(StorageUnavailable):
        await take(store)
    assert time.monotonic() - started < 3


async def recovers(store: SqlStore) -> None:
    """Check that mails are taken again soon."""
    started = time.monotonic()
    while True:
        try:
            await take(store)
            break
        except StorageUnavailable:
            assert time.monotonic() - started < RECOVERY
            await asyncio.sleep(0.1)
    assert time.monotonic() - started < RECOVERY


async def test_a_foreign_lock_is_waited_for_only_so_long(sqlite_store: SqlStore, tmp_path: Path) -> None:
    await take(sqlite_store)
    other = sqlite3.connect(tmp_path / "poterne.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")

    await refused_in_time(sqlite_store)
    assert len(await sqlite_store.list_intakes()) == 1

    other.execute("ROLLBACK")
    other.close()
    await recovers(sqlite_store)


async def test_a_second_daemon_does_not_start(sqlite_store: SqlStore, sqlite_url: str, clock: MovableClock) -> None:
    with pytest.raises(StoreLocked, match=f"process {os.getpid()}"):
        open_store(sqlite_url, clock=clock)


async def test_a_command_beside_the_daemon_may_write(
    sqlite_store: SqlStore, sqlite_url: str, clock: MovableClock
) -> None:
    async with open_store(sqlite_url, clock=clock, options=StoreOptions(daemon=False)) as command:
        await command.block("noreply@*", "", "Bob")
        await take(sqlite_store)

    assert [row.pattern for row in await sqlite_store.list_blocklist()] == ["noreply@*"]


async def test_the_lock_goes_with_the_daemon(sqlite_url: str, clock: MovableClock) -> None:
    async with open_store(sqlite_url, clock=clock) as first:
        await take(first)
    async with open_store(sqlite_url, clock=clock) as second:
        assert len(await second.list_intakes()) == 1


async def test_leases_of_a_dead_daemon_are_void_at_once(sqlite_url: str, clock: MovableClock) -> None:
    async with open_store(sqlite_url, clock=clock) as first:
        await take(first)
        assert len(await first.claim_intakes(1, timedelta(days=1))) == 1
    async with open_store(sqlite_url, clock=clock) as second:
        (claim,) = await second.claim_intakes(1, timedelta(days=1))
        assert claim.attempt == 2


async def test_a_server_that_is_gone_stops_the_start_with_the_reason(clock: MovableClock) -> None:
    url = f"postgresql+psycopg://poterne@127.0.0.1:{free_port()}/poterne"

    with pytest.raises(StorageUnavailable, match="refused"):
        open_store(url, clock=clock)


async def test_a_file_that_is_no_database_stops_the_start(tmp_path: Path, clock: MovableClock) -> None:
    (tmp_path / "poterne.db").write_bytes(b"not a database, but long enough to be looked at" * 100)

    with pytest.raises(StorageUnavailable, match="not a database"):
        open_store(f"sqlite:///{tmp_path}/poterne.db", clock=clock)


async def test_an_unmigrated_server_is_not_used(postgres_url: str, clock: MovableClock) -> None:
    with pytest.raises(SchemaMismatch, match="poterne migrate"):
        open_store(postgres_url, clock=clock)


@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_a_server_that_is_gone_is_missed_but_not_for_long(
    frail_store: SqlStore, frail_server: PostgresServer, mode: str
) -> None:
    await take(frail_store)
    await asyncio.to_thread(frail_server.stop, mode)
    try:
        await refused_in_time(frail_store)
        await refused_in_time(frail_store)
        with pytest.raises(StorageUnavailable):
            await frail_store.list_intakes()
    finally:
        await asyncio.to_thread(frail_server.start)

    await recovers(frail_store)
    assert len(await frail_store.list_intakes()) == 2


async def test_a_server_that_hangs_costs_no_more_than_the_deadline(
    frail_store: SqlStore, frail_server: PostgresServer
) -> None:
    await warm(frail_store)
    frail_server.signal_all(signal.SIGSTOP)
    try:
        await asyncio.gather(*(refused_in_time(frail_store) for _ in range(6)))
    finally:
        frail_server.signal_all(signal.SIGCONT)

    await recovers(frail_store)
    kept = len(await frail_store.list_intakes())
    assert 2 <= kept <= 8  # what was refused may have arrived: the sender repeats it, and the second copy is known
    assert (await frail_store.audit()).problems == ()


async def test_threads_over_frozen_connections_are_given_up(
    frail_store: SqlStore, frail_server: PostgresServer
) -> None:
    await warm(frail_store)
    with psycopg.connect(frail_server.url().replace("+psycopg", ""), autocommit=True) as admin:
        rows = admin.execute("SELECT pid FROM pg_stat_activity WHERE application_name = 'poterne'").fetchall()
    for (process,) in rows:
        os.kill(process, signal.SIGSTOP)
    try:
        await asyncio.gather(*(refused_in_time(frail_store) for _ in range(8)))
        await recovers(frail_store)  # on new connections: the old ones are frozen still
        kept = len(await frail_store.list_intakes())
        threads = sum(thread.name == "store-writer" for thread in threading.enumerate())
    finally:
        for (process,) in rows:
            os.kill(process, signal.SIGCONT)

    await asyncio.sleep(0.5)
    assert (len(rows), kept, threads) == (4, 2, 4)
    assert len(await frail_store.list_intakes()) == 2  # nothing that was refused arrives later


async def test_connections_cut_by_the_server_are_replaced(frail_store: SqlStore, frail_server: PostgresServer) -> None:
    await warm(frail_store)
    with psycopg.connect(frail_server.url().replace("+psycopg", ""), autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'poterne%'")

    await recovers(frail_store)
    assert len(await frail_store.list_intakes()) == 2


CHILD = """
import asyncio, sys
from datetime import UTC, datetime
from gateway.model import Envelope
from gateway.store import open_store

class Now:
    def now(self):
        return datetime.now(UTC)

async def main():
    store = open_store(sys.argv[1], clock=Now())
    envelope = Envelope("ann@example.com", "support@tickets.example.org", datetime.now(UTC))
    async def send(worker):
        number = 0
        while True:
            body = f"{worker}-{number}"
            await store.accept(body.encode() * 50, [envelope], ["support"])
            print(body, flush=True)
            number += 1
    await asyncio.gather(*(send(worker) for worker in range(8)))

asyncio.run(main())
"""


async def test_what_was_accepted_survives_kill_9(database_url: str, clock: MovableClock) -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, database_url, stdout=subprocess.PIPE, limit=1 << 24
    )
    assert child.stdout is not None
    accepted = {(await child.stdout.readline()).decode().strip() for _ in range(300)}
    child.kill()
    accepted |= {
        line.decode().strip() for line in (await child.stdout.read()).splitlines(keepends=True) if b"\n" in line
    }
    await child.wait()

    async with open_store(database_url, clock=clock) as store:
        report = await store.audit()
        kept = set()
        while claims := await store.claim_intakes(1000, timedelta(hours=1)):
            kept |= {claim.raw[: len(claim.raw) // 50].decode() for claim in claims}

    assert len(accepted) >= 300
    assert accepted <= kept
    assert report.problems == ()
