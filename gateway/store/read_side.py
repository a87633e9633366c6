"""What is read: ports.Reader, and the looking half of ports.Operations."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial

from gateway.errors import StorageUnavailable
from gateway.model import (
    AgentRow,
    AttemptRow,
    Audit,
    BlockRow,
    BreakerRow,
    Conversation,
    EntryRow,
    IntakeRow,
    IntakeTrace,
    OutboxRow,
    Statistics,
    SuppressionRow,
    TicketId,
    TicketRow,
    TicketView,
)
from gateway.store import correspond, listings, lists, statistics
from gateway.store.core import StoreCore

AUDIT_PATIENCE = 600.0  # seconds for one of its sentences


class ReadSide(StoreCore):
    """Listings, single things, and sums. Each call reads one snapshot and never waits for a writer."""

    async def list_intakes(
        self,
        limit: int = 100,
        before: int | None = None,
        *,
        state: str | None = None,
        queue: str | None = None,
        disposition: str | None = None,
        ticket: int | None = None,
    ) -> Sequence[IntakeRow]:
        """Return intakes, newest first."""
        return await self.read(
            lambda context: listings.list_intakes(
                context, limit, before, state=state, queue=queue, disposition=disposition, ticket=ticket
            )
        )

    async def list_tickets(
        self,
        limit: int = 100,
        before: int | None = None,
        *,
        queue: str | None = None,
        status: str | None = None,
        assignee: str | None = None,
    ) -> Sequence[TicketRow]:
        """Return tickets by number, newest first."""
        return await self.read(
            lambda context: listings.list_tickets(context, limit, before, queue=queue, status=status, assignee=assignee)
        )

    async def list_outbox(
        self,
        limit: int = 100,
        before: int | None = None,
        *,
        state: str | None = None,
        channel: str | None = None,
        ticket: int | None = None,
    ) -> Sequence[OutboxRow]:
        """Return deliveries, newest first."""
        return await self.read(
            lambda context: listings.list_outbox(context, limit, before, state=state, channel=channel, ticket=ticket)
        )

    async def list_quarantine(self, limit: int = 100, before: int | None = None) -> Sequence[IntakeRow]:
        """Return what is held, newest first."""
        return await self.list_intakes(limit, before, disposition="quarantine")

    async def find_ticket(self, number: int) -> tuple[TicketRow, Sequence[EntryRow]]:
        """Return a ticket with its time-line. Raises NotFound."""
        return await self.read(lambda context: listings.find_ticket(context, number))

    async def ticket(self, number: int) -> TicketView:
        """Return a ticket with everything that its page shows. Raises NotFound."""
        return await self.read(lambda context: listings.view_ticket(context, number))

    async def conversation(self, number: int) -> Conversation:
        """Return a ticket as a letter about it needs to know it. Raises NotFound."""
        return (await self.read(lambda context: correspond.read_conversation(context, TicketId(number))))[0]

    async def trace(self, what: str) -> Sequence[IntakeTrace]:
        """Return the intakes with this number, Message-ID or address, newest first."""
        return await self.read(lambda context: listings.trace(context, what))

    async def attempts(self, delivery: int) -> Sequence[AttemptRow]:
        """Return the attempts under a delivery, first one first."""
        return await self.read(lambda context: listings.list_attempts(context, delivery))

    async def raw(self, intake: int) -> bytes:
        """Return the octets of an intake as they came. Raises NotFound."""
        return await self.read_raw(await self.read(lambda context: listings.raw_of(context, intake)))

    async def list_blocklist(self) -> Sequence[BlockRow]:
        """Return the stored patterns."""
        return await self.read(lists.list_blocklist)

    async def list_suppressions(self) -> Sequence[SuppressionRow]:
        """Return the addresses that get no automatic mail for a while."""
        return await self.read(lists.list_suppressions)

    async def list_breakers(self) -> Sequence[BreakerRow]:
        """Return the breakers that were ever tripped."""
        return await self.read(statistics.list_breakers)

    async def list_agents(self) -> Sequence[AgentRow]:
        """Return the local accounts."""
        return await self.read(lists.list_agents)

    async def statistics(self) -> Statistics:
        """Return what waits where, at this moment."""
        return await self.read(statistics.statistics)

    async def check_writable(self) -> None:
        """Write and commit something harmless. Raises Transient if the store could not take a mail now."""
        await self.write(statistics.beat)

    async def audit(self, *, octets: bool = True) -> Audit:
        """Check the sum of the ledger (I1); with `octets`, also that each raw mail still has its hash."""
        waiting, dispositions = await self.read(statistics.count_intakes, patience=AUDIT_PATIENCE)
        problems = await self.read(statistics.broken_sentences, patience=AUDIT_PATIENCE)
        deliveries = await self.read(statistics.count_deliveries, patience=AUDIT_PATIENCE)
        read = 0
        if octets:
            read, damaged = await self._hash_again()
            problems += damaged
        total = waiting + sum(dispositions.values())
        return Audit(total, waiting, dispositions, read, deliveries, tuple(problems))

    async def _hash_again(self) -> tuple[int, list[str]]:
        """Read every raw mail, a few at a time, and compare its hash with the one that was noted at its acceptance."""
        after, read, damaged = 0, 0, []
        while rows := await self.read(partial(statistics.next_raws, after=after)):
            for raw_id, sha256, _size, location, digest in rows:
                after, read = raw_id, read + 1
                found = digest
                if location is not None:
                    try:
                        found = hashlib.sha256(await self.read_raw(raw_id)).hexdigest()
                    except StorageUnavailable as error:
                        damaged.append(str(error))
                        continue
                if found != sha256:
                    damaged.append(f"raw mail {raw_id} is not what was accepted")
        return read, damaged
