"""Signing in and out: passwords with lock-out, sessions, API tokens. No secret is kept in clear.

A session's secret stands in a cookie, a token's in a header; the store knows their SHA-256. CSRF tokens derive from
the session's secret, so that nobody who cannot read the cookie can make one.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.desk.access import Forbidden, need, need_admin
from gateway.desk.nouns import Agent, Principal, Scope, SessionRow, TokenRow
from gateway.desk.passwords import MAX_PASSWORD, MIN_PASSWORD, Hasher
from gateway.desk.ports import AccountBooks
from gateway.errors import Conflict, NotFound, NotSendable, SignInRefused
from gateway.mail.address import is_valid, normal
from gateway.ports import Clock, Operations

WRONG = "the address or the password is wrong"
TOKEN_PREFIX = "poterne_"  # noqa: S105 - what secret scanners look for
FREE_TRIES = {"a": 5, "p": 30}  # per address and per peer, before they wait
HERE = frozenset({"", "127.0.0.1", "::1"})  # everybody who comes through a proxy of ours: not one of them is blocked
FEWEST_SIGNS = 4  # different ones in a password
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=15), timedelta(minutes=15)


class TooManyTries(SignInRefused):
    """Tries are refused for a while, whatever the password."""

    def __init__(self, until: datetime) -> None:
        super().__init__("too many tries; wait and try again")
        self.until = until


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session: its secret goes into the cookie and nowhere else."""

    secret: str
    expires_at: datetime
    principal: Principal


