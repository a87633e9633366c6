"""Hands over what waits on one way out, mail or event: claim, hand over, record. Read `Courier.round` first.

One courier per channel and per webhook; each with its own tasks, connections and state, so that none ever waits for
another (I9). The attempt is counted in the store before anything is dialled, and recorded after; who comes too late
with a result, because another node took over, finds that its fencing token is old.
"""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from prometheus_client import Counter, Gauge, Histogram

from gateway.errors import NotSendable, PoterneError
from gateway.model import DeliveryId, DeliveryResult, Outcome
from gateway.outbound.health import Health
from gateway.outbound.schedule import settle
from gateway.outbound.slots import Slots
from gateway.ports import Claimed, Clock, Deliveries
from gateway.telemetry import failpoint, metrics
from gateway.telemetry.log import get_logger

C = TypeVar("C", bound=Claimed)

LEASE = timedelta(minutes=2)
POLL = timedelta(seconds=15)  # other nodes queue for our ways out, too, and cannot wake us
TROUBLE_PAUSE = 2.0  # seconds between tries while the store does not answer
BATCH = 50  # deliveries put off together while their way out is down
PREFETCH = 4  # deliveries in hand per connection: one on the wire, the others being written and signed


@dataclass(frozen=True, slots=True)
class Signs:
    """Under which names a kind of courier shows in log, metrics and fail-points what it does."""

    label: str  # of the courier's name
    outcomes: Mapping[Outcome, str]
    stolen: str
    trouble: str
    put_off: str
    down: str
    up: str
    claimed: str  # fail-points
    before_record: str
    deliveries: Counter
    seconds: Histogram
    is_down: Gauge
    stage: str


@dataclass(frozen=True, slots=True)
class Means(Generic[C]):
    """What every courier needs of the outside."""

    outbox: Deliveries[C]
    clock: Clock
    chance: Callable[[], float]  # in [0, 1); a courier's only randomness
    soft_bounce: bool = False


