"""What the core asks of the outside. Edges implement these; `app.py` alone chooses implementations.

Every method that promises durability returns only after the commit. Every method may raise `errors.Transient`
(StorageUnavailable within its deadline of 10 s, StorageFull, Overloaded); nothing else is raised on purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

from gateway.model import (
    AgentRow,
    Applied,
    AttemptRow,
    Audit,
    AutomaticMail,
    BlockRow,
    BreakerRow,
    Claim,
    ClaimedDelivery,
    Conversation,
    DeliveryId,
    DeliveryResult,
    DeskAgent,
    Digest,
    Draft,
    EntryRow,
    Envelope,
    InboxHealth,
    InboxProgress,
    IntakeId,
    IntakeRow,
    IntakeTrace,
    OutboxRow,
    OutgoingId,
    ParsedMail,
    Plan,
    Refusal,
    Route,
    Statistics,
    Stored,
    SuppressionRow,
    TicketId,
    TicketRow,
    TicketView,
    Tokens,
    WebhookDelivery,
    WebhookDepth,
    WebhookTrace,
)

T = TypeVar("T")


class Clock(Protocol):
    """The only source of time in the daemon; tests inject their own."""

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""


class Parser(Protocol):
    """Reads mails in processes of its own, limited in time and memory, without database or network."""

    async def parse(self, raw: bytes) -> ParsedMail:
        """Return what the mail says. Raises ParserDied if the process died or was too slow over this mail."""


class Correspondence(Protocol):
    """Writes the letters that a mail causes besides its acknowledgement, from what the open transaction knows."""

    def alert(self, about: Conversation, to: DeskAgent, outgoing: OutgoingId) -> Draft:
        """Draft the news of this mail for an agent."""

    def reply(self, conversation: Conversation, outgoing: OutgoingId) -> Draft:
        """Draft what an agent answered by mail, for the customer. Raises NotSendable if it can go to nobody."""


WriteDigest = Callable[[Digest, OutgoingId], Draft]
"""Drafts the digest of what an agent missed."""


class Writer(Protocol):
    """One open transaction, as `process` sees it. Synchronous: it runs in the store's thread."""

    def gather(self, claim: Claim, mail: ParsedMail, route: Route, tokens: Tokens, key: str) -> Stored:
        """Read everything that the database knows about this mail."""

    def apply(
        self,
        claim: Claim,
        mail: ParsedMail,
        plan: Plan,
        acknowledgement: Callable[[TicketId, OutgoingId], Draft] | None,
        correspondence: Correspondence | None = None,
    ) -> Applied:
        """Write the plan: ticket, entry, participants, events, disposition, and the mail that it causes if allowed.

        Fenced: raises errors.Conflict, and writes nothing, if the claim was taken over by another worker.
        Run again for a done intake, it changes nothing and returns what was applied the first time.
        """

    def queue_automatic(self, mail: AutomaticMail, make_draft: Callable[[OutgoingId], Draft]) -> OutgoingId | Refusal:
        """THE function for automatic mail (I2): count every window, insert, or refuse with the reason. Fails closed."""

    def queue_reply(self, ticket_id: TicketId, make_draft: Callable[[OutgoingId], Draft], author: str) -> OutgoingId:
        """Queue what an agent wrote, with its entry. Raises NotSendable for blocklisted addresses."""

    def send_digests(self, write: WriteDigest) -> tuple[OutgoingId, ...]:
        """Queue the digests that are due and fit the agents' limits."""


