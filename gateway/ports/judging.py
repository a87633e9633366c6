"""What the judging of a mail asks for: a parser, the ledger, and one open transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Protocol, TypeVar

from gateway.model import (
    Applied,
    AutomaticMail,
    Claim,
    Conversation,
    DeskAgent,
    Digest,
    Draft,
    Envelope,
    IntakeId,
    OutgoingId,
    ParsedMail,
    Plan,
    Refusal,
    Route,
    Stored,
    TicketId,
    Tokens,
)

T = TypeVar("T")


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
        correspondence: Correspondence,
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
        """Run `job` in one transaction, or in its savepoint of a group commit, and return once it is durable.

        With `behind`, it lets go first whoever waits for an answer: what it works on is durable already.
        """

    async def inspect(self, job: Callable[[Writer], T]) -> T:
        """Run `job` in a transaction that is always rolled back: `explain` and `replay --diff` leave no trace."""
