"""A thread of a lane, as the lane sees it: its connection, and what it is at."""

from __future__ import annotations

import threading
from typing import Any

from gateway.store.connector import close_quietly


class Worker:
    """One thread with one connection."""

    __slots__ = ("begun", "commit", "connection", "cursor", "given_up", "hangs", "judges", "thread")

    def __init__(self) -> None:
        self.connection: Any = None
        self.cursor: Any = None
        self.given_up = False
        self.judges = False  # is at work on what waits behind ...
        self.begun: float | None = None  # ... since then
        self.commit = 0.0  # seconds that the last one took
        self.hangs = 0  # the lane's count when this connection was opened
        self.thread: threading.Thread | None = None

    def drop(self) -> None:
        """Close the connection; the next group opens another."""
        connection, self.connection, self.cursor = self.connection, None, None
        if connection is not None:
            close_quietly(connection)
