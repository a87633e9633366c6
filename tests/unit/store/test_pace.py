"""Who goes first where the store is written: clients before judging, and judging never without its share."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import timedelta
from typing import Any

import pytest

from gateway.config.settings import Limits
from gateway.store import SqlStore, StoreOptions, open_store
from gateway.store.connector import PostgresqlConnector, SqliteConnector
from gateway.store.pace import (
    ANSWERED,
    BUSY,
    LATE,
    LATE_PAUSE,
    LEAST_PAUSE,
    LONGEST_QUIET,
    LONGEST_REST,
    MEMORY,
    PAUSE,
    QUIET,
    READING_MAIL,
    SENDING,
    SLICE,
    Pace,
    Rank,
)
from tests.conftest import MovableClock
from tests.unit.store.cases import Hands, envelope


@pytest.fixture
def database_url(migrated_sqlite_url: str) -> str:
    """These tests look at SQLite's one writer."""
    return migrated_sqlite_url


def test_judging_never_waits_while_no_mail_comes_in():
    pace = Pace(Hands())
    pace.rest(10.0)

    assert pace.wait() == 0


def busy_pace(clock: Hands) -> Pace:
    """Return a pace whose clients keep the writer busy for all of the time."""
    pace = Pace(clock)
    pace.serve(MEMORY)
    return pace


def test_while_mails_come_in_judging_rests_as_its_share_demands():
    clock = Hands()
    pace = busy_pace(clock)
    pace.press()
    assert pace.wait() == 0
    pace.rest(0.001)

    assert pace.wait() == pytest.approx(0.001 * PAUSE)
    clock.time += 0.001 * PAUSE
    pace.press()
    assert pace.wait() == 0


@pytest.mark.parametrize(
    ("share", "pause"),
    [(0.0, LEAST_PAUSE), (0.01, LEAST_PAUSE), (BUSY / 2, PAUSE / 2), (BUSY, PAUSE), (2 * BUSY, PAUSE)],
)
def test_the_busier_clients_keep_the_writer_the_longer_judging_rests(share: float, pause: float) -> None:
    clock = Hands()
    pace = Pace(clock)
    for _ in range(3000):  # groups of a millisecond's distance, until the memory is full
        clock.time += 0.001
        pace.serve(0.001 * share)

    assert pace.pause == pytest.approx(pause, rel=0.01)


def test_one_of_several_writers_is_only_so_much_of_them():
    clock = Hands()
    pace = Pace(clock, writers=4)
    pace.serve(2 * BUSY * MEMORY)

    assert pace.pause == pytest.approx(PAUSE / 2)


async def test_work_for_clients_is_noted_and_no_other(store: SqlStore) -> None:
    pace = store._writes.pace
    assert pace is not None
    for _ in range(3):
        await store.transact(lambda _writer: time.sleep(0.01), behind=True)
    await store.check_writable()
    assert pace._busy == 0

    await store.accept(b"x", [envelope(store)], ["support"])
    await store.check_writable()  # by then the writer is done with the mail
    assert pace._busy > 0


def test_what_clients_asked_for_is_forgotten():
    clock = Hands()
    pace = busy_pace(clock)
    assert pace.pause == PAUSE
    clock.time += 20 * MEMORY

    assert pace.pause == LEAST_PAUSE


def test_a_rest_ends_when_no_more_mails_come_in():
    clock = Hands()
    pace = Pace(clock)
    pace.press()
    pace.rest(60.0)

    assert pace.wait() == pytest.approx(QUIET)
    clock.time += QUIET
    assert pace.wait() == 0


def test_mails_that_waited_too_long_get_judging_a_greater_share():
    clock = Hands()
    pace = busy_pace(clock)
    pace.press()
    pace.lag(LATE + 1)
    pace.rest(0.001)
    late = pace.wait()
    clock.time += late
    pace.press()
    pace.lag(0)
    pace.rest(0.001)

    assert (late, pace.wait()) == pytest.approx((0.001 * LATE_PAUSE, 0.001 * PAUSE))


def test_the_writing_of_a_slice_and_the_reading_of_mails_count_as_judging():
    clock = Hands()
    pace = busy_pace(clock)
    pace.press()
    pace.rest(0.001)
    assert pace.wait() == pytest.approx(0.001 * PAUSE)

    pace.reads(1, 0)
    assert pace.wait() == pytest.approx(min(QUIET, (0.001 + READING_MAIL) * PAUSE))


