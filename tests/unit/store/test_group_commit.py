"""Group commit: one fsync for all that wait, a savepoint for each, and nobody hears of success before the COMMIT."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.errors import StorageFull, StorageUnavailable
from gateway.store import SqlStore
from gateway.store.pace import QUIET
from gateway.store.raw import LIGHT
from gateway.store.statement import Transaction, insert
from gateway.store.tables_out import pauses
from tests.unit.store.cases import Hands, envelope, mail, opens, process


class Wiretap:
    """Stands between a lane and its cursor: counts COMMITs, and can make one fail or wait."""

    def __init__(self, cursor) -> None:
        self.cursor = cursor
        self.commits = self.inserts = self.savepoints = 0
        self.fail_with: Exception | None = None
        self.gate: threading.Event | None = None
        self.inside = threading.Event()

    def execute(self, text, *values):
        self.inserts += text.startswith("INSERT")
        self.savepoints += text.startswith("SAVEPOINT")
        if text == "COMMIT":
            self.commits += 1
            if self.gate is not None:
                self.inside.set()
                self.gate.wait(10)
            if self.fail_with is not None:
                error, self.fail_with = self.fail_with, None
                raise error
        return self.cursor.execute(text, *values)

    def __getattr__(self, name):
        return getattr(self.cursor, name)


def tap(store: SqlStore) -> Wiretap:
    """Put a wiretap on the (only) SQLite writer."""
    (worker,) = store._writes._workers
    worker.cursor = Wiretap(worker.cursor)
    wire: Wiretap = worker.cursor
    return wire


async def hold(store: SqlStore) -> tuple[asyncio.Task[None], Wiretap, threading.Event]:
    """Stop the writer inside a commit, so that what comes now goes into one group."""
    await store.check_writable()
    wire = tap(store)
    wire.gate = gate = threading.Event()
    blocker = asyncio.create_task(store.check_writable())
    assert await asyncio.to_thread(wire.inside.wait, 10)
    return blocker, wire, gate


PAUSE = insert(pauses, "channel", "since", "because")


@pytest.fixture
def database_url(migrated_sqlite_url: str) -> str:
    """These tests look at SQLite's one writer."""
    return migrated_sqlite_url


async def test_all_that_wait_share_one_commit(store: SqlStore) -> None:
    await store.check_writable()
    wire = tap(store)
    wire.gate = threading.Event()
    first = asyncio.create_task(store.accept(b"first", [envelope(store)], ["support"]))
    await asyncio.sleep(0.05)
    others = [asyncio.create_task(store.accept(b"x", [envelope(store)], ["support"])) for _ in range(50)]
    await asyncio.sleep(0.05)

    wire.gate.set()
    await asyncio.gather(first, *others)

    assert wire.commits == 2


async def test_nobody_hears_of_success_before_the_commit(store: SqlStore) -> None:
    await store.check_writable()
    wire = tap(store)
    wire.gate = threading.Event()
    task = asyncio.create_task(store.accept(b"x", [envelope(store)], ["support"]))

    await asyncio.sleep(0.1)
    assert not task.done()
    assert len(await store.list_intakes()) == 0
    wire.gate.set()
    await task
    assert len(await store.list_intakes()) == 1


async def test_a_failed_commit_is_a_failure_for_all_of_its_group(store: SqlStore) -> None:
    await store.check_writable()
    wire = tap(store)
    broken = sqlite3.OperationalError("disk I/O error")
    broken.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
    wire.gate, wire.fail_with = threading.Event(), broken
    tasks = [asyncio.create_task(store.accept(b"x", [envelope(store)], ["support"])) for _ in range(5)]
    await asyncio.sleep(0.05)
    wire.gate.set()

    results = await asyncio.gather(*tasks, return_exceptions=True)

    assert any(isinstance(result, StorageUnavailable) for result in results)
    assert len(await store.list_intakes()) == sum(isinstance(result, tuple) for result in results)


async def test_after_an_io_error_the_connection_is_a_new_one(store: SqlStore) -> None:
    await store.check_writable()
    wire = tap(store)
    broken = sqlite3.OperationalError("disk I/O error")
    broken.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
    wire.fail_with = broken

    with pytest.raises(StorageUnavailable):
        await store.check_writable()

    await store.check_writable()
    (worker,) = store._writes._workers
    assert not isinstance(worker.cursor, Wiretap)