class Accounts:
    """Who is who."""

    def __init__(
        self, books: AccountBooks, operations: Operations, hasher: Hasher, clock: Clock, session: timedelta
    ) -> None:
        self._books, self._operations = books, operations
        self._hasher, self._clock, self._session = hasher, clock, session

    # --- signing in -------------------------------------------------------------------------------------------

    async def sign_in(self, address: str, password: str, *, peer: str = "", browser: str = "") -> SignedIn:
        """Open a session for an address and a password. Raises TooManyTries, or SignInRefused, always the same."""
        keys = {"a": f"a:{normal(address)[:300]}"}
        if peer not in HERE:
            keys["p"] = f"p:{peer}"
        until = await self._books.blocked_until(tuple(keys.values()))
        if until is not None:
            raise TooManyTries(until)
        found = await self._books.find_agent(normal(address)) if is_valid(address) else None
        kept = found[1] if found and not found[0].disabled else None
        if not await self._hasher.matches(kept, password) or found is None or kept is None:
            for kind, key in keys.items():
                await self._books.note_failure(key, FREE_TRIES[kind], FIRST_PAUSE, LONGEST_PAUSE)
            raise SignInRefused(WRONG)
        await self._books.forget_failures(keys["a"])
        if self._hasher.outdated(kept):
            await self._books.rehash(found[0].id, await self._hasher.hash(password))
        return await self._open(found[0], peer, browser)

    async def sign_in_known(self, address: str, *, peer: str = "", browser: str = "") -> SignedIn:
        """Open a session for an address that somebody else vouched for. Only accounts that exist (T7)."""
        found = await self._books.find_agent(normal(address)) if is_valid(address) else None
        if found is None or found[0].disabled:
            raise SignInRefused("there is no account for this address; ask an administrator for one")
        return await self._open(found[0], peer, browser)

    async def _open(self, agent: Agent, peer: str, browser: str) -> SignedIn:
        secret = secrets.token_urlsafe(32)
        expires_at = self._clock.now() + self._session
        session = await self._books.open_session(agent.id, digest(secret), expires_at, peer[:100], browser[:200])
        return SignedIn(secret, expires_at, principal_of(agent, session, secret))

    async def session(self, secret: str) -> Principal | None:
        """Return who has this session, or None if it ended."""
        found = await self._books.session(digest(secret))
        return principal_of(found[1], found[0], secret) if found else None

    async def vouched(self, address: str) -> Principal | None:
        """Return who a trusted proxy says that this is: read and write, guarded by Origin alone."""
        found = await self._books.find_agent(normal(address)) if is_valid(address) else None
        if found is None or found[0].disabled:
            return None
        return principal_of(found[0], None, "")

    async def sign_out(self, who: Principal) -> None:
        """End this session."""
        if who.session is not None:
            await self._books.end_session(who.agent.id, who.session)

    async def change_password(self, who: Principal, old: str, new: str) -> None:
        """Replace one's own password; every other session ends."""
        if who.token is not None:
            raise Forbidden("a token cannot change the password")
        found = await self._books.find_agent(who.agent.address)
        key = f"a:{who.agent.address}"
        until = await self._books.blocked_until((key,))
        if until is not None:
            raise TooManyTries(until)
        if not await self._hasher.matches(found[1] if found else None, old):
            await self._books.note_failure(key, FREE_TRIES["a"], FIRST_PAUSE, LONGEST_PAUSE)
            raise SignInRefused("the present password is wrong")
        check_new(new, old, who.agent)
        hashed = await self._hasher.hash(new)
        await self._books.set_password(who.agent.id, hashed, must_change=False, keep_session=who.session)

    async def set_preferences(self, who: Principal, *, locale: str, zone: str, signature: str) -> None:
        """Keep what an agent prefers."""
        need(who, Scope.WRITE)
        await self._books.set_preferences(who.agent.id, locale[:8], zone[:64], signature[:2000])

    async def sessions(self, who: Principal) -> Sequence[SessionRow]:
        """List one's own sessions."""
        need(who, Scope.READ)
        return await self._books.list_sessions(who.agent.id)

    async def end_session(self, who: Principal, session: int) -> None:
        """End one of one's own sessions. Raises NotFound."""
        need(who, Scope.WRITE)
        if not await self._books.end_session(who.agent.id, session):
            raise NotFound("there is no such session")

    # --- tokens -----------------------------------------------------------------------------------------------

    async def token(self, text: str) -> Principal | None:
        """Return whose token this is, or None if it counts no more."""
        if not text.startswith(TOKEN_PREFIX):
            return None
        found = await self._books.token(digest(text))
        if found is None:
            return None
        number, scopes, agent = found
        allowed = {Scope(scope) for scope in scopes} & scopes_of(agent)
        return Principal(agent, frozenset(allowed), token=number)

    async def tokens(self, who: Principal) -> Sequence[TokenRow]:
        """List one's own tokens."""
        need(who, Scope.READ)
        return await self._books.list_tokens(who.agent.id)

    async def add_token(
        self, who: Principal, name: str, scopes: Sequence[Scope], days: int | None = None
    ) -> tuple[TokenRow, str]:
        """Make a token; its text is returned once and never again. Never more than the maker may do."""
        need(who, Scope.WRITE)
        if who.token is not None:
            raise Forbidden("a token cannot make tokens")
        if not scopes or not frozenset(scopes) <= who.scopes:
            raise Forbidden("a token has at least one scope, and none that you do not have")
        text = TOKEN_PREFIX + secrets.token_urlsafe(32)
        expires_at = None if days is None else self._clock.now() + timedelta(days=days)
        words = [scope.value for scope in scopes]
        number = await self._books.add_token(who.agent.id, name, digest(text), words, expires_at)
        return TokenRow(number, name, tuple(words), self._clock.now(), expires_at, None), text

    async def remove_token(self, who: Principal, token: int) -> None:
        """Make a token count no more. Raises NotFound."""
        need(who, Scope.WRITE)
        if not await self._books.remove_token(who.agent.id, token):
            raise NotFound("there is no such token")

    # --- administration ---------------------------------------------------------------------------------------

    async def agents(self, who: Principal) -> Sequence[Agent]:
        """List the accounts: agents choose assignees from it."""
        need(who, Scope.READ)
        return await self._books.desk_agents()

    async def add_agent(self, who: Principal, address: str, name: str, role: str, password: str | None) -> Agent:
        """Make an account; its first password has to be changed by its owner. Raises Conflict for a known address."""
        need_admin(who)
        if not is_valid(address):
            raise NotSendable("this is no address")
        if role not in {"agent", "admin"}:
            raise NotSendable("the role is agent or admin")
        if password is not None:
            check_new(password, "", Agent(0, address, name, role))
        hashed = None if password is None else await self._hasher.hash(password)
        await self._operations.add_agent(address, name.strip(), role, hashed)
        return await self._agent(address)

    async def change_agent(
        self,
        who: Principal,
        address: str,
        *,
        role: str | None = None,
        disabled: bool | None = None,
        password: str | None = None,
    ) -> Agent:
        """Change an account. Nobody takes away their own rights by accident."""
        need_admin(who)
        if normal(address) == who.agent.address and (disabled or role == "agent"):
            raise Conflict("you cannot take away your own rights; ask another administrator")
        if role not in {None, "agent", "admin"}:
            raise NotSendable("the role is agent or admin")
        agent = await self._agent(address)
        hashed = None
        if password is not None:
            check_new(password, "", agent)
            hashed = await self._hasher.hash(password)
        await self._operations.change_agent(address, password=hashed, disabled=disabled, role=role)
        return await self._agent(address)

    async def grant_queues(self, who: Principal, address: str, queues: Sequence[str] | None) -> Agent:
        """Say which queues an account may see; None for all. Administrators see all of them anyway."""
        need_admin(who)
        await self._agent(address)
        await self._books.grant_queues(normal(address), queues)
        return await self._agent(address)

    async def _agent(self, address: str) -> Agent:
        found = await self._books.find_agent(normal(address))
        if found is None:
            raise NotFound("there is no such account")
        return found[0]


def digest(secret: str) -> str:
    """Return what the store knows a secret of ours by: it has 256 bits, so a plain hash is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


def csrf_of(secret: str) -> str:
    """Return the CSRF token that belongs to a session's secret."""
    return urlsafe_b64encode(hmac.digest(secret.encode(), b"poterne csrf", "sha256")[:24]).decode()


def scopes_of(agent: Agent) -> frozenset[Scope]:
    """Return what an account may do at most."""
    return frozenset(Scope) if agent.admin else frozenset({Scope.READ, Scope.WRITE})


def principal_of(agent: Agent, session: int | None, secret: str) -> Principal:
    """Return a principal with everything that the account may do."""
    return Principal(agent, scopes_of(agent), session=session, csrf=csrf_of(secret) if secret else "")


def check_new(new: str, old: str, agent: Agent) -> None:
    """Refuse passwords that are too short, the old one again, or the account's own words."""
    if not MIN_PASSWORD <= len(new) <= MAX_PASSWORD:
        raise NotSendable(f"a password has at least {MIN_PASSWORD} characters; a few words are best")
    if new == old:
        raise NotSendable("the new password is the old one")
    if new.casefold() in {agent.address.casefold(), agent.name.casefold()} or len(set(new)) < FEWEST_SIGNS:
        raise NotSendable("this password is guessed at once; a few words are best")
