"""The store as its callers see it: every method is awaited, does its work in threads, and keeps its deadline."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Self, TypeVar

from sqlalchemy.engine import make_url

from gateway.errors import StorageUnavailable
from gateway.model import Claim, Envelope, IntakeId
from gateway.ports import Clock, Writer
from gateway.store import intakes
from gateway.store.checkpoint import Checkpointer
from gateway.store.connector import Connector, PostgresqlConnector, SqliteConnector
from gateway.store.lane import Lane
from gateway.store.locations import is_sqlite, sqlite_path
from gateway.store.lock import DaemonLock
from gateway.store.migrate import check_schema, migrate
from gateway.store.options import StoreOptions
from gateway.store.raw import Octets, RawMail, open_raw_storage, read_raw
from gateway.store.statement import Transaction
from gateway.store.times import to_number
from gateway.store.writer import SqlWriter

T = TypeVar("T")

HASHED_IN_LOOP = 64 << 10  # octets whose SHA-256 is quicker than handing them to a thread


def open_store(url: str, *, clock: Clock, options: StoreOptions | None = None) -> SqlStore:
    """Open the store that `database:` names. Raises StoreLocked, SchemaMismatch, or Transient.

    A daemon's SQLite file is locked against a second daemon, and brought up to the present schema; PostgreSQL asks for
    `poterne migrate`.
    """
    options = options or StoreOptions()
    lock: DaemonLock | None = None
    if is_sqlite(url):
        path = sqlite_path(url)
        if options.daemon:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = DaemonLock(path)
            lock.acquire()
    try:
        if is_sqlite(url) and (options.daemon or not sqlite_path(url).exists()):
            migrate(url)
        else:
            check_schema(url)
        return SqlStore(url, clock, options, lock)
    except BaseException:
        if lock is not None:
            lock.release()
        raise


class SqlStore:
    """Implements ports.Store, ports.Outbox, ports.Reader and more on SQLite or PostgreSQL."""

    def __init__(self, url: str, clock: Clock, options: StoreOptions, lock: DaemonLock | None = None) -> None:
        self.url = url
        self.clock = clock
        self.options = options
        self._lock = lock
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
        )

    def now(self) -> int:
        return to_number(self.clock.now())

    # --- ports.Store ------------------------------------------------------------------------------------------

    async def accept(self, raw: Octets, envelopes: Sequence[Envelope], queues: Sequence[str]) -> tuple[IntakeId, ...]:
        """Make one mail durable: raw octets once, one intake per envelope, in one commit."""
        if len(raw) <= HASHED_IN_LOOP:
            sha256 = hashlib.sha256(raw).hexdigest()
        else:
            sha256 = await self._in_thread(lambda: hashlib.sha256(raw).hexdigest())
        storage, location = self._raw, None
        if storage is not None:
            location = await self._in_thread(lambda: storage.put(raw, sha256))
        mail, now = RawMail(raw, sha256, location), self.now()
        return await self._writes.run(
            lambda transaction: intakes.insert_intakes(transaction, mail, envelopes, queues, now),
            weight=0 if location else len(raw),
            shares=True,
        )

    async def claim_intakes(self, limit: int, lease: timedelta) -> Sequence[Claim]:
        """Take up to `limit` waiting intakes, each try counted and committed; one tried before is taken alone."""
        await self._void_leases()
        now, tried_first = self.now(), next(self._turn)
        taken = await self._writes.run(
            lambda transaction: intakes.take(transaction, limit, lease, now, tried_first=tried_first)
        )
        claims = []
        for item in taken:
            try:
                claims.append(replace(item.claim, raw=await self.read_raw(item.raw_id)))
            except StorageUnavailable as error:  # a lost file holds up only its own mail
                await self.release_intake(item.claim, str(error))
        return claims

    async def release_intake(self, claim: Claim, because: str) -> None:
        """Give an intake back after a failed try; it is retried after a pause."""
        now = self.now()
        await self._writes.run(lambda transaction: intakes.release(transaction, claim, because, now))

    async def hold_intake(self, claim: Claim, rule: str, because: str) -> None:
        """Put an intake into quarantine: visible, with its raw octets, replayable."""
        now = self.now()
        await self._writes.run(lambda transaction: intakes.hold(transaction, claim, rule, because, now))

    async def transact(self, job: Callable[[Writer], T]) -> T:
        """Run `job` in one transaction and return once it is durable."""
        return await self._writes.run(lambda transaction: job(self._writer(transaction)))

    async def inspect(self, job: Callable[[Writer], T]) -> T:
        """Run `job` in a transaction that is always rolled back."""
        return await self._writes.run(lambda transaction: job(self._writer(transaction)), trace=False)

    # --- raw mail ---------------------------------------------------------------------------------------------

    async def read_raw(self, raw_id: int) -> bytes:
        """Return the octets of a raw mail, wherever they are kept."""
        found = await self._reads.run(lambda transaction: read_raw(transaction, raw_id))
        if isinstance(found, bytes):
            return found
        storage = self._raw or open_raw_storage(self.options.raw_mail)
        if storage is None:
            raise StorageUnavailable(f"raw mail {raw_id} is kept at {found}, but raw_mail: names the database")
        return await self._in_thread(lambda: storage.get(found))

    # --- inside -----------------------------------------------------------------------------------------------

    def _writer(self, transaction: Transaction) -> SqlWriter:
        return SqlWriter(transaction, self.options, self.now())

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """Run file or network work in a thread, within the deadline of a commit."""
        future = asyncio.get_running_loop().run_in_executor(self._files, work)
        try:
            return await asyncio.wait_for(future, self.options.commit_timeout.total_seconds())
        except TimeoutError:
            raise StorageUnavailable("the storage of raw mail did not answer in time") from None

    async def _void_leases(self) -> None:
        """Free what an earlier daemon on this SQLite file held: the lock says that it is dead."""
        if not self._voided:
            await self._writes.run(lambda transaction: transaction.run(intakes.VOID_LEASES))
            self._voided = True
