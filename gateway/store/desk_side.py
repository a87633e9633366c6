"""What people do by hand: the acting half of ports.Operations."""

from __future__ import annotations

from gateway.model import AlertWish
from gateway.store import desk, lists
from gateway.store.core import StoreCore


class DeskSide(StoreCore):
    """Changes by operators and agents, each durable before it returns."""

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
        """Change a ticket, with an entry for each change; an empty assignee means nobody."""
        wanted = {"status": status, "assignee": assignee, "priority": priority, "queue": queue}
        await self.write(lambda context: desk.change_ticket(context, ticket, by, wanted, version))

    async def add_note(self, ticket: int, by: str, text: str) -> int:
        """Put an internal note on a ticket; it is never mailed."""
        return await self.write(lambda context: desk.add_note(context, ticket, by, text))

    async def retry_delivery(self, delivery: int, by: str) -> None:
        """Send again at once what failed, is held, was cancelled, or waits for its next attempt."""
        await self.write(lambda context: desk.retry_delivery(context, delivery, by))

    async def cancel_delivery(self, delivery: int, by: str) -> None:
        """Never send what waits or is held."""
        await self.write(lambda context: desk.cancel_delivery(context, delivery, by))

    async def hold_delivery(self, delivery: int, by: str) -> None:
        """Keep what waits until it is retried or cancelled."""
        await self.write(lambda context: desk.hold_delivery(context, delivery, by))

    async def replay_intake(self, intake: int, *, release: bool = False) -> bool:
        """Judge a held intake again; with `release`, whatever held it counts no more. False if it is not held."""
        return await self.write(lambda context: desk.replay_intake(context, intake, release=release))

    async def pause_channel(self, channel: str, because: str) -> None:
        """Hand out nothing of a channel any more."""
        await self.write(lambda context: desk.pause(context, channel, because))

    async def resume_channel(self, channel: str) -> bool:
        """End a pause. False if there was none."""
        return await self.write(lambda context: desk.resume(context, channel))

    async def block(self, pattern: str, reason: str, by: str) -> None:
        """Add a pattern to the loop blocklist; one that is there already stays."""
        await self.write(lambda context: lists.block(context, pattern, reason, by))

    async def unblock(self, pattern: str) -> bool:
        """Remove a stored pattern. False if it is not there."""
        return await self.write(lambda context: lists.unblock(context, pattern))

    async def lift_suppression(self, address: str) -> bool:
        """Let an address get automatic mail again. False if it was not suppressed."""
        return await self.write(lambda context: lists.lift_suppression(context, address))

    async def reset_breaker(self, queue: str) -> bool:
        """Close an open breaker; the limits count on. False if it was not open."""
        return await self.write(lambda context: lists.reset_breaker(context, queue))

    async def add_agent(self, address: str, name: str, role: str, password: str | None) -> int:
        """Create an account; `password` is an argon2 hash. Raises Conflict if the address has one."""
        return await self.write(lambda context: lists.add_agent(context, address, name, role, password))

    async def change_agent(
        self, address: str, *, password: str | None = None, disabled: bool | None = None, role: str | None = None
    ) -> None:
        """Change an account. Raises NotFound."""
        await self.write(lambda context: lists.change_agent(context, address, password, disabled, role))

    async def set_alerts(self, address: str, wish: str) -> None:
        """Say of which customers' mails an agent hears by mail: off, own or all. Raises NotFound."""
        await self.write(lambda context: lists.set_alerts(context, address, AlertWish(wish)))