async def test_mails_that_wait_are_written_at_once_and_each_intake_is_its_own_mail(store: SqlStore) -> None:
    blocker, wire, gate = await hold(store)
    texts = [f"mail {number}".encode() for number in range(45)]
    recipients = [[f"to{number}-{copy}@tickets.example.org" for copy in range(1 + number % 3)] for number in range(45)]
    tasks = [
        asyncio.create_task(store.accept(raw, [envelope(store, name) for name in names], ["support"] * len(names)))
        for raw, names in zip(texts, recipients, strict=True)
    ]
    await asyncio.sleep(0.05)
    wire.inserts = 0
    gate.set()
    await blocker
    taken = await asyncio.gather(*tasks)

    assert wire.inserts < 15
    rows = {row.id: row for row in await store.list_intakes()}
    for raw, names, numbers in zip(texts, recipients, taken, strict=True):
        assert [rows[number].rcpt_to for number in numbers] == names
        assert {rows[number].sha256 for number in numbers} == {hashlib.sha256(raw).hexdigest()}
    assert len(rows) == sum(map(len, recipients))
    assert (await store.audit()).problems == ()


@pytest.mark.parametrize(("octets", "statements"), [(LIGHT, 2), (LIGHT + 1, 4)])
async def test_no_statement_keeps_copies_of_many_large_mails(store: SqlStore, octets: int, statements: int) -> None:
    blocker, wire, gate = await hold(store)
    tasks = [asyncio.create_task(store.accept(bytes(octets), [envelope(store)], ["support"])) for _ in range(2)]
    await asyncio.sleep(0.05)
    wire.inserts = 0
    gate.set()
    await asyncio.gather(blocker, *tasks)

    assert wire.inserts == statements


async def test_a_mail_that_cannot_be_written_with_the_others_fails_alone(store: SqlStore) -> None:
    blocker, wire, gate = await hold(store)
    strange = replace(envelope(store), mail_from=None)  # type: ignore[arg-type]
    tasks = [
        asyncio.create_task(store.accept(b"mail", [one], ["support"]))
        for one in (envelope(store), strange, envelope(store))
    ]
    await asyncio.sleep(0.05)
    gate.set()
    await blocker
    results = await asyncio.gather(*tasks, return_exceptions=True)

    assert [type(result) for result in results] == [tuple, sqlite3.IntegrityError, tuple]
    assert len(await store.list_intakes()) == 2
    assert wire.commits == 2
    assert (await store.audit()).problems == ()


async def test_what_is_kept_for_the_end_is_done_for_the_jobs_that_stand(store: SqlStore) -> None:
    def notes(number: int, *, breaks: bool = False, undoes: bool = False):
        def work(transaction: Transaction) -> None:
            mark = transaction.savepoint("inner")
            transaction.at_end(PAUSE, channel=f"way {number}", since=number, because="x")
            if undoes:
                transaction.roll_back("inner", mark)
            if breaks:
                raise RuntimeError("a bug")

        return work

    blocker, wire, gate = await hold(store)
    tasks = [
        asyncio.create_task(store._writes.run(work))
        for work in (notes(1), notes(2, breaks=True), notes(3, undoes=True), notes(4))
    ]
    await asyncio.sleep(0.05)
    gate.set()
    await blocker
    results = await asyncio.gather(*tasks, return_exceptions=True)

    assert [type(result) for result in results] == [type(None), RuntimeError, type(None), type(None)]
    assert sorted(pause.channel for pause in (await store.statistics()).pauses) == ["way 1", "way 4"]
    assert wire.commits == 2


async def test_what_fails_at_the_end_fails_for_its_own_job_alone(store: SqlStore) -> None:
    def notes(channel: str | None):
        return lambda transaction: transaction.at_end(PAUSE, channel=channel, since=1, because="x")

    blocker, _, gate = await hold(store)
    tasks = [asyncio.create_task(store._writes.run(notes(channel))) for channel in ("one", None, "two")]
    await asyncio.sleep(0.05)
    gate.set()
    await blocker
    results = await asyncio.gather(*tasks, return_exceptions=True)

    assert [type(result) for result in results] == [type(None), sqlite3.IntegrityError, type(None)]
    assert sorted(pause.channel for pause in (await store.statistics()).pauses) == ["one", "two"]


