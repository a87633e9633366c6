"""How far a list of numbered rows is known, where a row may come into sight after one with a higher number.

PostgreSQL numbers rows when they are written and shows them when their transaction commits. A number that was passed
over is on its way or will never come; it is waited for longer than a transaction lasts.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

PATIENCE: Final = timedelta(seconds=60)  # six times the default of `limits.commit_timeout`
MOST: Final = 500  # numbers that are waited for; more than those were never rows


class Horizon:
    """What has been seen of one list, and what was passed over."""

    def __init__(self, newest: int) -> None:
        self.newest = newest
        self._missing: dict[int, datetime] = {}  # number: when it is given up

    @property
    def missing(self) -> tuple[int, ...]:
        """The numbers that may still come, in order."""
        return tuple(self._missing)

    @property
    def settled(self) -> int:
        """The number up to which nothing can come any more."""
        return next(iter(self._missing), self.newest + 1) - 1

    def note(self, number: int, now: datetime) -> None:
        """Note a row that is in sight; rows of one look are noted in the order of their numbers."""
        self._missing.pop(number, None)
        passed = range(max(self.newest + 1, number - MOST), number)
        self._missing.update(dict.fromkeys(passed, now + PATIENCE))
        self.newest = max(self.newest, number)

    def forget(self, now: datetime) -> None:
        """Wait no longer for what should have come by now, or is too much to wait for."""
        waited_for = [(number, until) for number, until in self._missing.items() if until > now]
        self._missing = dict(waited_for[-MOST:])
