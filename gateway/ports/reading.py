"""What listings, pages and metrics read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gateway.model import EntryRow, IntakeRow, OutboxRow, Statistics, TicketRow


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