class Store(Protocol):
    """The ledger, the tickets and the outbox."""

    async def accept(self, raw: bytes, envelopes: Sequence[Envelope], queues: Sequence[str]) -> tuple[IntakeId, ...]:
        """Make one mail durable: raw octets once, one intake per envelope, in one commit. No parsing, no judging."""

    async def claim_intakes(self, limit: int, lease: timedelta, octets: int = 32 << 20) -> Sequence[Claim]:
        """Take up to `limit` waiting intakes, together no larger than `octets` unless one alone is.

        Each attempt is counted and committed before this returns.

        An intake that was tried before is handed out alone, so that a mail that kills us does not take others along.
        """

    async def extend_intakes(self, claims: Sequence[Claim], lease: timedelta) -> None:
        """Keep what is still being processed; claims that were taken over meanwhile stay taken over."""

    async def release_intake(self, claim: Claim, because: str) -> None:
        """Give an intake back after a failed try (parser died, transient trouble); it is retried after a pause."""

    async def hold_intake(self, claim: Claim, rule: str, because: str) -> None:
        """Put an intake into quarantine: visible, with its raw octets, replayable."""

    async def transact(self, job: Callable[[Writer], T], *, behind: bool = False) -> T:
        """Run `job` in one transaction (its own savepoint inside a group commit) and return once it is durable.

        With `behind`, it lets go first whoever waits for an answer: what it works on is durable already.
        """

    async def inspect(self, job: Callable[[Writer], T]) -> T:
        """Run `job` in a transaction that is always rolled back: `explain` and `replay --diff` leave no trace."""


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


class Reader(Protocol):
    """The read-only side of the store, for listings, pages and metrics. Newest first; `before` is a row's id."""

    async def list_intakes(self, limit: int = 100, before: int | None = None) -> Sequence[IntakeRow]:
        """Return intakes, newest first."""

    async def list_tickets(self, limit: int = 100, before: int | None = None) -> Sequence[TicketRow]:
        """Return tickets by number, newest first."""

    async def list_outbox(self, limit: int = 100, before: int | None = None) -> Sequence[OutboxRow]:
        """Return deliveries, newest first."""

    async def find_ticket(self, number: int) -> tuple[TicketRow, Sequence[EntryRow]]:
        """Return a ticket with its time-line, oldest entry first. Raises NotFound."""

    async def statistics(self) -> Statistics:
        """Return what waits where, at this moment."""

    async def check_writable(self) -> None:
        """Write and commit something harmless. Raises Transient if the store could not take a mail now."""


class Operations(Protocol):
    """What operators look up and do by hand. Raises NotFound for what does not exist, Conflict for what cannot be."""

    async def ticket(self, number: int) -> TicketView:
        """Return a ticket with everything that its page shows."""

    async def conversation(self, number: int) -> Conversation:
        """Return a ticket as a letter about it needs to know it; what must not be quoted is not in it."""

    async def trace(self, what: str) -> Sequence[IntakeTrace]:
        """Return the intakes with this number, Message-ID or address, newest first, at most 100."""

    async def attempts(self, delivery: int) -> Sequence[AttemptRow]:
        """Return the attempts under a delivery, first one first."""

    async def raw(self, intake: int) -> bytes:
        """Return the octets of an intake as they came."""

    async def list_quarantine(self, limit: int = 100, before: int | None = None) -> Sequence[IntakeRow]:
        """Return what is held, newest first."""

    async def replay_intake(self, intake: int, *, release: bool = False) -> bool:
        """Judge a held intake again; with `release`, whatever held it counts no more. False if it is not held."""

    async def change_ticket(
        self,
        ticket: int,
        by: str,
        *,
        status: str | None = None,
        assignee: str | None = None,
        priority: str | None = None,
        queue: str | None = None,
        version: int | None = None,
    ) -> None:
        """Change a ticket, with an entry for each change. Raises Conflict if `version` is given and not the present."""

    async def add_note(self, ticket: int, by: str, text: str) -> int:
        """Put an internal note on a ticket; it is never mailed."""

    async def retry_delivery(self, delivery: int, by: str) -> None:
        """Send again at once what failed, is held, was cancelled, or waits for its next attempt."""

    async def cancel_delivery(self, delivery: int, by: str) -> None:
        """Never send what waits or is held. Raises Conflict if it is being sent."""

    async def hold_delivery(self, delivery: int, by: str) -> None:
        """Keep what waits until it is retried or cancelled. Raises Conflict if it is being sent."""

    async def pause_channel(self, channel: str, because: str) -> None:
        """Hand out nothing of a channel any more."""

    async def resume_channel(self, channel: str) -> bool:
        """End a pause. False if there was none."""

    async def list_blocklist(self) -> Sequence[BlockRow]:
        """Return the stored patterns; those of the configuration are not among them."""

    async def block(self, pattern: str, reason: str, by: str) -> None:
        """Add a pattern to the loop blocklist; one that is there already stays."""

    async def unblock(self, pattern: str) -> bool:
        """Remove a stored pattern. False if it is not there."""

    async def list_suppressions(self) -> Sequence[SuppressionRow]:
        """Return the addresses that get no automatic mail for a while."""

    async def lift_suppression(self, address: str) -> bool:
        """Let an address get automatic mail again. False if it was not suppressed."""

    async def list_breakers(self) -> Sequence[BreakerRow]:
        """Return the breakers that were ever tripped."""

    async def reset_breaker(self, queue: str) -> bool:
        """Close an open breaker; the limits count on. False if it was not open."""

    async def list_agents(self) -> Sequence[AgentRow]:
        """Return the local accounts."""

    async def add_agent(self, address: str, name: str, role: str, password: str | None) -> int:
        """Create an account; `password` is an argon2 hash. Raises Conflict if the address has one."""

    async def change_agent(
        self, address: str, *, password: str | None = None, disabled: bool | None = None, role: str | None = None
    ) -> None:
        """Change an account."""

    async def set_alerts(self, address: str, wish: str) -> None:
        """Say of which customers' mails an agent hears by mail: off, own or all. Raises NotFound."""

    async def audit(self, *, octets: bool = True) -> Audit:
        """Check the sum of the ledger (I1); with `octets`, also that each raw mail still has its hash."""


