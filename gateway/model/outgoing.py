"""The way out: drafts, refusals, deliveries and how they ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from gateway.model.ids import DeliveryId, IntakeId, OutgoingId, TicketId
from gateway.model.mail import Mailbox


class OutgoingKind(StrEnum):
    ACKNOWLEDGEMENT = "acknowledgement"
    REPLY = "reply"  # an agent wrote it
    NOTICE = "notice"
    ERROR_REPLY = "error_reply"
    ALERT = "alert"  # to an agent

    @property
    def automatic(self) -> bool:
        """Everything that no person wrote is automatic mail, and bounded (I2)."""
        return self is not OutgoingKind.REPLY


class DeliveryState(StrEnum):
    QUEUED = "queued"
    SENT = "sent"  # the relay took responsibility
    FAILED = "failed"  # 5xx, or given up
    CANCELLED = "cancelled"
    HELD = "held"
    REFUSED = "refused"  # blocklist, suppression or bound: never handed to a channel
    BOUNCED = "bounced"  # sent, and later reported as failed


@dataclass(frozen=True, slots=True)
class OutgoingFile:
    filename: str
    content_type: str
    content: bytes
    content_id: str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A message of ours before it is composed and signed. Built from validated values only.

    `recipients` are the envelope recipients; `to` and `cc` are what the headers show. `message_id`, `references` are
    without angle brackets, oldest reference first. `message_id` carries a MESSAGE token, `loop_token` a LOOP token.
    """

    kind: OutgoingKind
    queue: str
    channel: str
    from_: Mailbox
    to: tuple[Mailbox, ...]
    subject: str
    text: str
    message_id: str
    loop_token: str = ""
    cc: tuple[Mailbox, ...] = ()
    bcc: tuple[str, ...] = ()
    reply_to: Mailbox | None = None
    html: str | None = None
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    files: tuple[OutgoingFile, ...] = ()
    locale: str = "en"

    @property
    def recipients(self) -> tuple[str, ...]:
        """Envelope recipients, each once, in order."""
        return tuple(dict.fromkeys([*(box.address for box in self.to), *(box.address for box in self.cc), *self.bcc]))


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a mail of ours was not queued or not handed out: the rule's name, and one plain sentence."""

    rule: str
    because: str


@dataclass(frozen=True, slots=True)
class AutomaticMail:
    """The request that the one function for automatic mail counts: who would get what, because of what."""

    kind: OutgoingKind
    queue: str
    recipient: str
    ticket_id: TicketId | None = None
    cause: IntakeId | None = None
    fingerprint: str = ""  # of the content of the cause


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """One delivery that a worker holds under a lease. The attempt is counted already; `token` fences late writes.

    `content` is the signed message once it was signed: the same octets are sent in every attempt (I8). Until then
    `draft` is what to compose.
    """

    delivery_id: DeliveryId
    outgoing_id: OutgoingId
    ticket_id: TicketId | None
    channel: str
    recipient: str
    message_id: str
    queued_at: datetime
    attempt: int  # 1 for the first
    token: int
    draft: Draft
    content: bytes | None = None
    dots: int = 0  # earlier attempts whose final dot went out, or may have: those of unknown outcome
    warned: bool = False  # the ticket was told already that this delivery is late
    session: str = ""  # of the mail that caused it: one id from RCPT to delivery


class Outcome(StrEnum):
    SENT = "sent"
    DEFERRED = "deferred"  # 4xx, network trouble
    FAILED = "failed"  # 5xx: final at once
    UNKNOWN = "unknown"  # final dot sent, no answer seen: sent again with the same bytes


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """What a channel says of one recipient, and whether the final dot had gone out.

    `text` is what people read: a server's whole reply, its code included, or our own words where no server spoke.
    """

    outcome: Outcome
    code: int = 0
    text: str = ""
    dot_sent: bool = False
    channel_down: bool = False  # the trouble is the channel's (refused, tarpit, 421), not this recipient's
    wait: timedelta = timedelta(0)  # the far side asked not to be tried again before
