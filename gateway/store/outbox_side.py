"""The way out: ports.Outbox."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from gateway.model import ClaimedDelivery, DeliveryId, DeliveryResult, OutgoingId
from gateway.ports import Clock
from gateway.store import outbox, results
from gateway.store.allowance import Allowance
from gateway.store.batching import Batched
from gateway.store.context import Context
from gateway.store.core import StoreCore
from gateway.store.leases import MAIL
from gateway.store.lock import DaemonLock
from gateway.store.options import StoreOptions
from gateway.store.times import to_moment_or_none, to_number

T = TypeVar("T")
Kept = tuple[OutgoingId, bytes]
Recorded = tuple[ClaimedDelivery, DeliveryResult, int | None, str]


class OutboxSide(StoreCore):
    """Claim, keep the signed octets, record."""

    def __init__(self, url: str, clock: Clock, options: StoreOptions, lock: DaemonLock | None = None) -> None:
        super().__init__(url, clock, options, lock)
        # What many mails at once end with shares its commits: on a busy channel that is most of the writing.
        self._keep: Batched[Kept, bytes] = Batched(
            self._run_batch, lambda context, kept: results.keep_content(context, *kept), lambda kept: len(kept[1])
        )
        self._record: Batched[Recorded, bool] = Batched(
            self._run_batch, lambda context, recorded: results.record(context, *recorded)
        )

    async def _run_batch(self, work: Callable[[Context], list[T]], weight: int) -> list[T]:
        return await self.write(work, weight=weight)

    async def claim_deliveries(
        self, channel: str, limit: int, lease: timedelta, allowances: Sequence[Allowance] = ()
    ) -> Sequence[ClaimedDelivery]:
        """Take due deliveries of a channel, oldest first; each attempt is counted and committed before this returns.

        Nothing is returned only if nothing is due: what is refused at the claim never hides what is behind it.
        """
        await self.void_leases()
        while True:
            claimed, refused = await self.write(
                lambda context: outbox.claim(context, channel, limit, lease, allowances)
            )
            if claimed or not refused:
                return claimed

    async def keep_content(self, outgoing_id: OutgoingId, content: bytes) -> bytes:
        """Store the signed octets once, and return those that count: the ones stored first."""
        return await self._keep((outgoing_id, content))

    async def record_delivery(
        self, delivery: ClaimedDelivery, result: DeliveryResult, retry_at: datetime | None, note: str = ""
    ) -> bool:
        """Record an attempt's result. False if the lease was lost to another worker."""
        return await self._record((delivery, result, None if retry_at is None else to_number(retry_at), note))

    async def extend_lease(self, deliveries: Sequence[DeliveryId], token: int, lease: timedelta) -> None:
        """Keep what is still being sent."""
        await self.write(lambda context: MAIL.extend(context, deliveries, token, lease))

    async def next_due(self, channel: str, allowances: Sequence[Allowance] = ()) -> datetime | None:
        """Tell when the next delivery of this channel can be claimed, or None."""
        return to_moment_or_none(await self.read(lambda context: outbox.next_due(context, channel, allowances)))

    async def hasten(self, channel: str) -> int:
        """Make due now whatever was last deferred because its channel was down."""
        return await self.write(lambda context: MAIL.hasten(context, channel))
