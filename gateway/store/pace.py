"""Who goes first where the store is written: clients that wait for their 250, then all else, and judging behind them.

While mails come in, one thread judges, with its commits and the reading of mails counted in, lets others in between
after every slice, and has no more mails in hand than are soon read. The busier clients keep the writer, the smaller is
its share of the time: from half of it, where mails drop in one by one, to a twentieth. When none come in, judging gets
all of it. A burst is thus taken first and judged then. Under a load without end, where mails wait for their judgement
too long, it gets half: accepting slows down, and tickets go on being opened. A judgement that waits for its turn too
long has the next one, whatever the pace (`lane`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from enum import IntEnum
from typing import Final

QUIET: Final = 0.025  # seconds without a new mail, after which judging has the store for itself ...
ANSWERED: Final = 0.01  # ... and after the last 250 ...
SENDING: Final = 60e-9  # ... and for each octet of the last one: the next may be as large, and on its way
LONGEST_QUIET: Final = 0.25
SLICE: Final = 0.002  # seconds that judging takes before it looks whether others wait
PAUSE: Final = 19.0  # times as long as a slice took, judging then rests: a share of 1 in 20 ...
BUSY: Final = 0.25  # ... if clients keep the writers busy for this share of the time; in proportion if for less ...
LEAST_PAUSE: Final = 1.0  # ... but no more than half of the time is judging's while mails come in
MEMORY: Final = 0.25  # seconds after which the work for a client counts for a third
READING_MAIL: Final = 0.001  # seconds that a parser process takes for a mail, about ...
READING_OCTET: Final = 20e-9  # ... and for each of its octets
BITE: Final = 0.02  # seconds of reading that judging takes in hand at once while mails come in
LONGEST_REST: Final = 2.0  # seconds
LATE: Final = 5.0  # seconds that a mail may wait for its judgement ...
LATE_PAUSE: Final = 1.0  # ... before the share becomes 1 in 2


class Rank(IntEnum):
    """How long a piece of work may wait."""

    FIRST = 1  # a sending server waits for its 250
    COMMON = 2
    BEHIND = 3  # judging: what it works on is durable already


class Pace:
    """Tells when judging may write."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, writers: int = 1) -> None:
        self.clock = clock
        self._writers = writers
        self._pressed_until = 0.0
        self._resting_until = 0.0
        self._busy = 0.0  # share of the time that clients keep the writer busy ...
        self._busy_at = 0.0  # ... as it was then
        self._late = False

    def press(self, octets: int = 0) -> None:
        """Note that a client waits for its 250 over a mail of so many octets."""
        self._keep_quiet(QUIET + octets * SENDING)

    def answer(self, octets: int) -> None:
        """Note that clients got their 250, the largest mail of them over so many octets."""
        self._keep_quiet(ANSWERED + octets * SENDING)

    def _keep_quiet(self, seconds: float) -> None:
        self._pressed_until = max(self._pressed_until, self.clock() + min(seconds, LONGEST_QUIET))

    def lag(self, seconds: float) -> None:
        """Note how long the mail had waited that judging has come to."""
        self._late = seconds > LATE

    def serve(self, seconds: float) -> None:
        """Note how long one of the writers worked for clients, with its commit unless judging shared it."""
        self._busy, self._busy_at = self._still_busy() + seconds / MEMORY / self._writers, self.clock()

    def _still_busy(self) -> float:
        return self._busy * math.exp((self._busy_at - self.clock()) / MEMORY)

    @property
    def pause(self) -> float:
        """Return how many times as long as it took judging rests now, while mails come in."""
        if self._late:
            return LATE_PAUSE
        return max(LEAST_PAUSE, PAUSE * min(1.0, self._still_busy() / BUSY))

    def rest(self, seconds: float) -> None:
        """Note how long judging had a writer, with its commit, or a processor."""
        now = self.clock()
        rest = max(0.0, self._resting_until - now) + seconds * self.pause
        self._resting_until = now + min(rest, LONGEST_REST)

    def reads(self, mails: int, octets: int) -> None:
        """Note that mails go to the parser processes, which take processors from those that take mail."""
        self.rest(mails * READING_MAIL + octets * READING_OCTET)

    def bite(self, mails: int, octets: int) -> tuple[int, int]:
        """Return how many mails and octets, of so many, judging may take in hand: while mails come in, not all it can.

        What was taken is read at once, however long judging rests then.
        """
        if not self.pressed():
            return mails, octets
        return min(mails, round(BITE / READING_MAIL)), min(octets, round(BITE / READING_OCTET))

    def pressed(self) -> bool:
        """Tell whether mails come in."""
        return self._pressed_until > self.clock()

    def wait(self, judging: int = 0) -> float:
        """Return in how many seconds one more thread may judge, if no more mails come in; 0 if it may now.

        `judging` threads do already: while mails come in, one is enough.
        """
        until = self._pressed_until if judging else min(self._pressed_until, self._resting_until)
        return max(0.0, until - self.clock())