def test_while_mails_come_in_one_thread_judges_and_else_as_many_as_there_are():
    clock = Hands()
    pace = Pace(clock)
    assert pace.wait(judging=2) == 0
    pace.press()
    assert pace.wait() == 0
    assert pace.wait(judging=1) == pytest.approx(QUIET)


def test_no_rest_is_as_long_as_the_patience_of_what_waits():
    clock = Hands()
    pace = Pace(clock)
    pace.reads(16, 64 << 20)
    clock.time += LONGEST_REST
    pace.press()

    assert pace.wait() == 0


def test_while_mails_come_in_judging_takes_no_more_in_hand_than_it_soon_has_read():
    clock = Hands()
    pace = Pace(clock)
    assert pace.bite(32, 32 << 20) == (32, 32 << 20)
    pace.press()
    assert pace.bite(32, 32 << 20) == (20, 1_000_000)
    assert pace.bite(4, 1000) == (4, 1000)
    clock.time += 2 * QUIET
    assert pace.bite(32, 32 << 20) == (32, 32 << 20)


def test_quiet_lasts_as_long_as_the_next_mail_of_that_size_may_take_to_arrive():
    clock = Hands()
    pace = Pace(clock)
    pace.press(1_000_000)
    clock.time += QUIET + 0.9 * SENDING * 1_000_000
    assert pace.pressed()
    clock.time += 0.2 * SENDING * 1_000_000
    assert not pace.pressed()

    pace.answer(1_000_000)
    clock.time += ANSWERED + 0.9 * SENDING * 1_000_000
    assert pace.pressed()
    clock.time += LONGEST_QUIET
    pace.press(100_000_000)
    clock.time += LONGEST_QUIET
    assert not pace.pressed()


def test_after_a_slow_commit_the_client_has_time_to_send_its_next_mail():
    clock = Hands()
    pace = Pace(clock)
    pace.press(2000)
    clock.time += 2 * QUIET  # the disk
    pace.answer(2000)
    clock.time += 0.9 * ANSWERED
    assert pace.pressed()
    clock.time += 0.2 * ANSWERED
    assert not pace.pressed()


@pytest.mark.parametrize("tried", [False, True])
async def test_a_retry_says_nothing_of_how_late_judging_is(store: SqlStore, clock: MovableClock, tried: bool) -> None:
    pace = store._writes.pace
    assert pace is not None
    await store.accept(b"x", [envelope(store)], ["support"])
    if tried:
        (claim,) = await store.claim_intakes(1, timedelta(minutes=1))
        await store.release_intake(claim, "trouble")
        clock.move(minutes=1)
    pace.serve(2 * MEMORY)
    pace.lag(2 * LATE)

    (claim,) = await store.claim_intakes(1, timedelta(minutes=1))

    assert claim.attempt == 1 + tried
    assert (pace.pause == LATE_PAUSE) is tried


class SlowCursor:
    """A cursor of a disk on which every commit takes so many seconds."""

    def __init__(self, cursor: Any, seconds: float) -> None:
        self._cursor = cursor
        self._seconds = seconds

    def execute(self, text: str, *values: Any) -> Any:
        if text == "COMMIT":
            time.sleep(self._seconds)
        return self._cursor.execute(text, *values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)


SLOW: dict[str, tuple[type[Any], float, int]] = {  # seconds of a commit, and those that a judgement may take
    "migrated_sqlite_url": (SqliteConnector, 0.05, 2),
    "migrated_postgres_url": (PostgresqlConnector, 0.03, 3),
}


