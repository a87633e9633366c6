"""The outbound worker of one channel: claim, compose and sign once, send, record. Read `ChannelWorker.round` first.

Each channel has a worker of its own, so that none ever waits for another. The attempt is counted before we dial, the
signed octets are durable before they leave, and what a server said is recorded until it is recorded: the only mail
that may go out twice is one whose final dot was sent and whose answer nobody saw, and then with the same octets (I8).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from gateway.mail.token import TokenKeys, bounce_address, fits
from gateway.model import ClaimedDelivery, DeliveryResult, Outcome
from gateway.outbound.courier import LEASE, Courier, Means, Signs
from gateway.outbound.signer import Signer
from gateway.ports import Channel, Clock, Outbox
from gateway.telemetry import failpoint, metrics

Rate = tuple[int, timedelta]
"""At most so many mails in any time of that length: a sliding window, not buckets of the calendar."""

SIGNS = Signs(
    label="channel",
    outcomes={
        Outcome.SENT: "outbound.sent",
        Outcome.DEFERRED: "outbound.deferred",
        Outcome.FAILED: "outbound.failed",
        Outcome.UNKNOWN: "outbound.unknown",
    },
    stolen="outbound.stolen",
    trouble="outbound.trouble",
    put_off="outbound.put-off",
    down="channel.down",
    up="channel.up",
    claimed="outbound.claimed",
    before_record="outbound.before-record",
    deliveries=metrics.DELIVERIES,
    seconds=metrics.SEND_SECONDS,
    is_down=metrics.CHANNEL_DOWN,
    stage="send",
)


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


class ChannelWorker(Courier[ClaimedDelivery]):
    """Sends the mail that is due on one channel."""

    signs = SIGNS

    def __init__(
        self, name: str, channel: Channel, desk: Desk, *, connections: int = 4, rates: Sequence[Rate] = ()
    ) -> None:
        means = Means(desk.outbox, desk.clock, desk.chance, soft_bounce=desk.soft_bounce)
        super().__init__(name, means, connections=connections)
        self._channel = channel
        self._desk = desk
        self.rates = tuple(rates)

    async def _take(self, limit: int, *, to_send: bool) -> Sequence[ClaimedDelivery]:
        rates = self.rates if to_send else ()  # what is put off does not reach the server
        return await self._desk.outbox.claim_deliveries(self.name, limit, LEASE, rates)

    async def _next_due(self) -> datetime | None:
        return await self._desk.outbox.next_due(self.name, self.rates)

    async def _prepare(self, delivery: ClaimedDelivery) -> bytes:
        """Return the signed octets; the first ones stored are the ones sent, in every attempt (I8)."""
        content = delivery.content or await self._write(delivery)
        failpoint.reach("outbound.signed")
        return content

    async def _write(self, delivery: ClaimedDelivery) -> bytes:
        """Compose and sign, and make the octets durable before they leave. The first ones stored are the ones sent."""
        content = await self._desk.signer.write(delivery.draft, delivery.queued_at, self._now())
        return await self._desk.outbox.keep_content(delivery.outgoing_id, content)

    async def _hand_over(self, delivery: ClaimedDelivery, content: bytes) -> DeliveryResult:
        (result,) = await self._channel.send(self._envelope_from(delivery), [delivery.recipient], content)
        return result

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

    async def _close(self) -> None:
        await self._channel.close()

    def _facts(self, delivery: ClaimedDelivery) -> Mapping[str, Any]:
        return {
            "outgoing": delivery.outgoing_id,
            "ticket": delivery.ticket_id,
            "session": delivery.session or None,
            "recipient": delivery.recipient,
        }
