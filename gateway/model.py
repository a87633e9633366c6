"""The nouns of the trade, as frozen values. Pure: no clock, no I/O, nothing that can change behind your back.

Everything that crosses a module border is defined here; see the vocabulary in docs/flow.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NewType

RawId = NewType("RawId", int)
IntakeId = NewType("IntakeId", int)
TicketId = NewType("TicketId", int)  # also the number that people see
EntryId = NewType("EntryId", int)
CustomerId = NewType("CustomerId", int)
OutgoingId = NewType("OutgoingId", int)
DeliveryId = NewType("DeliveryId", int)
AgentId = NewType("AgentId", int)


# --- what became of a mail ------------------------------------------------------------------------------------


class Disposition(StrEnum):
    """What became of an intake. Exactly one; there is no "dropped" (invariant I1)."""

    TICKET = "ticket"  # opened a ticket
    APPEND = "append"  # a person's answer, or news, on an existing ticket
    AUTO_REPLY = "auto_reply"  # a responder's mail, a quiet entry
    BOUNCE = "bounce"  # a delivery report about mail of ours
    RECEIPT = "receipt"  # read receipts and calendar answers
    COMPLAINT = "complaint"  # an abuse feedback report
    OWN_COPY = "own_copy"  # our own mail came back
    DUPLICATE = "duplicate"  # the same mail was taken already in this queue (I6, I7)
    QUARANTINE = "quarantine"  # held, visible, releasable
    BLOCKED = "blocked"  # an operator's own rule refuses this sender: kept and listed, no ticket


class Kind(StrEnum):
    """Who or what wrote a mail, as `explain` prints it."""

    HUMAN = "human"
    AUTO_REPLY = "auto_reply"
    AUTO_GENERATED = "auto_generated"
    BOUNCE = "bounce"
    LIST = "list"
    RECEIPT = "receipt"
    COMPLAINT = "complaint"
    CALENDAR = "calendar"
    OWN_COPY = "own_copy"


class Effect(StrEnum):
    """What a verdict asks for. Only OWN, HOLD, REFUSE and STATUS change where a mail goes; never a silent drop."""

    OWN = "own"  # our own mail came back: own_copy
    STATUS = "status"  # a report about mail of ours
    HOLD = "hold"  # quarantine
    REFUSE = "refuse"  # an operator's override: blocked
    AUTO_REPLY = "auto_reply"  # a responder: quiet entry, no automatic mail of ours
    AUTO_GENERATED = "auto_generated"  # a machine: a ticket, no automatic mail of ours
    LIST = "list"  # list or bulk mail: a ticket, no automatic mail of ours
    RECEIPT = "receipt"
    COMPLAINT = "complaint"
    CALENDAR = "calendar"
    SILENT = "silent"  # no automatic mail of ours because of this mail
    WEAK = "weak"  # a vote that silences only together with another
    HUMAN = "human"  # an operator's override: discount the other markers
    DISCOUNT = "discount"  # markers that a configured forwarder added were not counted
    NOTE = "note"  # worth knowing, changes nothing


@dataclass(frozen=True, slots=True)
class Verdict:
    """One rule's opinion on a mail, with its evidence: what was seen (`because`) and where (`where`)."""

    rule: str
    effect: Effect
    because: str
    where: str = ""


# --- a mail, as read ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A person's or a system's address: display name (decoded, may be empty) and addr-spec as written."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Field:
    """One header field, in the order of the mail: name in lower case, value unfolded, raw 8-bit already decoded.

    `value` is not RFC 2047-decoded: rules look at protocol text, people look at the decoded attributes of ParsedMail.
    """

    name: str
    value: str
    line: int  # 1-based line of the raw mail where the field starts


@dataclass(frozen=True, slots=True)
class Attachment:
    """One attached file. Content stays in the raw mail; `part` says where ("2.1", or "2.1/winmail.dat#3")."""

    filename: str  # safe to show and to save: no path, no control or bidi characters, at most 150 bytes
    content_type: str  # what the sender claims
    size: int  # octets, decoded
    sha256: str
    content_id: str | None = None
    inline: bool = False  # referenced by the shown HTML
    from_tnef: bool = False
    part: str = ""
    sniffed_type: str = ""  # what the first octets say, empty if they say nothing
    dangerous: bool = False  # an executable or script by extension or by signature


@dataclass(frozen=True, slots=True)
class Security:
    """What cryptography was recognised. It is labelled, never verified or decrypted here."""

    smime: str | None = None  # "signed (not verified)", "encrypted", ...
    pgp: str | None = None


