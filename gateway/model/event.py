"""Events: what webhooks hear of, who wants to hear it, and one event on its way to one webhook."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from gateway.model.ids import DeliveryId, TicketId


class EventType(StrEnum):
    TICKET_CREATED = "ticket.created"
    TICKET_UPDATED = "ticket.updated"
    TICKET_MERGED = "ticket.merged"
    ENTRY_CREATED = "entry.created"
    DELIVERY_SENT = "delivery.sent"
    DELIVERY_DELAYED = "delivery.delayed"
    DELIVERY_FAILED = "delivery.failed"
    DELIVERY_BOUNCED = "delivery.bounced"
    DELIVERY_REFUSED = "delivery.refused"
    DELIVERY_CANCELLED = "delivery.cancelled"
    DELIVERY_HELD = "delivery.held"
    QUARANTINE_HELD = "quarantine.held"
    PING = "ping"


# Each type, and what it says; docs/webhooks.md has the same table.
EVENT_TYPES: Mapping[EventType, str] = MappingProxyType(
    {
        EventType.TICKET_CREATED: "a ticket was opened, by a mail or by splitting another one",
        EventType.TICKET_UPDATED: "status, assignee, queue, priority, type, subject, due time or tags changed",
        EventType.TICKET_MERGED: "a ticket was merged into another one",
        EventType.ENTRY_CREATED: "a mail, a reply, an acknowledgement or (only with `notes: true`) a note was added",
        EventType.DELIVERY_SENT: "a server took responsibility for a mail of ours to one recipient",
        EventType.DELIVERY_DELAYED: "a mail of ours was not taken for four hours and is tried further",
        EventType.DELIVERY_FAILED: "a mail of ours failed for good",
        EventType.DELIVERY_BOUNCED: "a mail that was handed over was reported as undeliverable",
        EventType.DELIVERY_REFUSED: "blocklist, suppression or the bound kept a mail of ours back",
        EventType.DELIVERY_CANCELLED: "a person cancelled a mail, or its author took the reply back",
        EventType.DELIVERY_HELD: "a person holds a mail",
        EventType.QUARANTINE_HELD: "a mail came into quarantine",
        EventType.PING: "somebody tries the webhook; goes to the one that is tried, whatever it asks for",
    }
)
FAMILIES = tuple(dict.fromkeys(f"{name.partition('.')[0]}.*" for name in EVENT_TYPES if "." in name))


@dataclass(frozen=True, slots=True)
class Subscription:
    """What one webhook wants to hear: empty `events` or `queues` mean all; notes only if it asks for them."""

    webhook: str
    events: tuple[str, ...] = ()  # types, or families such as `ticket.*`
    queues: tuple[str, ...] = ()
    notes: bool = False

    def wants(self, event: EventType, queues: Collection[str], *, note: bool = False) -> bool:
        """Tell whether an event of these queues (two, where a ticket moved) is for this webhook."""
        if note and not self.notes:
            return False
        if self.queues and not set(self.queues) & set(queues):
            return False
        family = f"{event.partition('.')[0]}.*"
        return not self.events or event in self.events or family in self.events


@dataclass(frozen=True, slots=True)
class ClaimedEvent:
    """One event for one webhook, held under a lease. The attempt is counted already; `token` fences late writes."""

    delivery_id: DeliveryId
    webhook: str
    ticket_id: TicketId | None
    key: str  # the `webhook-id`: the same in every attempt
    type: str
    queued_at: datetime
    attempt: int  # 1 for the first
    token: int
    payload: bytes  # the same octets in every attempt
    warned: bool = False
    dots: int = 0  # a receiver knows an event again by its key: arriving twice is no nuisance

    @property
    def recipient(self) -> str:
        """Whom it goes to, in words for people."""
        return f"webhook {self.webhook}"


@dataclass(frozen=True, slots=True)
class WebhookDepth:
    """How deliveries of one webhook go, as the store counts it; the field names are JSON keys."""

    webhook: str
    waiting: int = 0
    oldest: datetime | None = None
    sent_24h: int = 0
    failed_24h: int = 0
    trouble: str = ""  # what the receiver last answered to what waits and was tried already
    stopped_since: datetime | None = None
    because: str = ""
    gone: bool = False  # it answered 410: nothing is written for it until somebody resumes it


@dataclass(frozen=True, slots=True)
class WebhookDelivery:
    """One line of `poterne webhooks deliveries`: one event for one webhook."""

    id: int
    webhook: str
    event: str  # the `webhook-id`
    type: str
    ticket: int | None
    state: str
    attempts: int
    queued_at: datetime
    next_attempt_at: datetime | None
    finished_at: datetime | None
    code: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class WebhookAttempt:
    """One attempt. `outcome` is None while it is under way, or if its worker died over it."""

    number: int
    started_at: datetime
    ended_at: datetime | None
    outcome: str | None
    code: int
    text: str


@dataclass(frozen=True, slots=True)
class WebhookTrace:
    """A delivery with what is sent and every attempt."""

    delivery: WebhookDelivery
    payload: str
    attempts: tuple[WebhookAttempt, ...]
