"""SQLite's write-ahead log: when it is copied into the database file, and that it starts out long.

It is copied by the writer alone, between two groups. No other connection checkpoints (`wal_autocheckpoint=0`): two that
do have corrupted databases in SQLite before 3.51.3.

A log that grows takes new blocks of the disk, and the file system has to write down which, at every fsync of a commit:
that takes nearly twice the time of an fsync of blocks that were written before. SQLite overwrites its log from the
start once it is copied, and knows what counts there by salts and checksums: whatever stands behind the last commit is
none to it. So a daemon begins with a log of zeros, as long as it would become under load.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from typing import Final

WHEN_IDLE: Final = 4 << 20  # octets written since the last checkpoint, with nobody waiting
WHEN_BUSY: Final = 32 << 20  # ... whoever waits
LONG: Final = 32 << 20  # octets of log at the start ...
SPARE: Final = 1 << 30  # ... of a daemon whose disk has so many left
_PIECE: Final = bytes(1 << 20)


class Checkpointer:
    """Counts what was written, and checkpoints when it is time."""

    def __init__(self) -> None:
        self._written = WHEN_IDLE  # what an earlier run left in the log
        self._long = False

    def __call__(self, connection: sqlite3.Connection, octets: int, busy: bool) -> None:
        """Note `octets` written; checkpoint if there are enough of them. PASSIVE never waits for a reader."""
        self._written += octets
        if self._written >= (WHEN_BUSY if busy else WHEN_IDLE):
            self._written = 0
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        if not self._long:
            self._long = True
            lengthen(connection)


def lengthen(connection: sqlite3.Connection) -> None:
    """Put zeros behind the log up to LONG octets, if there is room; without it, commits are slower and nothing else."""
    (path,) = (row[2] for row in connection.execute("PRAGMA database_list") if row[1] == "main")
    connection.execute("BEGIN IMMEDIATE")  # whoever may write to the log, here or in another process, has to wait
    try:
        with contextlib.suppress(OSError):
            _fill(f"{path}-wal")
    finally:
        connection.execute("ROLLBACK")


def _fill(path: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        disk = os.fstatvfs(descriptor)
        if disk.f_bavail * disk.f_frsize < SPARE:
            return
        length = os.fstat(descriptor).st_size
        try:
            for start in range(length, LONG, len(_PIECE)):
                os.pwrite(descriptor, _PIECE[: LONG - start], start)
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, length)
            raise
    finally:
        os.close(descriptor)
