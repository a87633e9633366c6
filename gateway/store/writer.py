"""One open transaction as `process` sees it (ports.Writer)."""

from __future__ import annotations

from gateway.store.options import StoreOptions
from gateway.store.statement import Transaction


class SqlWriter:
    """Reads and writes inside one transaction, in the store's thread."""

    __slots__ = ("now", "options", "transaction")

    def __init__(self, transaction: Transaction, options: StoreOptions, now: int) -> None:
        self.transaction = transaction
        self.options = options
        self.now = now
