"""What `process` decided, as data for the store to apply."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.model.agent import AgentWords
from gateway.model.ids import DeliveryId, IntakeId, OutgoingId, TicketId
from gateway.model.judging import Judgement
from gateway.model.mail import Mailbox, ReportedRecipient
from gateway.model.outgoing import Refusal
from gateway.model.ticket import EntryKind, Priority
from gateway.model.verdict import Disposition


@dataclass(frozen=True, slots=True)
class NewTicket:
    queue: str
    subject: str
    ticket_type: str | None = None
    priority: Priority = Priority.NORMAL
    assignee: str | None = None  # an agent's address
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReportEvent:
    """A delivery report applied to one delivery of ours. `suppress` mutes automatic mail to the address for a while."""

    delivery_id: DeliveryId
    recipient: ReportedRecipient
    suppress: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What shall become of an intake: decided purely, applied in one transaction, printed by `explain`.

    Exactly one of `new_ticket`, `ticket_id` is set for dispositions that have a ticket; neither for quarantine,
    blocked, and reports that match nothing.
    """

    disposition: Disposition
    judgement: Judgement
    key: str  # idempotence key (I6), unique per queue
    entry_kind: EntryKind | None = None
    new_ticket: NewTicket | None = None
    ticket_id: TicketId | None = None
    linked: tuple[TicketId, ...] = ()
    reopen: bool = False
    participants: tuple[Mailbox, ...] = ()  # To and Cc of a participant's mail, ours stripped
    newcomers: tuple[Mailbox, ...] = ()  # valid token, but nobody we know: only shown
    events: tuple[ReportEvent, ...] = ()
    suppress: tuple[str, ...] = ()  # addresses that complained
    acknowledge: bool = False  # ask the one function for automatic mail; it may still refuse
    thread_because: str = ""  # which evidence attached the mail
    fingerprint: str = ""  # of the content, for the bound and the storm detector
    alert: bool = False  # agents who want to know may be told; the bound may still refuse it
    words: AgentWords | None = None  # an agent answered by mail, and it is proven
    unverified: str = ""  # it says that an agent wrote it, and why that is not believed: filed, shown, never sent on


@dataclass(frozen=True, slots=True)
class Applied:
    """What was written for a plan."""

    intake_id: IntakeId
    disposition: Disposition
    ticket_id: TicketId | None = None
    outgoing: tuple[OutgoingId, ...] = ()  # acknowledgements
    refusals: tuple[Refusal, ...] = ()
    alerts: tuple[OutgoingId, ...] = ()
    replies: tuple[OutgoingId, ...] = ()  # of an agent who answered by mail
    forwarder: tuple[str, str] | None = None  # one that the configuration does not know, and the line that it lacks
