"""Fetching with a mailbox that misbehaves: one bad mail holds up nobody, and the mailbox is changed last."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, cast

import pytest
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, IMAPClientReadOnlyError

from gateway.inbox import Account, Fetcher, FetcherOptions
from gateway.inbox import fetcher as fetcher_module
from gateway.model import Envelope, InboxHealth, InboxProgress, IntakeId
from gateway.store import InboxBook, open_store
from tests.conftest import MovableClock

ACCOUNT = Account("localhost", 1, "none", "help@example.net")


class Ledger:
    """Implements ports.InboxLedger in memory, and keeps what happened in order."""

    def __init__(self, happened: list[tuple[str, Any]]) -> None:
        self.happened = happened
        self.known: InboxProgress | None = InboxProgress(1, 0)
        self.health: list[InboxHealth] = []

    async def lease(self, name: str, holder: str, duration: timedelta) -> bool:
        return bool(name and holder and duration)

    async def progress(self, name: str) -> InboxProgress | None:
        return self.known if name else None

    async def save_progress(self, name: str, progress: InboxProgress) -> None:
        self.happened.append(("saved", progress.last_uid))
        self.known = progress if name else None

    async def report_health(self, name: str, health: InboxHealth, detail: str) -> None:
        self.health.append(health if name and detail else InboxHealth.STARTING)


class Box:
    """One connection to a mailbox; what happens over a mail is in `trouble`, by UID."""

    uid_validity, uid_next = 1, 100

    def __init__(self, world: World) -> None:
        self.world = world

    def uids_after(self, last_uid: int) -> list[int]:
        return [uid for uid in self.world.uids if uid > last_uid]

    def sizes(self, uids: Iterable[int]) -> dict[int, int]:
        return {uid: 1 << 30 if uid in self.world.huge else 100 for uid in uids if uid in self.world.uids}

    def fetch(self, uid: int, size: int) -> bytes | None:
        self.world.happened.append(("fetched", uid))
        if uid in self.world.trouble:
            raise self.world.trouble[uid]
        return f"Subject: {uid}\r\n\r\n{size}\r\n".encode()

    def flag(self, uids: list[int]) -> None:
        if self.world.unmarkable:
            self.world.happened.append(("refused", tuple(uids)))
            raise self.world.unmarkable
        self.world.happened.append(("flagged", tuple(uids)))

    def wait(self, seconds: float) -> None:
        self.world.stop_after -= 1
        self.world.waited.append(seconds)
        time.sleep(self.world.pause)
        if self.world.stop_after <= 0:
            self.world.done()

    def interrupt(self) -> None:
        """Nothing waits for long here."""

    def close(self) -> None:
        """Nothing is open."""


class World:
    def __init__(self, uids: Iterable[int]) -> None:
        self.uids = list(uids)
        self.trouble: dict[int, Exception] = {}
        self.huge: set[int] = set()
        self.unmarkable: Exception | None = None
        self.happened: list[tuple[str, Any]] = []
        self.waited: list[float] = []
        self.pause = 0.0
        self.stop_after = 1
        self.done: Callable[[], None] = lambda: None
        self.ledger = Ledger(self.happened)

    async def accept(self, raw: bytes, envelope: Envelope, queue: str) -> IntakeId:
        assert raw.endswith(b"\r\n")
        assert queue == "support"
        uid = int(envelope.source_ref.rpartition(":")[2])
        self.happened.append(("durable", uid))
        return IntakeId(uid)

    async def fetch(self, looks: int = 1) -> None:
        """Let a fetcher look so many times, whatever its connections do."""
        over, loop = asyncio.Event(), asyncio.get_running_loop()

        def end() -> None:
            loop.call_soon_threadsafe(over.set)

        self.stop_after, self.done = looks, end
        options = FetcherOptions("desk", "support", ACCOUNT, "help@example.net", poll=timedelta(milliseconds=1))
        fetcher = Fetcher(options, self.accept, self.ledger, "node 1")
        fetcher.start()
        async with asyncio.timeout(20):
            await over.wait()
            await fetcher.stop()

    def what(self, kind: str) -> list[Any]:
        return [value for name, value in self.happened if name == kind]


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(range(1, 6))
    monkeypatch.setattr(fetcher_module, "open_mailbox", lambda *_: cast("Any", Box(made)))
    monkeypatch.setattr(fetcher_module, "BACK_OFF_SECONDS", (0.001,))
    return made


async def test_a_mail_is_durable_before_the_mailbox_says_so_and_progress_comes_last(world: World) -> None:
    await world.fetch()

    assert world.what("durable") == [1, 2, 3, 4, 5]
    assert [name for name, _ in world.happened[-3:]] == ["durable", "flagged", "saved"]
    assert world.what("flagged") == [(1, 2, 3, 4, 5)]
    assert world.ledger.known == InboxProgress(1, 5)


async def test_a_mail_that_cannot_be_fetched_holds_up_nobody(world: World) -> None:
    world.trouble[2] = IMAPClientError("internal error")
    world.huge.add(4)
    await world.fetch(looks=3)

    assert world.what("durable") == [1, 3, 5]
    assert world.ledger.known == InboxProgress(1, 5, (2, 4))
    assert world.what("fetched").count(2) == 2  # once, and once when what is aside was due; not at every look


@pytest.mark.parametrize("trouble", [IMAPClientAbortError("gone"), TimeoutError("silent"), ConnectionResetError("cut")])
async def test_a_mail_that_ends_every_connection_is_put_aside(world: World, trouble: Exception) -> None:
    world.trouble[2] = trouble
    await world.fetch()

    assert sorted(world.what("durable")) == [1, 1, 1, 3, 4, 5]  # the first of the batch again: the ledger knows it
    assert world.what("flagged") == [(1, 3, 4, 5)]
    assert world.ledger.known == InboxProgress(1, 5, (2,))


async def test_a_connection_that_ends_once_blames_no_mail(world: World) -> None:
    failures = itertools.chain([IMAPClientAbortError("gone")], itertools.repeat(None))

    class Once(dict[int, Exception]):
        def __contains__(self, uid: object) -> bool:
            return uid == 3 and (found := next(failures)) is not None and not self.update({3: found})

    world.trouble = Once()
    await world.fetch()

    assert world.ledger.known == InboxProgress(1, 5)
    assert set(world.what("durable")) == {1, 2, 3, 4, 5}


async def test_a_put_aside_mail_that_ends_the_connection_lets_the_others_aside_be_retried(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetcher_module, "ASIDE_SECONDS", 0.2)
    world.ledger.known = InboxProgress(1, 5, (2, 3, 4))
    world.trouble[2] = IMAPClientAbortError("gone")
    world.pause = 0.25
    await world.fetch(looks=3)

    assert set(world.what("durable")) == {3, 4}
    assert world.what("flagged") == [(3,), (4,)]  # one by one, each once: the one behind them undoes nothing
    assert world.ledger.known == InboxProgress(1, 5, (2,))


@pytest.mark.parametrize("refusal", [IMAPClientError("no right to store"), IMAPClientReadOnlyError("not writable")])
async def test_a_mailbox_that_nobody_may_mark_is_read_on(world: World, refusal: Exception) -> None:
    world.unmarkable = refusal
    await world.fetch()

    assert world.ledger.known == InboxProgress(1, 5)
    assert set(world.ledger.health) == {InboxHealth.OK}
    assert world.what("fetched") == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("trouble", [IMAPClientAbortError("gone"), TimeoutError("silent"), ConnectionResetError("cut")])
async def test_a_mark_that_ends_every_connection_stalls_no_inbox(world: World, trouble: Exception) -> None:
    world.uids = list(range(1, 121))  # three batches
    world.unmarkable = trouble
    await world.fetch()

    assert world.what("fetched") == world.uids
    assert [len(uids) for uids in world.what("refused")] == [50, 50, 20]
    assert world.ledger.known == InboxProgress(1, 120)
    assert world.ledger.health == [InboxHealth.RETRYING] * 3 + [InboxHealth.OK]


async def test_what_a_stop_keeps_from_being_marked_is_marked_after_the_next_start(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = threading.Event()

    class Stopped(Box):
        def fetch(self, uid: int, size: int) -> bytes | None:
            if uid == 3:
                self.world.done()
                assert cut.wait(10)
            return super().fetch(uid, size)

        def interrupt(self) -> None:
            cut.set()

    world.unmarkable = IMAPClientAbortError("gone")  # the connection that the stop has cut
    with monkeypatch.context() as patch:
        patch.setattr(fetcher_module, "open_mailbox", lambda *_: cast("Any", Stopped(world)))
        await world.fetch()
    known_at_stop, world.unmarkable = world.ledger.known, None
    await world.fetch()

    assert world.what("refused") == [(1, 2, 3)]
    assert known_at_stop == InboxProgress(1, 0)
    assert world.what("flagged") == [(1, 2, 3, 4, 5)]


async def test_two_nodes_never_look_into_one_inbox_at_the_same_time(
    migrated_postgres_url: str, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []
    mails = World(range(1, 4))

    class Shared(Box):
        def uids_after(self, last_uid: int) -> list[int]:
            looks.append(threading.current_thread().name)
            return super().uids_after(last_uid)

        def wait(self, seconds: float) -> None:
            time.sleep(seconds)

    monkeypatch.setattr(fetcher_module, "open_mailbox", lambda *_: cast("Any", Shared(mails)))
    monkeypatch.setattr(fetcher_module, "LEASE", timedelta(seconds=1.5))
    options = FetcherOptions(
        "desk", "support", ACCOUNT, "help@example.net", poll=timedelta(seconds=0.05), backfill=True
    )
    async with (
        open_store(migrated_postgres_url, clock=clock) as one,
        open_store(migrated_postgres_url, clock=clock) as other,
    ):
        nodes = [Fetcher(options, mails.accept, InboxBook(store), f"node {id(store)}") for store in (one, other)]
        for number, node in enumerate(nodes):
            node._thread.name = f"node {number}"
            node.start()
        async with asyncio.timeout(30):
            while len(looks) < 10:
                await asyncio.sleep(0.01)
        first = looks[0]
        together = set(looks)
        await nodes[int(first[-1])].stop()
        async with asyncio.timeout(30):
            while looks[-1] == first:
                await asyncio.sleep(0.01)
        await nodes[1 - int(first[-1])].stop()
        (row,) = await InboxBook(one).list_inboxes()

    assert together == {first}
    assert [name for name, _ in itertools.groupby(looks)] == [first, f"node {1 - int(first[-1])}"]
    assert sorted(mails.what("durable")) == [1, 2, 3]
    assert row.health in {InboxHealth.OK, InboxHealth.ELSEWHERE}
