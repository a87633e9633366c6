"""What all sessions of one listener share: the port to the pipeline, the limits, the words, the budget, the ids."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from gateway.config.settings import Limits
from gateway.lmtp.budget import Budget
from gateway.lmtp.replies import Reply, Wording
from gateway.model import Envelope, IntakeId, Route
from gateway.telemetry.log import get_logger
from gateway.telemetry.metrics import LMTP_REPLIES, reply_class

if TYPE_CHECKING:
    from gateway.lmtp.connection import Connection

Router = Callable[[str], Route | None]


class Taker(Protocol):
    """The port behind the listener: takes responsibility for a mail, durably, before it returns.

    One result per envelope, in order: the intake's id, or the error that kept this recipient out. An exception means
    that nobody got in.
    """

    async def __call__(
        self, raw: bytes, envelopes: Sequence[Envelope], routes: Sequence[Route]
    ) -> Sequence[IntakeId | Exception]:
        """Make the mail durable for every envelope."""


class House:
    """The shared things of one listener. `route` may be replaced while it runs (a reload of the configuration)."""

    def __init__(
        self,
        take: Taker,
        route: Router,
        limits: Limits,
        *,
        host: str,
        soft_bounce: bool = False,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.take = take
        self.route = route
        self.limits = limits
        self.host = host
        self.now = now
        self.words = Wording(host, soft_bounce=soft_bounce)
        self.budget = Budget(limits.bytes_in_flight)
        self.sessions: set[Connection] = set()
        self.stopping = False
        self.all_gone = asyncio.Event()
        self.log = get_logger().bind()
        self._numbers = itertools.count(1)
        self._run = secrets.token_hex(4)
        self._replies: Counter[tuple[str, Reply]] = Counter()

    def new_id(self) -> str:
        """Return the id that follows one mail from MAIL to delivery; unique over restarts and nodes."""
        return f"{self._run}-{next(self._numbers):x}"

    def leave(self, session: Connection) -> None:
        """Let a session go that has ended."""
        self.sessions.discard(session)
        if not self.sessions:
            self.all_gone.set()

    def count(self, command: str, reply: Reply) -> None:
        """Count one reply. It shows in the metrics after the next `publish`: a labelled counter is slow to raise."""
        self._replies[command, reply] += 1

    def publish(self) -> None:
        """Add what was counted to the metrics."""
        for (command, reply), times in self._replies.items():
            LMTP_REPLIES.labels(command, reply_class(self.words.code(reply))).inc(times)
        self._replies.clear()
