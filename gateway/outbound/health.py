"""How a channel is doing: whether it may be used now, and by how many at once. Pure state, no clock.

A channel that refuses, hangs or says 421 is left alone as a whole: one delivery at a time finds out whether it works
again, at growing intervals. What the far side cannot do must not cost our other channels anything (I9, P9).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

# Waits between probes of a dead channel.
BACKOFF = tuple(timedelta(seconds=seconds) for seconds in (5, 15, 30, 60, 120, 300))


@dataclass(slots=True)
class Health:
    """The breaker of one channel. It opens at the first trouble of the channel and closes at the first success."""

    connections: int
    failures: int = 0  # in a row
    until: datetime | None = None  # not to be used before
    because: str = ""
    _permits: int = field(init=False)

    def __post_init__(self) -> None:
        self._permits = self.connections

    @property
    def down(self) -> bool:
        """Tell whether the channel is taken for dead."""
        return self.failures > 0

    def rests(self, now: datetime) -> bool:
        """Tell whether to leave the channel alone at this moment."""
        return self.until is not None and now < self.until

    @property
    def permits(self) -> int:
        """How many may send at once: one while it is down, then twice as many with each success."""
        return 1 if self.down else self._permits

    def failed(self, now: datetime, because: str, wait: timedelta = timedelta(0)) -> bool:
        """Note trouble of the channel; it asks to be left alone for `wait`. True if it was well until now."""
        was_well = not self.down
        if self.until is not None and self.rests(now):
            self.until = max(self.until, now + wait)
            return False  # others that were under way fail with it; that is one trouble, not several
        backoff = BACKOFF[min(self.failures, len(BACKOFF) - 1)]
        self.failures += 1
        self.until = now + max(backoff, wait)
        self.because = because
        self._permits = 1
        return was_well

    def worked(self) -> bool:
        """Note that the server answered. True if the channel was down until now."""
        was_down = self.down
        self.failures, self.until, self.because = 0, None, ""
        self._permits = min(self.connections, self._permits * 2)
        return was_down
