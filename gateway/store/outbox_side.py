"""The way out: ports.Outbox."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from gateway.model import ClaimedDelivery, DeliveryId, DeliveryResult, OutgoingId
from gateway.store import outbox, results
from gateway.store.core import StoreCore
from gateway.store.times import to_moment_or_none, to_number


class OutboxSide(StoreCore):
    """Claim, keep the signed octets, record."""

    async def claim_deliveries(self, channel: str, limit: int, lease: timedelta) -> Sequence[ClaimedDelivery]:
        """Take due deliveries of a channel, oldest first; each attempt is counted and committed before this returns."""
        await self.void_leases()
        return await self.write(lambda context: outbox.claim(context, channel, limit, lease))

    async def keep_content(self, outgoing_id: OutgoingId, content: bytes) -> bytes:
        """Store the signed octets once, and return those that count: the ones stored first."""
        return await self.write(lambda context: results.keep_content(context, outgoing_id, content))

    async def record_delivery(
        self, delivery: ClaimedDelivery, result: DeliveryResult, retry_at: datetime | None, note: str = ""
    ) -> bool:
        """Record an attempt's result. False if the lease was lost to another worker."""
        retry = None if retry_at is None else to_number(retry_at)
        return await self.write(lambda context: results.record(context, delivery, result, retry, note))

    async def extend_lease(self, deliveries: Sequence[DeliveryId], token: int, lease: timedelta) -> None:
        """Keep what is still being sent."""
        await self.write(lambda context: results.extend(context, deliveries, token, lease))

    async def next_due(self, channel: str) -> datetime | None:
        """Tell when the next delivery of this channel can be claimed, or None."""
        return to_moment_or_none(await self.read(lambda context: outbox.next_due(context, channel)))

    async def hasten(self, channel: str) -> int:
        """Make due now whatever was last deferred because its channel was down."""
        return await self.write(lambda context: results.hasten(context, channel))
