"""What sending asks for: deliveries under lease, and a way out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

from gateway.model import ClaimedDelivery, DeliveryId, DeliveryResult, OutgoingId, TicketId


class Claimed(Protocol):
    """What a courier holds under a lease, mail or event: as much of it as schedule and fencing ask for."""

    @property
    def delivery_id(self) -> DeliveryId:
        """Its number."""

    @property
    def ticket_id(self) -> TicketId | None:
        """The ticket that it belongs to."""

    @property
    def recipient(self) -> str:
        """Whom it goes to, in words for people."""

    @property
    def queued_at(self) -> datetime:
        """Since when it waits; the time to give up counts from here."""

    @property
    def attempt(self) -> int:
        """The number of this attempt, 1 for the first; it is counted already."""

    @property
    def token(self) -> int:
        """The fencing token of the lease."""

    @property
    def dots(self) -> int:
        """Earlier attempts after which it may have arrived."""

    @property
    def warned(self) -> bool:
        """Whether it was noted already that it is late."""


C = TypeVar("C", bound=Claimed)


class Deliveries(Protocol, Generic[C]):
    """What waits on ways out, by the name of the way: mail in the outbox, events for webhooks."""

    async def claim_deliveries(self, channel: str, limit: int, lease: timedelta) -> Sequence[C]:
        """Take what is due, oldest first, never two of one ticket out of order. Counts each attempt before returning.

        Whatever else must hold when something leaves is checked again here, and not returned if it does not.
        """

    async def record_delivery(
        self, delivery: C, result: DeliveryResult, retry_at: datetime | None, note: str = ""
    ) -> bool:
        """Record an attempt's result. False if the lease was lost to another worker (the fencing token is old).

        A note is shown where people look. With a deferred result it is the one warning that the delivery is late, and
        `warned` is set in later claims. `retry_at` is None only for results that are final.
        """

    async def extend_lease(self, deliveries: Sequence[DeliveryId], token: int, lease: timedelta) -> None:
        """Keep what is still being sent."""

    async def next_due(self, channel: str) -> datetime | None:
        """Tell when the next delivery of this channel is due, or None."""

    async def hasten(self, channel: str) -> int:
        """Make due now whatever was last deferred because its channel was down; called once the channel works again."""


class Outbox(Deliveries[ClaimedDelivery], Protocol):
    """The sending side of the store: blocklist, suppression and the bound (I2) are checked again at the claim.

    What they refuse is recorded as refused and not handed out.
    """

    async def claim_deliveries(
        self, channel: str, limit: int, lease: timedelta, allowances: Sequence[tuple[int, timedelta]] = ()
    ) -> Sequence[ClaimedDelivery]:
        """Take what is due, and no more than all nodes together may hand over: so many in any time of that length."""

    async def next_due(self, channel: str, allowances: Sequence[tuple[int, timedelta]] = ()) -> datetime | None:
        """Tell when the next delivery of this channel is due and allowed, or None."""

    async def keep_content(self, outgoing_id: OutgoingId, content: bytes) -> bytes:
        """Store the signed octets once, and return those that count: the ones stored first."""


class Channel(Protocol):
    """A way out. One instance per configured channel; keeps its connections."""

    async def send(self, envelope_from: str, recipients: Sequence[str], content: bytes) -> Sequence[DeliveryResult]:
        """Hand over one message; one result per recipient, in order. Never raises for what a server says or does."""

    async def close(self) -> None:
        """Say QUIT on kept connections."""
