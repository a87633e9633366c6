"""Accounts in the store: gateway.desk.ports.AccountBooks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from gateway.desk.nouns import Agent, SessionRow, TokenRow
from gateway.store import desk_accounts
from gateway.store.core import StoreCore


class AccountsSide(StoreCore):
    """Who is who, and who is signed in."""

    async def find_agent(self, address: str) -> tuple[Agent, str | None] | None:
        """Return the account with this address and its password's hash."""
        return await self.read(lambda context: desk_accounts.find_agent(context, address))

    async def desk_agents(self) -> Sequence[Agent]:
        """Return every account."""
        return await self.read(desk_accounts.list_agents)

    async def set_password(self, agent: int, password: str, *, must_change: bool, keep_session: int | None) -> None:
        """Replace a password and end every other session."""
        await self.write(
            lambda context: desk_accounts.set_password(
                context, agent, password, must_change=must_change, keep_session=keep_session
            )
        )

    async def rehash(self, agent: int, password: str) -> None:
        """Replace the hash of the same password."""
        await self.write(lambda context: context.transaction.run(desk_accounts.REHASH, agent=agent, secret=password))

    async def set_preferences(self, agent: int, locale: str, zone: str, signature: str) -> None:
        """Keep what an agent prefers."""
        await self.write(lambda context: desk_accounts.set_preferences(context, agent, locale, zone, signature))

    async def grant_queues(self, address: str, queues: Sequence[str] | None) -> None:
        """Say which queues an account may see."""
        await self.write(lambda context: desk_accounts.grant_queues(context, address, queues))

    async def blocked_until(self, keys: Sequence[str]) -> datetime | None:
        """Tell until when tries are refused."""
        return await self.read(lambda context: desk_accounts.blocked_until(context, keys))

    async def note_failure(self, key: str, free: int, first: timedelta, longest: timedelta) -> None:
        """Count a failed try."""
        await self.write(lambda context: desk_accounts.note_failure(context, key, free, first, longest))

    async def forget_failures(self, key: str) -> None:
        """Start counting again."""
        await self.write(lambda context: context.transaction.run(desk_accounts.FORGET, which=key))

    async def open_session(self, agent: int, digest: str, expires_at: datetime, peer: str, browser: str) -> int:
        """Keep a new session."""
        return await self.write(
            lambda context: desk_accounts.open_session(context, agent, digest, expires_at, peer=peer, browser=browser)
        )

    async def session(self, digest: str) -> tuple[int, Agent] | None:
        """Return a session that counts; note that it was seen, once a minute at most."""
        found = await self.read(lambda context: desk_accounts.session(context, digest))
        if found is None:
            return None
        number, agent, stale = found
        if stale:
            await self.write(lambda context: context.transaction.run(desk_accounts.SEEN, which=number, now=context.now))
        return number, agent

    async def list_sessions(self, agent: int) -> Sequence[SessionRow]:
        """Return an agent's sessions."""
        return await self.read(lambda context: desk_accounts.list_sessions(context, agent))

    async def end_session(self, agent: int, session: int) -> bool:
        """End a session."""
        return await self.write(
            lambda context: context.transaction.run(desk_accounts.END, agent=agent, which=session) > 0
        )

    async def add_token(
        self, agent: int, name: str, digest: str, scopes: Sequence[str], expires_at: datetime | None
    ) -> int:
        """Keep a new API token."""
        return await self.write(
            lambda context: desk_accounts.add_token(context, agent, name, digest, scopes=scopes, expires_at=expires_at)
        )

    async def token(self, digest: str) -> tuple[int, tuple[str, ...], Agent] | None:
        """Return a token that counts; note that it was used, once a minute at most."""
        found = await self.read(lambda context: desk_accounts.token(context, digest))
        if found is None:
            return None
        number, scopes, agent, stale = found
        if stale:
            await self.write(lambda context: context.transaction.run(desk_accounts.USED, which=number, now=context.now))
        return number, scopes, agent

    async def list_tokens(self, agent: int) -> Sequence[TokenRow]:
        """Return an agent's tokens."""
        return await self.read(lambda context: desk_accounts.list_tokens(context, agent))

    async def remove_token(self, agent: int, token: int) -> bool:
        """Make a token count no more."""
        return await self.write(
            lambda context: context.transaction.run(desk_accounts.REMOVE_TOKEN, agent=agent, which=token) > 0
        )