async def test_one_failing_job_leaves_the_others_of_its_group_alone(store: SqlStore) -> None:
    blocker, wire, gate = await hold(store)

    def breaks(transaction: Transaction) -> None:
        transaction.cursor.execute("INSERT INTO pauses (channel, since, because) VALUES ('half', 1, 'done')")
        raise RuntimeError("a bug")

    tasks = [
        asyncio.create_task(store.accept(b"good", [envelope(store)], ["support"])),
        asyncio.create_task(store._writes.run(breaks)),
        asyncio.create_task(store.accept(b"good", [envelope(store)], ["support"])),
    ]
    await asyncio.sleep(0.05)
    gate.set()
    results = await asyncio.gather(blocker, *tasks, return_exceptions=True)

    assert [type(result) for result in results] == [type(None), tuple, RuntimeError, tuple]
    assert wire.commits == 2
    assert len(await store.list_intakes()) == 2
    assert (await store.statistics()).pauses == ()


async def test_a_job_alone_needs_no_savepoint(store: SqlStore) -> None:
    await store.check_writable()
    wire = tap(store)
    await store.accept(b"x", [envelope(store)], ["support"])

    assert (wire.savepoints, wire.commits) == (0, 1)


async def test_a_full_disk_refuses_what_does_not_fit_and_takes_what_does(store: SqlStore) -> None:
    await store.check_writable()
    (pages,) = await store._writes.run(lambda t: t.cursor.execute("PRAGMA page_count").fetchone())
    await store._writes.run(lambda t: t.cursor.execute(f"PRAGMA max_page_count={pages + 40}").fetchall())

    results = await asyncio.gather(
        store.accept(b"small", [envelope(store)], ["support"]),
        store.accept(bytes(1 << 20), [envelope(store)], ["support"]),
        store.accept(b"small", [envelope(store)], ["support"]),
        return_exceptions=True,
    )

    assert [type(result) for result in results] == [tuple, StorageFull, tuple]
    assert len(await store.list_intakes()) == 2
    await store._writes.run(lambda t: t.cursor.execute("PRAGMA max_page_count=1000000").fetchall())
    await store.accept(bytes(1 << 20), [envelope(store)], ["support"])
    assert (await store.audit()).problems == ()


async def test_the_writer_is_as_durable_as_promised(store: SqlStore) -> None:
    def look(transaction: Transaction) -> list[int]:
        names = ("synchronous", "foreign_keys", "wal_autocheckpoint")
        return [transaction.cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in names]

    for lane in (store._writes, store._reads):
        assert await lane.run(look) == [2, 1, 0]


async def test_the_log_is_copied_into_the_database_by_the_writer(store: SqlStore, tmp_path: Path) -> None:
    for _ in range(100):
        await store.accept(bytes(500_000), [envelope(store)], ["support"])

    assert (tmp_path / "poterne.db").stat().st_size > 12 << 20
    assert (tmp_path / "poterne.db-wal").stat().st_size < 40 << 20


async def test_the_log_is_copied_early_only_when_no_mail_comes_in(store: SqlStore) -> None:
    await store.check_writable()
    lane = store._writes
    seen: list[bool] = []
    (worker,) = lane._workers
    assert lane.pace is not None
    lane._housekeeping = lambda _connection, _octets, busy: seen.append(busy)

    for passed in (0.0, 2 * QUIET):
        hands = Hands()
        lane.pace.clock = hands
        lane.pace.press()
        hands.time += passed
        seen.clear()
        lane._housekeep(worker, 0)
        assert seen == [passed == 0]


async def test_a_plan_is_written_wholly_or_not_at_all(store: SqlStore) -> None:
    parsed = mail()
    await store.check_writable()
    wire = tap(store)
    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorcode = sqlite3.SQLITE_FULL
    (intake,) = await store.accept(b"x", [envelope(store)], ["support"])
    (claim,) = await store.claim_intakes(1, timedelta_minute())
    wire.fail_with = full

    with pytest.raises(StorageFull):
        await process(store, parsed, opens(parsed, acknowledge=True), claim)

    assert (await store.list_tickets(), await store.list_outbox()) == ([], [])
    await process(store, parsed, opens(parsed, acknowledge=True), claim)
    assert (await store.list_intakes())[0].id == intake
    assert len(await store.list_outbox()) == 1


def timedelta_minute():
    from datetime import timedelta

    return timedelta(minutes=1)