class Courier(ABC, Generic[C]):
    """Hands over what is due on one way out. `run` for the daemon; tests call `round` and `settled` themselves."""

    signs: Signs

    def __init__(self, name: str, means: Means[C], *, connections: int) -> None:
        self.name = name
        self.health = Health(connections)
        self._means = means
        self._stopping = False
        self._fresh = True  # nothing came through since we started: what an earlier outage put off may still wait
        self._recovered = False
        self._wake = asyncio.Event()
        self._sending: dict[asyncio.Task[None], C] = {}
        self._unrecorded = 0  # results that the store has not taken
        self._slots = Slots(lambda: 0 if self._unrecorded else self.health.permits)
        self._log = get_logger()
        self._named = {self.signs.label: name}
        self._seconds = self.signs.seconds.labels(name)
        self._ended_as = {outcome: self.signs.deliveries.labels(name, str(outcome)) for outcome in Outcome}

    # --- what differs -----------------------------------------------------------------------------------------

    @abstractmethod
    async def _prepare(self, delivery: C) -> bytes:
        """Return the octets to hand over: the same in every attempt. Raises NotSendable."""

    @abstractmethod
    async def _hand_over(self, delivery: C, content: bytes) -> DeliveryResult:
        """Hand over once. Never raises for what the far side says or does."""

    @abstractmethod
    async def _close(self) -> None:
        """Let go of what was kept open."""

    def _facts(self, delivery: C) -> Mapping[str, Any]:
        """Return what the log says of a delivery besides its number, attempt and outcome."""
        return {"ticket": delivery.ticket_id}

    async def _take(self, limit: int, *, to_send: bool) -> Sequence[C]:  # noqa: ARG002 - some ways out have limits
        """Claim what is due, to send it or only to put it off."""
        return await self._means.outbox.claim_deliveries(self.name, limit, LEASE)

    async def _next_due(self) -> datetime | None:
        """Tell when there is something to claim."""
        return await self._means.outbox.next_due(self.name)

    # --- the loop ---------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Send until told to stop, then finish what is being sent. Trouble with the store is waited out."""
        heartbeat = asyncio.create_task(self._keep_leases())
        try:
            while not self._stopping:
                self._wake.clear()
                try:
                    again = await self.round()
                except PoterneError as error:
                    self._log.warning(self.signs.trouble, **self._named, because=str(error))
                    again = self._now() + timedelta(seconds=TROUBLE_PAUSE)
                await self._rest(again)
            await self.settled()
        finally:
            heartbeat.cancel()
            for task in self._sending:  # their leases run out; what was not recorded is sent again, the same octets
                task.cancel()
            await asyncio.gather(heartbeat, *self._sending, return_exceptions=True)
            await self._close()

    async def round(self) -> datetime:
        """Start sending what is due and fits; return when to look again."""
        now = self._now()
        later = now + POLL
        if self.health.rests(now):
            return min(self.health.until or later, later)
        if self.health.down:
            return await self._probe(later)
        window = self.health.permits * PREFETCH
        free = window - len(self._sending)
        if free * 2 < window:  # claim several at once; whoever ends wakes us
            return later
        claims = await self._claim(free)
        for delivery in claims:
            self._start(delivery)
        if len(claims) == free:
            return now
        due = await self._next_due()
        return min(due, later) if due is not None else later

    async def _probe(self, later: datetime) -> datetime:
        """Try one delivery on a channel that is down. While it stays down, what is due is put off, and not dialled."""
        claims = await self._claim(1)
        if not claims:
            return later
        failures = self.health.failures
        await asyncio.wait([self._start(claims[0])])
        if self.health.failures <= failures:  # it works again, or this one was never dialled
            return self._now()
        while claims := await self._claim(BATCH, to_send=False):
            await asyncio.gather(*(self._record(delivery, self._not_tried()) for delivery in claims))
            self._log.info(self.signs.put_off, **self._named, count=len(claims), because=self.health.because)
        return self.health.until or self._now()

    async def _claim(self, limit: int, *, to_send: bool = True) -> list[C]:
        claims = list(await self._take(limit, to_send=to_send))
        if claims:
            failpoint.reach(self.signs.claimed)
        return claims

    async def _rest(self, until: datetime) -> None:
        """Sleep until then, or until somebody calls `wake`."""
        seconds = (until - self._now()).total_seconds()
        if seconds > 0:
            # Not wait_for(): before Python 3.12 it loses a cancellation that meets the event.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._wake.wait()

    def _start(self, delivery: C) -> asyncio.Task[None]:
        task = asyncio.create_task(self._deliver(delivery))
        self._sending[task] = delivery
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._sending.pop(task, None)
        self.wake()
        if not task.cancelled() and (error := task.exception()) is not None:
            # The lease runs out and the delivery is tried again: nothing is lost, and the worker lives.
            self._log.error(self.signs.trouble, **self._named, because=repr(error), exc_info=error)

    async def settled(self) -> None:
        """Wait until nothing is being sent."""
        while self._sending:
            await asyncio.wait(list(self._sending))

    # --- one delivery -----------------------------------------------------------------------------------------

    async def _deliver(self, delivery: C) -> None:
        began = self._now()
        prepared = await self._prepared(delivery)
        # The place is kept until the result is recorded: no more than there are places can go out twice after a crash.
        async with self._slots:
            if isinstance(prepared, DeliveryResult):
                result, dialled = prepared, False
            else:
                result, dialled = await self._dial(delivery, prepared)
            failpoint.reach(self.signs.before_record)
            # Who found the channel down looks again when it may be used: there is a probe even if nothing else is due.
            by = self.health.until if dialled and result.channel_down else None
            await self._record(delivery, result, by, dialled=dialled)
        self._seconds.observe((self._now() - began).total_seconds())
        if self._recovered:
            await self._means.outbox.hasten(self.name)
            self._recovered = False  # not before: without a store the next one tries again

    async def _prepared(self, delivery: C) -> bytes | DeliveryResult:
        """Return the octets to hand over, or what became of the attempt if there are none."""
        try:
            return await self._prepare(delivery)
        except NotSendable as error:
            return DeliveryResult(Outcome.FAILED, 0, f"5.6.0 this cannot be sent: {error}")
        except Exception as error:  # a fault of ours never fails a mail; it waits and is tried again
            self._log.exception(self.signs.trouble, **self._named, delivery=delivery.delivery_id)
            return DeliveryResult(Outcome.DEFERRED, 0, f"a fault of ours: {type(error).__name__}; see the log")

    async def _dial(self, delivery: C, content: bytes) -> tuple[DeliveryResult, bool]:
        """Hand the mail to the channel, and note how the channel is doing."""
        dialled = not self.health.rests(self._now())  # it may have gone down while this one waited for its turn
        if dialled:
            result = await self._hand_over(delivery, content)
            self._note_health(result)
        else:
            result = self._not_tried()
        return result, dialled

    async def _record(
        self, delivery: C, result: DeliveryResult, by: datetime | None = None, *, dialled: bool = False
    ) -> None:
        """Record the result, until it is recorded: a mail that was sent must not be sent again because of us.

        With `by`, it is tried again then, if the table would have it wait longer.
        """
        means = self._means
        verdict = settle(delivery, result, self._now(), means.chance(), soft_bounce=means.soft_bounce)
        retry_at = min(verdict.retry_at, by) if verdict.retry_at and by else verdict.retry_at
        held = await self._record_surely(delivery, verdict.result, retry_at, verdict.note)
        self._ended_as[verdict.result.outcome].inc()
        if verdict.result.outcome is Outcome.SENT:
            metrics.succeeded(self.signs.stage)
        if dialled or verdict.result.outcome is Outcome.FAILED:
            self._tell(delivery, verdict.result, retry_at, held=held)

    async def _record_surely(self, delivery: C, result: DeliveryResult, retry_at: datetime | None, note: str) -> bool:
        """Offer a result until the store takes it. Nothing more is dialled meanwhile: a crash would send it again."""
        trouble = 0
        try:
            while True:
                try:
                    return await self._means.outbox.record_delivery(delivery, result, retry_at, note)
                except PoterneError as error:
                    self._unrecorded += not trouble
                    trouble += 1
                    self._log.warning(self.signs.trouble, **self._named, because=str(error))
                    await asyncio.sleep(TROUBLE_PAUSE)
        finally:
            self._unrecorded -= bool(trouble)
            self._slots.look()

    def _tell(self, delivery: C, result: DeliveryResult, retry_at: datetime | None, *, held: bool) -> None:
        self._log.info(
            self.signs.outcomes[result.outcome] if held else self.signs.stolen,
            **self._named,
            **self._facts(delivery),
            delivery=delivery.delivery_id,
            attempt=delivery.attempt,
            retry_at=retry_at,
            because=result.text,
        )

    # --- the channel ------------------------------------------------------------------------------------------

    def _note_health(self, result: DeliveryResult) -> None:
        if result.channel_down:
            if self.health.failed(self._now(), result.text, result.wait):
                self.signs.is_down.labels(self.name).set(1)
                self._log.warning(self.signs.down, **self._named, because=result.text)
        elif result.code:  # the server answered; a fault of ours says nothing about it
            was_down = self.health.worked()
            self._recovered |= was_down or self._fresh
            self._fresh = False
            if was_down:
                self.signs.is_down.labels(self.name).set(0)
                self._log.info(self.signs.up, **self._named)

    def _not_tried(self) -> DeliveryResult:
        text = f"not tried, the {self.signs.label} is down: {self.health.because}"
        return DeliveryResult(Outcome.DEFERRED, 0, text, channel_down=True)

    async def _keep_leases(self) -> None:
        """Extend what is still being sent, so that no other node takes it over meanwhile."""
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 3)
            await self.extend_leases()

    async def extend_leases(self) -> None:
        """Extend the lease of everything that is being sent now."""
        by_token: dict[int, list[DeliveryId]] = {}
        for delivery in self._sending.values():
            by_token.setdefault(delivery.token, []).append(delivery.delivery_id)
        for token, deliveries in by_token.items():
            try:
                await self._means.outbox.extend_lease(deliveries, token, LEASE)
            except PoterneError as error:
                self._log.warning(self.signs.trouble, **self._named, because=str(error))

    # --- from outside -----------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Look again at once: something was queued."""
        self._wake.set()

    def stop(self) -> None:
        """Claim nothing more; `run` returns once what is being sent is finished."""
        self._stopping = True
        self.wake()

    def _now(self) -> datetime:
        return self._means.clock.now()
