"""What the store needs to know of the configuration, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from gateway.model import Subscription
from gateway.store.windows import BoundTable


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """Frozen; a reload of the configuration hands over a new one (`SqlStore.reconfigure`)."""

    raw_mail: str = "database"  # database | file:///PATH | s3://BUCKET/PREFIX
    bound: BoundTable = field(default_factory=BoundTable)
    own_addresses: frozenset[str] = frozenset()  # normal form; never sent to
    blocklist: tuple[str, ...] = ()  # patterns of the configuration; never sent to
    subscriptions: tuple[Subscription, ...] = ()  # of webhooks; without any, no event is written
    commit_timeout: timedelta = timedelta(seconds=10)
    writers: int = 4  # threads on PostgreSQL; SQLite has one
    readers: int = 2
    daemon: bool = True  # False: a command beside the daemon takes no lock, holds no lease, migrates nothing