class Action(StrEnum):
    """RFC 3464 §2.3.3."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"
    EXPANDED = "expanded"


@dataclass(frozen=True, slots=True)
class ReportedRecipient:
    """One recipient of a delivery report."""

    recipient: str  # the address that was written to: Original-Recipient before Final-Recipient
    action: Action
    status: str  # RFC 3463, "" if the mail states none
    permanent: bool
    diagnostic: str = ""


class ReportKind(StrEnum):
    DELIVERY = "delivery"  # RFC 3464, or a non-standard bounce
    DISPOSITION = "disposition"  # RFC 8098 read receipts
    FEEDBACK = "feedback"  # RFC 5965 complaints
    CALENDAR = "calendar"  # RFC 5546 REPLY, COUNTER, CANCEL


@dataclass(frozen=True, slots=True)
class Report:
    """What a machine says about a mail. `message_ids` are those of the reported mail, nearest first.

    `standard` is false for bounces that were recognised by their wording alone: those count only when they are tied to
    an outgoing of ours by a bounce token or a Message-ID.
    """

    kind: ReportKind
    recipients: tuple[ReportedRecipient, ...] = ()
    message_ids: tuple[str, ...] = ()
    detail: str = ""  # MDN disposition ("displayed", "deleted", ...), feedback type, or calendar method
    standard: bool = True


@dataclass(frozen=True, slots=True)
class ParsedMail:
    """A mail as read. Total: every octet string has one. Defects are names, never exceptions.

    All addresses are as written (case kept); all shown text is free of control and bidi characters. `text` is the whole
    text of the body, `reply_text` what its author newly wrote. `digest` is the content part of the idempotence key
    (I6): it covers body and stable headers, and no trace header.
    """

    fields: tuple[Field, ...] = ()
    message_id: str = ""  # without angle brackets; a substitute derived from the content where the mail has none
    message_id_missing: bool = False
    subject: str = ""
    date: datetime | None = None
    from_: Mailbox | None = None
    from_all: tuple[Mailbox, ...] = ()
    sender: Mailbox | None = None
    reply_to: tuple[Mailbox, ...] = ()
    to: tuple[Mailbox, ...] = ()
    cc: tuple[Mailbox, ...] = ()
    in_reply_to: tuple[str, ...] = ()  # without angle brackets
    references: tuple[str, ...] = ()  # newest first, at most 32, without angle brackets
    content_type: str = "text/plain"  # of the whole mail
    text: str = ""
    html: str | None = None  # sanitised; remote images disarmed
    remote_images: int = 0
    reply_text: str = ""
    reply_html: str | None = None
    signature: str | None = None
    attachments: tuple[Attachment, ...] = ()
    security: Security = Security()
    report: Report | None = None
    calendar_method: str = ""
    defects: tuple[str, ...] = ()
    hostile: bool = False  # bare CR, LF or NUL in the headers: no header of this mail vouches for anything
    digest: str = ""
    size: int = 0  # octets of the raw mail
    # Of rules.behaviour.fingerprint, where the process that read the mail has worked it out; it says nothing new.
    fingerprint: str | None = field(default=None, compare=False)

    def values(self, name: str) -> tuple[str, ...]:
        """Return the values of every field called `name` (lower case), topmost first."""
        return tuple(item.value for item in self.fields if item.name == name)

    def first(self, name: str) -> str:
        """Return the topmost value of `name` (lower case), or the empty string."""
        return next((item.value for item in self.fields if item.name == name), "")


# --- the way in -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Envelope:
    """The envelope for one recipient. The envelope routes, headers only advise."""

    mail_from: str  # empty for the null sender
    rcpt_to: str  # as given by the client, case and plus-tag kept
    received_at: datetime  # aware, UTC
    source: str = "lmtp"  # lmtp | imap | replay | explain
    session: str = ""  # the id that follows this mail from RCPT to delivery
    peer: str = ""
    source_ref: str = ""  # names the one copy that was fetched; a second intake with the same name is never made


class IntakeState(StrEnum):
    WAITING = "waiting"  # durable, not yet judged
    DONE = "done"  # has its one disposition


@dataclass(frozen=True, slots=True)
class Route:
    """Where the envelope sends a mail: queue, ticket type, the creation address that matched, and its plus-tag."""

    queue: str
    creation_address: str
    ticket_type: str | None = None
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """An intake that a worker holds. `token` fences: a write with an old token changes nothing."""

    intake_id: IntakeId
    envelope: Envelope
    raw: bytes
    queue: str
    attempt: int  # counted and committed before the parser sees the mail
    token: int
    released: bool = False  # an operator released it from quarantine: what held it counts no more


# --- tickets --------------------------------------------------------------------------------------------------


class TicketStatus(StrEnum):
    NEW = "new"
    OPEN = "open"
    WAITING = "waiting"  # an agent answered, the customer's turn
    SOLVED = "solved"
    CLOSED = "closed"
    MERGED = "merged"


class Priority(StrEnum):
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


class EntryKind(StrEnum):
    CUSTOMER = "customer"  # a person's mail
    AGENT = "agent"  # a reply to the customer
    NOTE = "note"  # internal, never mailed to a customer
    AUTO_REPLY = "auto_reply"  # a responder's mail
    ACKNOWLEDGEMENT = "acknowledgement"  # our automatic mail
    DELIVERY = "delivery"  # a delivery event: sent, deferred, failed, bounced, refused
    RECEIPT = "receipt"
    STATE = "state"  # a change of status, assignee, queue, ...


@dataclass(frozen=True, slots=True)
class TicketRef:
    """A ticket as the pure core needs to know it."""

    ticket_id: TicketId
    queue: str
    status: TicketStatus
    participants: frozenset[str]  # canonical addresses of requester and participants
    subject: str = ""
    merged_into: TicketId | None = None


# --- the way out ----------------------------------------------------------------------------------------------


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


# --- tokens ---------------------------------------------------------------------------------------------------


class TokenPurpose(StrEnum):
    REPLY = "r"  # plus-tag of a reply address: subject is the ticket
    BOUNCE = "b"  # plus-tag of an envelope sender: subject is the delivery
    MESSAGE = "m"  # left part of a Message-ID of ours: subject is the ticket, detail the outgoing
    LOOP = "l"  # X-Poterne-Loop: subject is the ticket, detail the outgoing


@dataclass(frozen=True, slots=True)
class Token:
    """A token whose MAC was verified with a key of this instance."""

    purpose: TokenPurpose
    subject: int  # ticket, or delivery for BOUNCE
    detail: int = 0  # outgoing, where the purpose has one
    automatic: bool = False  # the mail that carried it was automatic mail of ours (I3)


# --- agents and their mail ------------------------------------------------------------------------------------


class AlertWish(StrEnum):
    """Which new mails of customers an agent wants to hear of by mail."""

    OFF = "off"
    OWN = "own"  # on tickets that are assigned to them
    ALL = "all"  # on every ticket that they may see


@dataclass(frozen=True, slots=True)
class DeskAgent:
    """An agent as mail needs to know them. `queues` is None for one who may see all."""

    agent_id: AgentId
    address: str  # normal form
    name: str = ""
    queues: frozenset[str] | None = None
    alerts: AlertWish = AlertWish.OWN
    signature: str = ""

    @property
    def shown(self) -> str:
        """The author of what this agent does, as entries show it."""
        return f"{self.name} <{self.address}>" if self.name else self.address

    def sees(self, queue: str) -> bool:
        """Tell whether tickets of a queue are theirs to see."""
        return self.queues is None or queue in self.queues


@dataclass(frozen=True, slots=True)
class AgentWords:
    """What an agent wrote by mail, and whether it is for colleagues only."""

    agent: DeskAgent
    text: str
    internal: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that was said to or by the customer, to be quoted. Never a note."""

    author: str
    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """A ticket as a letter about it needs to know it. `said` is newest first and holds no notes."""

    ticket_id: TicketId
    queue: str
    subject: str
    requester: Mailbox | None = None
    others: tuple[Mailbox, ...] = ()  # participants; newcomers are not among them (I5)
    answers: str = ""  # Message-ID of the customer's last mail
    said: tuple[Said, ...] = ()


