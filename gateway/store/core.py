"""What every side of the store stands on: the two lanes of threads, the options in force, and an orderly end."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Self, TypeVar

from sqlalchemy import update
from sqlalchemy.engine import make_url

from gateway.errors import StorageUnavailable
from gateway.model import EventType
from gateway.ports import Clock
from gateway.store import events, intakes
from gateway.store.checkpoint import Checkpointer
from gateway.store.connector import Connector, PostgresqlConnector, SqliteConnector
from gateway.store.context import Context, Standing
from gateway.store.lane import Lane
from gateway.store.leases import EVENTS, MAIL
from gateway.store.locations import is_sqlite, sqlite_path
from gateway.store.lock import DaemonLock
from gateway.store.options import StoreOptions
from gateway.store.pace import Rank
from gateway.store.raw import open_raw_storage, read_raw
from gateway.store.statement import Statement, Transaction
from gateway.store.tables_out import inboxes
from gateway.store.times import to_number
from gateway.telemetry import metrics

T = TypeVar("T")

# Intakes in hand for each parser process: enough to share commits, and to read on while SQLite's writer copies its log.
# On PostgreSQL each has a commit of its own, and all of them have to get through it within one deadline. Each of them
# has lost a try when the daemon dies.
JUDGED_AT_ONCE = {"sqlite": 32, "postgresql": 16}
VOID_INBOXES = Statement(update(inboxes).values(holder=None, lease_until=None))


class StoreCore:
    """Lanes, options, raw storage, and the end of them all."""

    def __init__(self, url: str, clock: Clock, options: StoreOptions, lock: DaemonLock | None = None) -> None:
        self.url = url
        self.clock = clock
        self.options = options
        self._lock = lock
        self._standing = Standing(options)
        self._sqlite = is_sqlite(url)
        self._raw = open_raw_storage(options.raw_mail)
        self._files = ThreadPoolExecutor(max_workers=8, thread_name_prefix="store-raw")
        self._turn = itertools.cycle((False, True))
        self._voided = not (self._sqlite and options.daemon)
        deadline = options.commit_timeout.total_seconds()
        connector: Connector
        if self._sqlite:
            # Two groups of jobs may have to wait for a foreign lock, one after the other, within one deadline.
            connector = SqliteConnector(sqlite_path(url), options.commit_timeout * 0.4)
        else:
            connector = PostgresqlConnector(make_url(url), options.commit_timeout)
        self._writes = Lane(
            "writer",
            connector,
            threads=1 if self._sqlite else options.writers,
            writes=True,
            deadline=deadline,
            housekeeping=Checkpointer() if self._sqlite and options.daemon else None,
        )
        self._reads = Lane("reader", connector, threads=options.readers, writes=False, deadline=deadline)

    @property
    def judged_at_once(self) -> int:
        """How many intakes are best in hand for each parser process."""
        return JUDGED_AT_ONCE["sqlite" if self._sqlite else "postgresql"]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Finish what was asked for, close the connections, and give the lock back."""
        await self._reads.close()
        await self._writes.close()  # last, so that the log is copied into the database file
        self._files.shutdown(wait=False, cancel_futures=True)
        if self._lock is not None:
            self._lock.release()

    def reconfigure(self, options: StoreOptions) -> None:
        """Use other limits, own addresses and patterns from the next transaction on."""
        self.options = replace(
            self.options,
            bound=options.bound,
            own_addresses=options.own_addresses,
            blocklist=options.blocklist,
            subscriptions=options.subscriptions,
        )
        self._standing = Standing(self.options)

    def now(self) -> int:
        return to_number(self.clock.now())

    # --- raw mail ---------------------------------------------------------------------------------------------

    async def read_raw(self, raw_id: int) -> bytes:
        """Return the octets of a raw mail, wherever they are kept."""
        (found,) = await self.read_raws([raw_id])
        if isinstance(found, bytes):
            return found
        raise found

    async def read_raws(self, raw_ids: Sequence[int]) -> list[bytes | StorageUnavailable]:
        """Return the octets of several raw mails, or what keeps one of them from us."""
        found = await self._reads.run(lambda transaction: [find_raw(transaction, raw_id) for raw_id in raw_ids])
        return [await self._fetch(item) if isinstance(item, str) else item for item in found]

    async def _fetch(self, location: str) -> bytes | StorageUnavailable:
        storage = self._raw or open_raw_storage(self.options.raw_mail)
        if storage is None:
            return StorageUnavailable(f"a raw mail is kept at {location}, but raw_mail: names the database")
        try:
            return await self._in_thread(lambda: storage.get(location))
        except StorageUnavailable as error:
            return error

    # --- inside -----------------------------------------------------------------------------------------------

    def _context(self, transaction: Transaction) -> Context:
        return Context(transaction, self._standing, self.now())

    async def write(self, work: Callable[[Context], T], *, rank: Rank = Rank.COMMON, weight: int = 0) -> T:
        """Run `work` in a transaction of its own, with the events of what it changes; return once it is durable.

        The one way to change what webhooks watch.
        """
        told: Sequence[EventType] = ()

        def run(transaction: Transaction) -> T:
            nonlocal told
            context = self._context(transaction)
            result = work(context)
            told = events.tell(context)
            return result

        result = await self._writes.run(run, rank=rank, weight=weight)
        for event in told:
            metrics.WEBHOOK_EVENTS.labels(event.value).inc()
        return result

    async def read(self, work: Callable[[Context], T], *, patience: float | None = None) -> T:
        """Run `work` on one snapshot of the database; `patience`, in seconds, is for work that reads all there is."""

        def patient(transaction: Transaction) -> T:
            if patience is not None and transaction.dialect == "postgresql":
                transaction.cursor.execute("SET LOCAL statement_timeout = 0")
            return work(self._context(transaction))

        return await self._reads.run(patient, patience=patience)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """Run file or network work in a thread, within the deadline of a commit."""
        future = asyncio.get_running_loop().run_in_executor(self._files, work)
        try:
            # Not wait_for(): before Python 3.12 it loses a cancellation that meets the result.
            async with asyncio.timeout(self.options.commit_timeout.total_seconds()):
                return await future
        except TimeoutError:
            raise StorageUnavailable("the storage of raw mail did not answer in time") from None

    async def void_leases(self) -> None:
        """Free what an earlier daemon on this SQLite file held: the lock says that it is dead."""
        if not self._voided:
            await self._writes.run(void_all)
            self._voided = True


def find_raw(transaction: Transaction, raw_id: int) -> bytes | str | StorageUnavailable:
    """Return what `read_raw` returns or raises."""
    try:
        return read_raw(transaction, raw_id)
    except StorageUnavailable as error:
        return error


def void_all(transaction: Transaction) -> None:
    transaction.run(intakes.VOID_LEASES)
    MAIL.void(transaction)
    EVENTS.void(transaction)
    transaction.run(VOID_INBOXES)
