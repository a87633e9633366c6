"""One open transaction as `process` sees it (ports.Writer)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from gateway.model import (
    Applied,
    AutomaticMail,
    Claim,
    Draft,
    OutgoingId,
    ParsedMail,
    Plan,
    Refusal,
    Route,
    Stored,
    TicketId,
    Tokens,
)
from gateway.ports import Correspondence, WriteDigest
from gateway.store import apply, bound, digests, gather, replies
from gateway.store.context import Context
from gateway.store.outgoing import AT_ONCE


class SqlWriter:
    """Reads and writes inside one transaction, in the store's thread."""

    __slots__ = ("context",)

    def __init__(self, context: Context) -> None:
        self.context = context

    def gather(self, claim: Claim, mail: ParsedMail, route: Route, tokens: Tokens, key: str) -> Stored:
        """Read everything that the database knows about this mail."""
        return gather.gather(self.context, claim, mail, route=route, tokens=tokens, key=key)

    def apply(
        self,
        claim: Claim,
        mail: ParsedMail,
        plan: Plan,
        acknowledgement: Callable[[TicketId, OutgoingId], Draft] | None,
        correspondence: Correspondence,
    ) -> Applied:
        """Write the plan: ticket, entry, participants, events, disposition, and the mail that it causes if allowed."""
        return apply.apply(self.context, claim, mail, plan, acknowledgement, correspondence=correspondence)

    def queue_automatic(self, mail: AutomaticMail, make_draft: Callable[[OutgoingId], Draft]) -> OutgoingId | Refusal:
        """THE function for automatic mail (I2): count every window, insert, or refuse with the reason. Fails closed."""
        return bound.queue_automatic(self.context, mail, make_draft)

    def queue_reply(
        self,
        ticket_id: TicketId,
        make_draft: Callable[[OutgoingId], Draft],
        author: str,
        delay: timedelta = AT_ONCE,
    ) -> OutgoingId:
        """Queue what an agent wrote, with its entry; `delay` leaves time to take it back."""
        return replies.queue_reply(self.context, ticket_id, make_draft, author, delay=delay)[0]

    def send_digests(self, write: WriteDigest) -> tuple[OutgoingId, ...]:
        """Queue the digests that are due and fit the agents' limits."""
        return digests.send_digests(self.context, write)