# --- judging --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tokens:
    """The verified tokens that a mail carries, by where they stood. Forged ones are simply absent."""

    recipient: Token | None = None  # plus-tag of the envelope recipient: REPLY or BOUNCE
    references: tuple[Token, ...] = ()  # MESSAGE tokens in In-Reply-To and References, nearest first
    reported: tuple[Token, ...] = ()  # MESSAGE tokens of the mail that a report is about
    message: Token | None = None  # MESSAGE token in the mail's own Message-ID
    loop: Token | None = None  # LOOP token in X-Poterne-Loop
    body: Token | None = None  # REPLY token in a body marker


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the rules made of a mail: its kind, every verdict, and what follows from them.

    `why_not` says in plain sentences why no acknowledgement may be caused by this mail; it is empty if one may.
    """

    kind: Kind
    verdicts: tuple[Verdict, ...] = ()
    requester: Mailbox | None = None  # the true author, forwarders discounted; None: nobody we may write to
    silent: bool = False  # no automatic mail because of this mail
    still: bool = False  # no reopening, no agent mail
    hold: bool = False
    refuse: bool = False
    low_priority: bool = False
    why_not: tuple[str, ...] = ()
    tags: tuple[str, ...] = field(default=())
    author: Mailbox | None = None  # who wrote it: From, or what a forwarder kept of it; never Reply-To of a stranger
    may_reopen: bool = True  # false for machines that no token of ours vouches for (and for all that is still)
    author_disowned: bool = False  # our own MTA says that the author's domain did not send this: no participant


@dataclass(frozen=True, slots=True)
class Override:
    """An operator's word on a sender: treat as human, as automatic, or refuse. It never lifts the bound (I2)."""

    pattern: str  # address, domain (example.org, *.example.org) or wildcard (noreply@*)
    treat_as: str  # human | automatic | refuse
    queue: str | None = None  # only in this queue


