"""The ledger, the tickets and the outbox, in SQLite or PostgreSQL. Durable before it answers; it judges nothing."""

from gateway.store.inbox_book import InboxBook
from gateway.store.migrate import migrate
from gateway.store.options import StoreOptions
from gateway.store.store import SqlStore, open_store
from gateway.store.vault import SealedVault
from gateway.store.webhook_book import WebhookBook
from gateway.store.windows import BoundTable

__all__ = ["BoundTable", "InboxBook", "SealedVault", "SqlStore", "StoreOptions", "WebhookBook", "migrate", "open_store"]
