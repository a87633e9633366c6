"""What the rules know about a mail, and what they conclude."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from gateway.model.agent import DeskAgent
from gateway.model.ids import DeliveryId, IntakeId, TicketId
from gateway.model.intake import Envelope, Route
from gateway.model.mail import Mailbox
from gateway.model.ticket import TicketRef
from gateway.model.token import Token
from gateway.model.verdict import Kind, Verdict


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
    author_disowned: bool = False  # nothing stands behind the author, or our MTA says that it is not: no participant


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
    agents: frozenset[str] = frozenset()  # addresses of agents, and their identities
    suppressed: bool = False  # the requester's address is suppressed
    seconds_since_ours: float | None = None  # since we last sent automatic mail to this author
    recent_tickets: int = 0  # tickets that this author opened in the last 30 minutes
    storm_ticket: TicketId | None = None  # where further mail of a storm goes
    abuse_ticket: TicketId | None = None  # the open ticket of this queue for complaints about no ticket of ours
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
    own_addresses: frozenset[str] = frozenset()  # normal form: creation addresses, inboxes, From, accounts, agents
    blocklist: tuple[str, ...] = ()  # patterns of the configuration and of the store
    forwarders: tuple[str, ...] = ()  # of this queue: addresses, domains or List-Ids
    authserv_ids: tuple[str, ...] = ()
    acknowledge_unauthenticated: bool = True
    spam_policy: str = "tag"  # tag | hold | ignore
    overrides: tuple[Override, ...] = ()
    max_hops: int = 45
    released: bool = False  # an operator released it from quarantine: nothing holds it again