@dataclass(frozen=True, slots=True)
class Arrival:
    """One earlier mail of the same organisation to the same queue, as the behaviour detector looks at it."""

    received_at: datetime
    fingerprint: str  # of rules.behaviour.fingerprint
    after_ours: float | None = None  # seconds since our last mail to that organisation; None: we had sent none


@dataclass(frozen=True, slots=True)
class Stored:
    """What the database knows that bears on one mail: the one read of `process`."""

    duplicate_of: IntakeId | None = None  # an earlier intake with the same idempotence key in this queue
    duplicate_ticket: TicketId | None = None
    siblings: tuple[TicketId, ...] = ()  # tickets of other queues made from the same mail (I7)
    # Those that tokens name (for a BOUNCE token: its delivery's ticket), and where merged ones were merged into.
    tickets: tuple[TicketRef, ...] = ()
    referenced: tuple[TicketRef, ...] = ()  # those whose stored Message-IDs the mail refers to, nearest first
    refers_to_automatic: bool = False  # the mail refers to automatic mail of ours (I3)
    reported_deliveries: tuple[tuple[DeliveryId, TicketId, str], ...] = ()  # deliveries that a report is about
    blocklist: tuple[str, ...] = ()  # stored patterns; the configuration's are added to these
    agents: frozenset[str] = frozenset()  # canonical addresses of agents
    suppressed: bool = False  # the requester's address is suppressed
    seconds_since_ours: float | None = None  # since we last sent automatic mail to this author
    recent_tickets: int = 0  # tickets that this author opened in the last 30 minutes
    storm_ticket: TicketId | None = None  # where further mail of a storm goes
    arrivals: tuple[Arrival, ...] = ()  # of the author's organisation (free-mail: address) in this queue, last 24 h
    suspect_until: datetime | None = None  # the behaviour detector silenced (organisation, queue) until then
    author_agent: DeskAgent | None = None  # the agent whose address stands in From, proven or not


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that rules may look at besides the mail. Frozen, complete, and gathered before judging."""

    envelope: Envelope
    route: Route
    tokens: Tokens = Tokens()
    stored: Stored = Stored()
    now: datetime | None = None
    own_addresses: frozenset[str] = frozenset()  # canonical: creation addresses, inboxes, From, accounts, agents
    blocklist: tuple[str, ...] = ()  # patterns of the configuration and of the store
    forwarders: tuple[str, ...] = ()  # of this queue: addresses, domains or List-Ids
    authserv_ids: tuple[str, ...] = ()
    acknowledge_unauthenticated: bool = True
    spam_policy: str = "tag"  # tag | hold | ignore
    overrides: tuple[Override, ...] = ()
    max_hops: int = 45
    released: bool = False  # an operator released it from quarantine: nothing holds it again


# --- what process() decided -----------------------------------------------------------------------------------


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


# --- the outbox -----------------------------------------------------------------------------------------------


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
    """What a channel says of one recipient: the server's code and words, and whether the final dot had gone out."""

    outcome: Outcome
    code: int = 0
    text: str = ""
    dot_sent: bool = False
    channel_down: bool = False  # the trouble is the channel's (refused, tarpit, 421), not this recipient's


# --- listings: what operators, the HTTP API and the tests read ------------------------------------------------


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


# --- direct inboxes -------------------------------------------------------------------------------------------


class InboxHealth(StrEnum):
    STARTING = "starting"
    OK = "ok"
    RETRYING = "retrying"  # network or server trouble, tried again with back-off
    REFUSED = "refused"  # the account or token was refused: a person has to act
    ELSEWHERE = "elsewhere"  # another node fetches it


@dataclass(frozen=True, slots=True)
class InboxRow:
    """How a direct inbox goes, for pages, metrics and `doctor`."""

    name: str
    health: InboxHealth
    detail: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class InboxProgress:
    """How far a direct inbox was read: everything up to `last_uid` was taken, but for `pending` (failed, to retry)."""

    uid_validity: int
    last_uid: int
    pending: tuple[int, ...] = ()
