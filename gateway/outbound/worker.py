"""The outbound worker of one channel: claim, compose and sign once, send, record. Read `ChannelWorker.round` first.

Each channel has a worker of its own, so that none ever waits for another. The attempt is counted before we dial, the
signed octets are durable before they leave, and what a server said is recorded until it is recorded: the only mail
that may go out twice is one whose final dot was sent and whose answer nobody saw, and then with the same octets (I8).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.errors import NotSendable, PoterneError
from gateway.mail.token import TokenKeys, bounce_address, fits
from gateway.model import ClaimedDelivery, DeliveryId, DeliveryResult, Outcome
from gateway.outbound.health import Health, Rate
from gateway.outbound.schedule import settle
from gateway.outbound.signer import Signer
from gateway.ports import Channel, Clock, Outbox
from gateway.telemetry import failpoint, metrics
from gateway.telemetry.log import get_logger

LEASE = timedelta(minutes=2)
POLL = timedelta(seconds=15)  # other nodes queue for our channels, too, and cannot wake us
TROUBLE_PAUSE = 2.0  # seconds between tries while the store does not answer
BATCH = 50  # deliveries put off together while a channel is down
PREFETCH = 4  # deliveries in hand per connection: one on the wire, the others being written and signed

_EVENTS = {
    Outcome.SENT: "outbound.sent",
    Outcome.DEFERRED: "outbound.deferred",
    Outcome.FAILED: "outbound.failed",
    Outcome.UNKNOWN: "outbound.unknown",
}


@dataclass(frozen=True, slots=True)
class Desk:
    """What all workers share."""

    outbox: Outbox
    signer: Signer
    clock: Clock
    keys: TokenKeys
    bounce_homes: Mapping[str, str]  # by queue: the creation address that bounces come back to
    chance: Callable[[], float]  # in [0, 1); the worker's only randomness
    soft_bounce: bool = False


class ChannelWorker:
    """Sends what is due on one channel. `run` for the daemon; tests call `round` and `settled` themselves."""

    def __init__(
        self, name: str, channel: Channel, desk: Desk, *, connections: int = 4, rate: Rate | None = None
    ) -> None:
        self.name = name
        self.health = Health(connections)
        self._channel = channel
        self._desk = desk
        self._rate = rate
        self._paused = False
        self._stopping = False
        self._recovered = False
        self._wake = asyncio.Event()
        self._sending: dict[asyncio.Task[None], ClaimedDelivery] = {}
        self._dialling = 0
        self._slot_free = asyncio.Condition()
        self._log = get_logger()

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
                    self._log.warning("outbound.trouble", channel=self.name, because=str(error))
                    again = self._now() + timedelta(seconds=TROUBLE_PAUSE)
                await self._rest(again)
            await self.settled()
        finally:
            heartbeat.cancel()
            for task in self._sending:  # their leases run out; what was not recorded is sent again, the same octets
                task.cancel()
            await asyncio.gather(heartbeat, *self._sending, return_exceptions=True)
            await self._channel.close()

    async def round(self) -> datetime:
        """Start sending what is due and fits; return when to look again."""
        now = self._now()
        later = now + POLL
        if self._paused:
            return later
        if self.health.rests(now):
            return min(self.health.until or later, later)
        room = self._rate.room(now) if self._rate is not None else BATCH
        if self._rate is not None and not room:
            return self._rate.free_at(now)
        if self.health.down:
            return await self._probe(later)
        window = self.health.permits * PREFETCH
        free = window - len(self._sending)
        if free * 2 < window:  # claim several at once; whoever ends wakes us
            return later
        wanted = min(free, room)
        claims = await self._claim(wanted)
        for delivery in claims:
            self._start(delivery)
        if len(claims) == wanted:
            return now
        due = await self._desk.outbox.next_due(self.name)
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
        while claims := await self._claim(BATCH):
            for delivery in claims:
                await self._record(delivery, self._not_tried())
            self._log.info("outbound.put-off", channel=self.name, count=len(claims), because=self.health.because)
        return self.health.until or self._now()

    async def _claim(self, limit: int) -> list[ClaimedDelivery]:
        claims = list(await self._desk.outbox.claim_deliveries(self.name, limit, LEASE))
        if claims:
            failpoint.reach("outbound.claimed")
        return claims

    async def _rest(self, until: datetime) -> None:
        """Sleep until then, or until somebody calls `wake`."""
        seconds = (until - self._now()).total_seconds()
        if seconds > 0:
            # Not wait_for(): before Python 3.12 it loses a cancellation that meets the event.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._wake.wait()

    def _start(self, delivery: ClaimedDelivery) -> asyncio.Task[None]:
        if self._rate is not None:
            self._rate.spend(self._now())
        task = asyncio.create_task(self._deliver(delivery))
        self._sending[task] = delivery
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._sending.pop(task, None)
        self.wake()
        if not task.cancelled() and (error := task.exception()) is not None:
            # The lease runs out and the delivery is tried again: nothing is lost, and the worker lives.
            self._log.error("outbound.trouble", channel=self.name, because=repr(error), exc_info=error)

    async def settled(self) -> None:
        """Wait until nothing is being sent."""
        while self._sending:
            await asyncio.wait(list(self._sending))

    # --- one delivery -----------------------------------------------------------------------------------------

    async def _deliver(self, delivery: ClaimedDelivery) -> None:
        began = self._now()
        result, dialled = await self._attempt(delivery)
        failpoint.reach("outbound.before-record")
        if self._rate is not None and (result.channel_down or not dialled):
            self._rate.refund()
        # Who found the channel down looks again when it may be used: there is a probe even if nothing else is due.
        by = self.health.until if dialled and result.channel_down else None
        await self._record(delivery, result, by, dialled=dialled)
        metrics.SEND_SECONDS.labels(self.name).observe((self._now() - began).total_seconds())
        if self._recovered:
            self._recovered = False
            await self._desk.outbox.hasten(self.name)

    async def _attempt(self, delivery: ClaimedDelivery) -> tuple[DeliveryResult, bool]:
        """Return what became of one attempt, whatever happens in it, and whether the channel was asked."""
        try:
            content = delivery.content or await self._write(delivery)
        except NotSendable as error:
            return DeliveryResult(Outcome.FAILED, 0, f"5.6.0 this cannot be sent: {error}"), False
        except Exception as error:  # a fault of ours never fails a mail; it waits and is tried again
            self._log.exception("outbound.trouble", channel=self.name, delivery=delivery.delivery_id)
            return DeliveryResult(Outcome.DEFERRED, 0, f"a fault of ours: {type(error).__name__}; see the log"), False
        failpoint.reach("outbound.signed")
        async with self._slot_free:
            await self._slot_free.wait_for(lambda: self._dialling < self.health.permits)
            self._dialling += 1
        try:
            return await self._dial(delivery, content)
        finally:
            self._dialling -= 1
            async with self._slot_free:
                self._slot_free.notify_all()

    async def _dial(self, delivery: ClaimedDelivery, content: bytes) -> tuple[DeliveryResult, bool]:
        """Hand the mail to the channel, and note how the channel is doing."""
        dialled = not self.health.rests(self._now())  # it may have gone down while this one waited for its turn
        if dialled:
            (result,) = await self._channel.send(self._envelope_from(delivery), [delivery.recipient], content)
            self._note_health(result)
        else:
            result = self._not_tried()
        return result, dialled

    async def _write(self, delivery: ClaimedDelivery) -> bytes:
        """Compose and sign, and make the octets durable before they leave. The first ones stored are the ones sent."""
        content = await self._desk.signer.write(delivery.draft, delivery.queued_at, self._now())
        return await self._desk.outbox.keep_content(delivery.outgoing_id, content)

    def _envelope_from(self, delivery: ClaimedDelivery) -> str:
        """Return the envelope sender.

        Automatic mail has the null sender (RFC 3834 §3.3, RFC 5230 §5.1): nobody shall answer it, not even a mail
        server. A reply has a bounce token of its own per delivery, so that a bounce names what it is about (VERP).
        """
        if delivery.draft.kind.automatic:
            return ""
        home = self._desk.bounce_homes.get(delivery.draft.queue, "")
        if not home or not fits(home):
            return delivery.draft.from_.address
        return bounce_address(self._desk.keys, home, delivery.delivery_id)

    async def _record(
        self, delivery: ClaimedDelivery, result: DeliveryResult, by: datetime | None = None, *, dialled: bool = False
    ) -> None:
        """Record the result, until it is recorded: a mail that was sent must not be sent again because of us.

        With `by`, it is tried again then, if the table would have it wait longer.
        """
        desk = self._desk
        verdict = settle(delivery, result, self._now(), desk.chance(), soft_bounce=desk.soft_bounce)
        retry_at = min(verdict.retry_at, by) if verdict.retry_at and by else verdict.retry_at
        held = None
        while held is None:
            try:
                held = await desk.outbox.record_delivery(delivery, verdict.result, retry_at, verdict.note)
            except PoterneError as error:
                self._log.warning("outbound.trouble", channel=self.name, because=str(error))
                await asyncio.sleep(TROUBLE_PAUSE)
        metrics.DELIVERIES.labels(self.name, str(verdict.result.outcome)).inc()
        if verdict.result.outcome is Outcome.SENT:
            metrics.succeeded("send")
        if dialled or verdict.result.outcome is Outcome.FAILED:
            self._tell(delivery, verdict.result, retry_at, held=held)

    def _tell(
        self, delivery: ClaimedDelivery, result: DeliveryResult, retry_at: datetime | None, *, held: bool
    ) -> None:
        self._log.info(
            _EVENTS[result.outcome] if held else "outbound.stolen",
            channel=self.name,
            delivery=delivery.delivery_id,
            outgoing=delivery.outgoing_id,
            ticket=delivery.ticket_id,
            session=delivery.session or None,
            recipient=delivery.recipient,
            attempt=delivery.attempt,
            retry_at=retry_at,
            because=result.text,
        )

    # --- the channel ------------------------------------------------------------------------------------------

    def _note_health(self, result: DeliveryResult) -> None:
        if result.channel_down:
            if self.health.failed(self._now(), result.text):
                metrics.CHANNEL_DOWN.labels(self.name).set(1)
                self._log.warning("channel.down", channel=self.name, because=result.text)
        elif result.code and self.health.worked():  # the server answered; a fault of ours says nothing about it
            self._recovered = True
            metrics.CHANNEL_DOWN.labels(self.name).set(0)
            self._log.info("channel.up", channel=self.name)

    def _not_tried(self) -> DeliveryResult:
        text = f"not tried, the channel is down: {self.health.because}"
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
                await self._desk.outbox.extend_lease(deliveries, token, LEASE)
            except PoterneError as error:
                self._log.warning("outbound.trouble", channel=self.name, because=str(error))

    # --- from outside -----------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Look again at once: something was queued."""
        self._wake.set()

    @property
    def paused(self) -> bool:
        return self._paused

    def pause(self) -> None:
        """Claim nothing until `resume`; what is being sent finishes."""
        self._paused = True
        self._log.info("channel.paused", channel=self.name)

    def resume(self) -> None:
        """Send again."""
        self._paused = False
        self._log.info("channel.resumed", channel=self.name)
        self.wake()

    def stop(self) -> None:
        """Claim nothing more; `run` returns once what is being sent is finished."""
        self._stopping = True
        self.wake()

    def _now(self) -> datetime:
        return self._desk.clock.now()
