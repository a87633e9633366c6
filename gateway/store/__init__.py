"""The ledger, the tickets and the outbox, in SQLite or PostgreSQL. Durable before it answers; it judges nothing."""

from gateway.store.migrate import migrate
from gateway.store.options import StoreOptions
from gateway.store.store import SqlStore, open_store
from gateway.store.windows import BoundTable

__all__ = ["BoundTable", "SqlStore", "StoreOptions", "migrate", "open_store"]
