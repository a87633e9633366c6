"""Sessions, tokens and accounts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from pydantic import Field

from gateway.desk import Accounts, Desk, Scope
from gateway.desk.nouns import Agent, SessionRow, TokenRow
from gateway.http.api.common import Body, Ident, Rows, router
from gateway.http.sessions import Who, sessions_of

Address = Annotated[str, Path(max_length=320, description="The account's address.")]
Password = Annotated[str, Field(max_length=1000)]


class SignIn(Body):
    """An address and its password."""

    address: str = Field(max_length=320)
    password: Password


class NewPassword(Body):
    """The present password and the one to come."""

    old: Password
    new: Password


class Preferences(Body):
    """What an agent prefers; empty leaves it to the browser."""

    locale: str = Field("", max_length=8)
    zone: str = Field("", max_length=64)
    signature: str = Field("", max_length=2000)


class NewToken(Body):
    """A token to make."""

    name: str = Field(min_length=1, max_length=80)
    scopes: list[Scope] = Field(min_length=1, max_length=3)
    days: int | None = Field(None, ge=1, le=3650)


class NewAgent(Body):
    """An account to make. Without a password it signs in elsewhere."""

    address: str = Field(max_length=320)
    name: str = Field(min_length=1, max_length=200)
    role: str = Field("agent", pattern="^(agent|admin)$")
    password: Password | None = None


class AgentChange(Body):
    """What to change of an account."""

    role: str | None = Field(None, pattern="^(agent|admin)$")
    disabled: bool | None = None
    password: Password | None = None


class Granted(Body):
    """Which queues an account may see; null for all."""

    queues: list[Annotated[str, Field(max_length=100)]] | None = Field(max_length=500)


@dataclass(frozen=True, slots=True)
class Me:
    """Who is signed in, and the CSRF token for the header `X-CSRF-Token` of unsafe requests with a cookie."""

    agent: Agent
    scopes: tuple[str, ...]
    csrf: str
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class MadeToken:
    """A new token. Its text is shown here and never again."""

    token: TokenRow
    text: str


def account_routes(desk: Desk) -> APIRouter:
    """Return the routes of accounts."""
    routes = router(desk, "accounts")
    session_routes(routes, desk.accounts)
    token_routes(routes, desk.accounts)
    agent_routes(routes, desk.accounts)
    return routes


def session_routes(routes: APIRouter, accounts: Accounts) -> None:
    """Add signing in and out."""

    @routes.post("/session", operation_id="signIn", status_code=201)
    async def sign_in(request: Request, response: Response, body: SignIn) -> Me:
        """Sign in with a password; sets the session's cookie."""
        peer = request.client.host if request.client else ""
        signed = await accounts.sign_in(
            body.address, body.password, peer=peer, browser=request.headers.get("user-agent", "")
        )
        sessions_of(request).open(request, response, signed)
        who = signed.principal
        return Me(who.agent, tuple(sorted(who.scopes)), who.csrf, signed.expires_at)

    @routes.get("/session", operation_id="whoAmI")
    async def session(who: Who) -> Me:
        """Tell who is signed in."""
        return Me(who.agent, tuple(sorted(who.scopes)), who.csrf)

    @routes.delete("/session", operation_id="signOut", status_code=204)
    async def sign_out(request: Request, response: Response, who: Who) -> None:
        """End this session."""
        await accounts.sign_out(who)
        sessions_of(request).forget(response)

    @routes.put("/session/password", operation_id="changePassword", status_code=204)
    async def password(who: Who, body: NewPassword) -> None:
        """Change one's own password; every other session ends."""
        await accounts.change_password(who, body.old, body.new)

    @routes.put("/session/preferences", operation_id="setPreferences", status_code=204)
    async def preferences(who: Who, body: Preferences) -> None:
        """Keep what one prefers."""
        await accounts.set_preferences(who, locale=body.locale, zone=body.zone, signature=body.signature)

    @routes.get("/sessions", operation_id="listSessions")
    async def sessions(who: Who) -> Rows[SessionRow]:
        """List one's own sessions."""
        return Rows(await accounts.sessions(who))

    @routes.delete("/sessions/{ident}", operation_id="endSession", status_code=204)
    async def end_session(who: Who, ident: Ident) -> None:
        """End one of one's own sessions."""
        await accounts.end_session(who, ident)


def token_routes(routes: APIRouter, accounts: Accounts) -> None:
    """Add API tokens."""

    @routes.get("/tokens", operation_id="listTokens")
    async def tokens(who: Who) -> Rows[TokenRow]:
        """List one's own API tokens."""
        return Rows(await accounts.tokens(who))

    @routes.post("/tokens", operation_id="addToken", status_code=201)
    async def add_token(who: Who, body: NewToken) -> MadeToken:
        """Make an API token."""
        return MadeToken(*await accounts.add_token(who, body.name, body.scopes, body.days))

    @routes.delete("/tokens/{ident}", operation_id="removeToken", status_code=204)
    async def remove_token(who: Who, ident: Ident) -> None:
        """Make a token count no more."""
        await accounts.remove_token(who, ident)


def agent_routes(routes: APIRouter, accounts: Accounts) -> None:
    """Add accounts."""

    @routes.get("/agents", operation_id="listAgents")
    async def agents(who: Who) -> Rows[Agent]:
        """List the accounts."""
        return Rows(await accounts.agents(who))

    @routes.post("/agents", operation_id="addAgent", status_code=201)
    async def add_agent(who: Who, body: NewAgent) -> Agent:
        """Make an account; its first password has to be changed by its owner. For administrators."""
        return await accounts.add_agent(who, body.address, body.name, body.role, body.password)

    @routes.patch("/agents/{address}", operation_id="changeAgent")
    async def change_agent(who: Who, address: Address, body: AgentChange) -> Agent:
        """Change an account. For administrators."""
        return await accounts.change_agent(who, address, role=body.role, disabled=body.disabled, password=body.password)

    @routes.put("/agents/{address}/queues", operation_id="grantQueues")
    async def grant_queues(who: Who, address: Address, body: Granted) -> Agent:
        """Say which queues an account may see. For administrators."""
        return await accounts.grant_queues(who, address, body.queues)
