"""For tests of the outbound worker: an outbox in memory, a clock that is turned by hand, a channel that obeys."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from gateway.errors import StorageUnavailable
from gateway.model import (
    ClaimedDelivery,
    DeliveryId,
    DeliveryResult,
    DeliveryState,
    Draft,
    Outcome,
    OutgoingId,
    TicketId,
)
from gateway.outbound.signer import Signer
from gateway.outbound.worker import ChannelWorker
from gateway.ports import Outbox
from tests.conftest import MovableClock
from tests.support.drafts import make_draft

START = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


class RunningClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass
class Kept:
    """One delivery as the outbox holds it."""

    delivery: ClaimedDelivery
    due: datetime
    state: DeliveryState = DeliveryState.QUEUED
    lease_until: datetime | None = None
    results: list[tuple[datetime, DeliveryResult]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unrecorded: bool = False
    channel_down: bool = False

    @property
    def ages(self) -> list[timedelta]:
        """Return how old the delivery was at each recorded attempt."""
        return [at - self.delivery.queued_at for at, _ in self.results]


class MemoryOutbox:
    """Implements ports.Outbox without durability."""

    def __init__(self, clock) -> None:
        self.clock = clock
        self.rows: dict[int, Kept] = {}
        self.contents: dict[int, bytes] = {}
        self.claims = 0
        self.extended: list[tuple[tuple[DeliveryId, ...], int]] = []
        self.broken = 0  # so many calls of record_delivery fail
        self._token = 0

    def put(self, number: int, channel: str = "relay", draft: Draft | None = None, **changes) -> Kept:
        """Queue a delivery; its outgoing has the same number."""
        draft = draft or make_draft(number)
        plain = ClaimedDelivery(
            DeliveryId(number), OutgoingId(number), TicketId(1042), channel, draft.recipients[0], draft.message_id,
            self.clock.now(), 0, 0, draft,
        )  # fmt: skip
        self.rows[number] = Kept(replace(plain, **changes), self.clock.now())
        return self.rows[number]

    async def claim_deliveries(
        self, channel: str, limit: int, lease: timedelta, allowances: Sequence[tuple[int, timedelta]] = ()
    ) -> Sequence[ClaimedDelivery]:
        await asyncio.sleep(0)
        now = self.clock.now()
        for most, window in allowances:
            limit = min(limit, most - len(self._counted(window)))
        if limit <= 0:
            return []
        self._token += 1
        due = [
            row
            for row in self.rows.values()
            if row.delivery.channel == channel and row.state is DeliveryState.QUEUED and row.due <= now
            and (row.lease_until is None or row.lease_until <= now)
        ]  # fmt: skip
        taken = []
        for row in sorted(due, key=lambda row: (row.due, row.delivery.delivery_id))[:limit]:
            dots = row.delivery.dots + row.unrecorded
            content = self.contents.get(row.delivery.outgoing_id)
            row.delivery = replace(
                row.delivery, attempt=row.delivery.attempt + 1, token=self._token, content=content, dots=dots
            )
            row.lease_until, row.unrecorded = now + lease, True
            taken.append(row.delivery)
        self.claims += len(taken)
        return taken

    async def keep_content(self, outgoing_id: OutgoingId, content: bytes) -> bytes:
        await asyncio.sleep(0)
        return self.contents.setdefault(outgoing_id, content)

    async def record_delivery(
        self, delivery: ClaimedDelivery, result: DeliveryResult, retry_at: datetime | None, note: str = ""
    ) -> bool:
        if self.broken:
            self.broken -= 1
            raise StorageUnavailable("the database is away")
        row = self.rows[delivery.delivery_id]
        if row.delivery.token != delivery.token or row.lease_until is None:
            return False
        assert (retry_at is None) == (result.outcome in {Outcome.SENT, Outcome.FAILED})
        row.results.append((self.clock.now(), result))
        row.lease_until, row.unrecorded, row.channel_down = None, False, result.channel_down
        row.delivery = replace(row.delivery, dots=row.delivery.dots + (result.outcome is Outcome.UNKNOWN))
        if note:
            row.notes.append(note)
        if retry_at is None:
            row.state = DeliveryState.SENT if result.outcome is Outcome.SENT else DeliveryState.FAILED
        else:
            row.due = retry_at
            row.delivery = replace(row.delivery, warned=row.delivery.warned or bool(note))
        return True

    async def extend_lease(self, deliveries: Sequence[DeliveryId], token: int, lease: timedelta) -> None:
        self.extended.append((tuple(deliveries), token))
        for number in deliveries:
            if self.rows[number].delivery.token == token:
                self.rows[number].lease_until = self.clock.now() + lease

    def _counted(self, window: timedelta) -> list[datetime]:
        """Return when attempts ended that count against an allowance; those under way end now."""
        now = self.clock.now()
        ended = [at for row in self.rows.values() for at, result in row.results if result.code and at > now - window]
        return sorted([*ended, *(now for row in self.rows.values() if row.lease_until is not None)])

    async def next_due(self, channel: str, allowances: Sequence[tuple[int, timedelta]] = ()) -> datetime | None:
        waiting = [
            max(row.due, row.lease_until or row.due)
            for row in self.rows.values()
            if row.delivery.channel == channel and row.state is DeliveryState.QUEUED
        ]
        full = [counted[-most] + window for most, window in allowances if len(counted := self._counted(window)) >= most]
        return max([min(waiting), *full]) if waiting else None

    async def hasten(self, channel: str) -> int:
        now, count = self.clock.now(), 0
        for row in self.rows.values():
            if row.delivery.channel == channel and row.state is DeliveryState.QUEUED and row.channel_down:
                row.due, row.channel_down, count = min(row.due, now), False, count + 1
        return count

    async def away(self, channel: str) -> int:
        """Stand in for a call while there is no store."""
        raise StorageUnavailable(f"the database is away, and so is {channel}")

    def states(self) -> dict[str, int]:
        """Count deliveries by state."""
        found: dict[str, int] = defaultdict(int)
        for row in self.rows.values():
            found[str(row.state)] += 1
        return dict(found)


@dataclass
class Sent:
    """What a channel was asked to send."""

    at: datetime
    envelope_from: str
    recipients: tuple[str, ...]
    content: bytes


class QuickSigner(Signer):
    """Writes without a thread, so that tests with a turned clock do not wait for one."""

    async def write(self, draft: Draft, composed_at: datetime, signed_at: datetime) -> bytes:
        return self.write_now(draft, composed_at, signed_at)


TAKEN = DeliveryResult(Outcome.SENT, 250, "250 2.0.0 taken", dot_sent=True)
LATER = DeliveryResult(Outcome.DEFERRED, 451, "451 4.7.1 later")
REFUSED = DeliveryResult(Outcome.FAILED, 550, "550 5.1.1 no such user")
LOST = DeliveryResult(Outcome.UNKNOWN, 0, "no answer after the mail was sent", dot_sent=True)
BUSY = DeliveryResult(Outcome.DEFERRED, 421, "421 4.3.2 closing", channel_down=True)
GONE = DeliveryResult(Outcome.DEFERRED, 0, "no connection", channel_down=True)


class ScriptedChannel:
    """Implements ports.Channel: gives the answers in turn, the last one for ever; `hang` makes it never answer."""

    def __init__(self, *answers: DeliveryResult, clock=None, hang: bool = False) -> None:
        self.answers = list(answers) or [TAKEN]
        self.clock = clock or MovableClock(START)
        self.hang = hang
        self.sent: list[Sent] = []
        self.closed = False
        self.at_once = self.most_at_once = 0
        self.on_send: Callable[[], None] = lambda: None

    async def send(self, envelope_from: str, recipients: Sequence[str], content: bytes) -> Sequence[DeliveryResult]:
        self.sent.append(Sent(self.clock.now(), envelope_from, tuple(recipients), content))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            self.on_send()
            if self.hang:
                await asyncio.sleep(3600)
            await asyncio.sleep(0)
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            return [answer for _ in recipients]
        finally:
            self.at_once -= 1

    async def close(self) -> None:
        self.closed = True


async def play(worker: ChannelWorker, outbox: Outbox, clock: MovableClock, end: datetime) -> None:
    """Let a worker work until then, moving the clock to whatever comes next."""
    while True:
        again = await worker.round()
        await worker.settled()
        due = await outbox.next_due(worker.name, worker.rates)
        if due is None:
            break
        if again > clock.moment:
            if worker.health.rests(clock.moment) and worker.health.until:
                again = worker.health.until
            again = max(again, due)
        if again > end:
            break
        clock.moment = max(again, clock.moment)
    clock.moment = end