class WebhookOperations(Protocol):
    """How webhooks go, and what operators do with them. Raises NotFound and Conflict as `Operations` does."""

    async def webhook_depths(self, *, sent: bool = True) -> Sequence[WebhookDepth]:
        """Return how every webhook goes that is configured, or of which something waits or is stopped.

        Without `sent`, what arrived lately is not counted.
        """

    async def list_webhook_deliveries(
        self, limit: int = 100, before: int | None = None, *, webhook: str | None = None, state: str | None = None
    ) -> Sequence[WebhookDelivery]:
        """Return deliveries, newest first, of one webhook or in one state if asked."""

    async def trace_webhook_delivery(self, delivery: int) -> WebhookTrace:
        """Return a delivery with its payload and its attempts."""

    async def retry_webhook_delivery(self, delivery: int) -> None:
        """Send an event again at once, whatever became of it."""

    async def cancel_webhook_delivery(self, delivery: int) -> None:
        """Never send what waits."""

    async def pause_webhook(self, webhook: str, because: str) -> None:
        """Hand out nothing of a webhook; its events wait."""

    async def resume_webhook(self, webhook: str) -> bool:
        """End a pause, or believe that a receiver that was gone is back. False if it was not stopped."""

    async def ping_webhook(self, webhook: str) -> int:
        """Queue a try; return the number of its delivery."""


class Channel(Protocol):
    """A way out. One instance per configured channel; keeps its connections."""

    async def send(self, envelope_from: str, recipients: Sequence[str], content: bytes) -> Sequence[DeliveryResult]:
        """Hand over one message; one result per recipient, in order. Never raises for what a server says or does."""

    async def close(self) -> None:
        """Say QUIT on kept connections."""


class TokenSource(Protocol):
    """Gives OAuth access tokens. Blocking: call it in a thread."""

    def access_token(self, *, renew: bool = False) -> str:
        """Return a token that is valid for some minutes; `renew` asks for a new one after a refusal.

        Raises errors.SignInRefused, with the administrator's next step, when only a person can help.
        """


class Vault(Protocol):
    """Keeps what must survive a restart and must not be read: sealed with the key of the instance."""

    async def load(self, name: str) -> bytes | None:
        """Return what was saved under this name, or None."""

    async def save(self, name: str, content: bytes) -> None:
        """Replace what stands under this name, durably."""


class InboxLedger(Protocol):
    """What a direct inbox needs of the store besides `accept`."""

    async def lease(self, name: str, holder: str, duration: timedelta) -> bool:
        """Take or keep the right to fetch this inbox; False while another node holds it."""

    async def progress(self, name: str) -> InboxProgress | None:
        """Return how far this inbox was read, or None before the first time."""

    async def save_progress(self, name: str, progress: InboxProgress) -> None:
        """Record how far this inbox was read. Only called after the intakes are durable."""

    async def report_health(self, name: str, health: InboxHealth, detail: str) -> None:
        """Record the state of an inbox for pages, metrics and `doctor`."""
