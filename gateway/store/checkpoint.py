"""When SQLite's write-ahead log is copied into the database file: by the writer alone, between two groups.

No other connection checkpoints (`wal_autocheckpoint=0`): two that do have corrupted databases in SQLite before 3.51.3.
"""

from __future__ import annotations

import sqlite3

WHEN_IDLE = 4 << 20  # octets written since the last checkpoint, with nobody waiting
WHEN_BUSY = 32 << 20  # ... whoever waits


class Checkpointer:
    """Counts what was written, and checkpoints when it is time."""

    def __init__(self) -> None:
        self._written = WHEN_IDLE  # what an earlier run left in the log

    def __call__(self, connection: sqlite3.Connection, octets: int, busy: bool) -> None:
        """Note `octets` written; checkpoint if there are enough of them. PASSIVE never waits for a reader."""
        self._written += octets
        if self._written >= (WHEN_BUSY if busy else WHEN_IDLE):
            self._written = 0
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
