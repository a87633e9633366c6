"""What time it is."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The only source of time in the daemon; tests inject their own."""

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""
