"""The store: one object for every port that the rest of Poterne asks of the database."""

from __future__ import annotations

from gateway.ports import Clock
from gateway.store.agents_side import AgentsSide
from gateway.store.desk_side import DeskSide
from gateway.store.intake_side import IntakeSide
from gateway.store.locations import is_sqlite, sqlite_path
from gateway.store.lock import DaemonLock
from gateway.store.migrate import check_schema, migrate
from gateway.store.options import StoreOptions
from gateway.store.outbox_side import OutboxSide
from gateway.store.read_side import ReadSide
from gateway.store.webhook_side import WebhookSide


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


class SqlStore(IntakeSide, OutboxSide, ReadSide, DeskSide, AgentsSide, WebhookSide):
    """Implements ports.Store, ports.Outbox and more, on SQLite or PostgreSQL; every call keeps its deadline."""
