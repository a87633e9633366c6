"""What operators look up and do by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gateway.model import (
    AgentRow,
    AttemptRow,
    Audit,
    BlockRow,
    BreakerRow,
    Conversation,
    IntakeRow,
    IntakeTrace,
    SuppressionRow,
    TicketView,
    WebhookDelivery,
    WebhookDepth,
    WebhookTrace,
)


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
