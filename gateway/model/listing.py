"""Listings: what operators, the HTTP API and the tests read. Field names are JSON keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from gateway.model.outgoing import Refusal
from gateway.model.verdict import Verdict


@dataclass(frozen=True, slots=True)
class IntakeRow:
    """One line of `poterne intakes`; the field names are its JSON keys."""

    id: int
    received_at: datetime
    mail_from: str
    rcpt_to: str
    message_id: str
    sha256: str
    size: int
    state: str
    disposition: str | None
    ticket: int | None
    verdicts: tuple[Verdict, ...]
    attempts: int
    queue: str = ""
    because: str = ""  # why it is held, or why the last try failed


@dataclass(frozen=True, slots=True)
class TicketRow:
    """One line of `poterne tickets`; `entries` counts the time-line."""

    number: int
    queue: str
    type: str | None
    subject: str
    status: str
    requester: str
    assignee: str | None
    created_at: datetime
    updated_at: datetime
    entries: int


@dataclass(frozen=True, slots=True)
class EntryRow:
    """One thing on a ticket's time-line, as it is shown. `html` is sanitised."""

    id: int
    kind: str
    author: str
    created_at: datetime
    text: str
    html: str | None = None
    intake: int | None = None
    outgoing: int | None = None


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One line of `poterne outbox list`: one delivery, with the last thing that was said about it."""

    id: int
    outgoing: int
    ticket: int | None
    kind: str
    channel: str
    recipient: str
    message_id: str
    state: str
    attempts: int
    queued_at: datetime
    next_attempt_at: datetime | None
    code: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One attempt under a delivery. `outcome` is None while it is under way, or if its worker died over it."""

    delivery: int
    number: int
    started_at: datetime
    ended_at: datetime | None
    outcome: str | None
    code: int
    text: str
    dot_sent: bool


@dataclass(frozen=True, slots=True)
class ParticipantRow:
    """A person on a ticket. A newcomer is shown, and nothing else (I5)."""

    address: str
    name: str
    role: str  # requester | participant | newcomer


@dataclass(frozen=True, slots=True)
class AttachmentRow:
    """An attachment of an entry; its octets stand in the raw mail of `intake`, at `part`."""

    id: int
    entry: int
    intake: int | None
    filename: str
    content_type: str
    size: int
    sha256: str
    content_id: str | None
    inline: bool
    part: str
    sniffed_type: str
    dangerous: bool


@dataclass(frozen=True, slots=True)
class TicketView:
    """A ticket with everything that its page shows. `version` guards changes against silent overwriting."""

    row: TicketRow
    version: int
    priority: str
    merged_into: int | None
    tags: tuple[str, ...]
    links: tuple[int, ...]
    participants: tuple[ParticipantRow, ...]
    entries: tuple[EntryRow, ...]
    attachments: tuple[AttachmentRow, ...]
    deliveries: tuple[OutboxRow, ...]


@dataclass(frozen=True, slots=True)
class IntakeTrace:
    """What became of one intake, and what it caused."""

    row: IntakeRow
    author: str
    subject: str
    kind: str | None
    settled_at: datetime | None
    refusals: tuple[Refusal, ...]  # automatic mail that it did not cause
    deliveries: tuple[OutboxRow, ...]  # automatic mail that it caused


@dataclass(frozen=True, slots=True)
class BlockRow:
    """One stored pattern of the loop blocklist."""

    pattern: str
    reason: str
    added_by: str
    added_at: datetime


@dataclass(frozen=True, slots=True)
class SuppressionRow:
    """An address that gets no automatic mail until `expires_at`."""

    address: str
    reason: str
    since: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class BreakerRow:
    """The breaker of a queue that reached its limit of automatic mail."""

    queue: str
    is_open: bool
    tripped_at: datetime
    open_until: datetime
    trips: int
    because: str


@dataclass(frozen=True, slots=True)
class PauseRow:
    """A channel that hands out nothing."""

    channel: str
    since: datetime
    because: str


@dataclass(frozen=True, slots=True)
class AgentRow:
    """A local account."""

    id: int
    address: str
    name: str
    role: str  # agent | admin
    created_at: datetime
    disabled_at: datetime | None = None
    password: str | None = field(default=None, repr=False)  # argon2


@dataclass(frozen=True, slots=True)
class Audit:
    """The sum of the ledger (I1): every 250 waits, or has one disposition. `problems` is empty if it adds up."""

    intakes: int
    waiting: int
    dispositions: dict[str, int]
    raw_mails: int  # whose octets were read and hashed again
    deliveries: dict[str, int]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChannelDepth:
    """How much waits on one channel."""

    channel: str
    waiting: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class Statistics:
    """The state of the store at one moment, for /metrics and the health page."""

    waiting_intakes: int
    oldest_waiting: datetime | None
    quarantined: int
    outbox: tuple[ChannelDepth, ...]
    breakers: tuple[BreakerRow, ...] = ()  # those that are open
    pauses: tuple[PauseRow, ...] = ()