@pytest.mark.parametrize("url", SLOW)
async def test_no_judgement_waits_for_its_turn_up_to_its_deadline(
    request: pytest.FixtureRequest, clock: MovableClock, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """Eight clients never stop on a slow disk, and as many judgements as the worker has in hand come to their turns."""
    connector, seconds, deadline = SLOW[url]
    cursor = connector.cursor
    monkeypatch.setattr(connector, "cursor", lambda self, connection: SlowCursor(cursor(self, connection), seconds))
    options = StoreOptions(commit_timeout=timedelta(seconds=deadline))
    ended = asyncio.Event()
    async with open_store(request.getfixturevalue(url), clock=clock, options=options) as store:

        async def client() -> None:
            while not ended.is_set():
                await store.accept(b"x" * 3000, [envelope(store)], ["support"])

        def judge(_writer: object) -> None:
            time.sleep(0.002)

        clients = [asyncio.create_task(client()) for _ in range(8)]
        await asyncio.sleep(0.1)
        in_hand = store.judged_at_once * Limits().parser_processes
        judging = [store.transact(judge, behind=True) for _ in range(in_hand)]
        judged = await asyncio.gather(*judging, return_exceptions=True)
        ended.set()
        await asyncio.gather(*clients)

    assert judged == [None] * in_hand


async def test_a_burst_of_large_mails_is_claimed_one_by_one_until_it_is_over(store: SqlStore) -> None:
    assert store._writes.pace is not None
    for number in range(4):
        await store.accept(bytes([number]) * 600_000, [envelope(store)], ["support"])

    first = await store.claim_intakes(10, timedelta(minutes=1))
    await asyncio.sleep(LONGEST_QUIET)
    others = await store.claim_intakes(10, timedelta(minutes=1))

    assert (len(first), len(others)) == (1, 3)


async def hold(store: SqlStore) -> tuple[asyncio.Task[None], threading.Event]:
    """Keep the writer at work until the event that is returned."""
    gate, inside = threading.Event(), threading.Event()

    def wait(_transaction: object) -> None:
        inside.set()
        gate.wait(10)

    holder = asyncio.create_task(store._writes.run(wait))
    assert await asyncio.to_thread(inside.wait, 10)
    return holder, gate


async def test_a_client_goes_before_judging_that_asked_first(store: SqlStore) -> None:
    order: list[str] = []
    holder, gate = await hold(store)
    judging = [
        asyncio.create_task(store._writes.run(lambda _: order.append("judging"), rank=Rank.BEHIND)) for _ in range(3)
    ]
    await asyncio.sleep(0.02)
    client = asyncio.create_task(store._writes.run(lambda _: order.append("client"), rank=Rank.FIRST))
    await asyncio.sleep(0.02)
    gate.set()
    await asyncio.gather(holder, client, *judging)

    assert order == ["client", "judging", "judging", "judging"]


async def test_it_is_known_whether_a_client_waits(store: SqlStore) -> None:
    holder, gate = await hold(store)
    assert not store.clients_wait()
    clients = [asyncio.create_task(store.accept(b"x", [envelope(store)], ["support"])) for _ in range(3)]
    await asyncio.sleep(0.02)
    waited = store.clients_wait()
    clients[0].cancel()
    gate.set()
    await asyncio.gather(holder, *clients, return_exceptions=True)

    assert waited
    assert not store.clients_wait()


async def test_a_long_row_of_judging_lets_a_client_in_between_and_is_finished_all_the_same(store: SqlStore) -> None:
    done: list[int] = []
    started = threading.Event()

    def judge(number: int) -> None:
        started.set()
        time.sleep(SLICE * 2)
        done.append(number)

    async def behind(number: int) -> None:
        await store._writes.run(lambda _: judge(number), rank=Rank.BEHIND)

    judging = [asyncio.create_task(behind(number)) for number in range(100)]
    await asyncio.to_thread(started.wait, 10)
    await store.accept(b"Subject: x\r\n\r\n", [envelope(store)], ["support"])
    before_the_client = len(done)
    await asyncio.gather(*judging)

    assert before_the_client < 50
    assert done == list(range(100))


async def test_judging_goes_on_while_mails_come_in_without_end(store: SqlStore) -> None:
    judged = 0
    over = asyncio.Event()

    async def clients() -> None:
        while not over.is_set():
            await store.accept(b"Subject: x\r\n\r\n", [envelope(store)], ["support"])

    async def judging() -> None:
        nonlocal judged
        for _ in range(20):
            await store._writes.run(lambda _: time.sleep(0.0005), rank=Rank.BEHIND)
            judged += 1

    senders = [asyncio.create_task(clients()) for _ in range(4)]
    await asyncio.wait_for(judging(), timedelta(seconds=10).total_seconds())
    over.set()
    await asyncio.gather(*senders)

    assert judged == 20


async def test_one_of_several_threads_never_judges(migrated_postgres_url: str, clock: MovableClock) -> None:
    """Judgements of one queue wait for each other's locks, and may all be busy when a mail comes in."""
    gate, inside = threading.Event(), threading.Semaphore(0)

    def judge(_transaction: object) -> None:
        inside.release()
        gate.wait(10)

    async with open_store(migrated_postgres_url, clock=clock) as store:
        judging = [asyncio.create_task(store._writes.run(judge, rank=Rank.BEHIND)) for _ in range(8)]
        for _ in range(store.options.writers - 1):
            assert await asyncio.to_thread(inside.acquire, timeout=10)
        more = await asyncio.to_thread(inside.acquire, timeout=0.1)
        taken = await asyncio.wait_for(store.accept(b"Subject: x\r\n\r\n", [envelope(store)], ["support"]), 5)
        gate.set()
        await asyncio.gather(*judging)

    assert not more
    assert len(taken) == 1
