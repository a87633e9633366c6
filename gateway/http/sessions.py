"""Who makes a request: session cookie, API token, or a trusted proxy's header; and whether it was meant.

Every route that knows its principal by `Sessions.principal` is guarded against forged requests by that alone: an unsafe
method with a cookie needs our own Origin (checked by the Guard) and the CSRF token of the session, in the header
`X-CSRF-Token` or in the form field `csrf`. Bearer tokens are no ambient authority and need neither.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request, Response

from gateway.config.settings import Agents
from gateway.desk.access import Forbidden
from gateway.desk.accounts import Accounts, SignedIn, csrf_of
from gateway.desk.nouns import Agent, Principal, Scope
from gateway.errors import PoterneError
from gateway.http.guard import UNSAFE, from_this_machine

COOKIE, SECURE_COOKIE = "poterne", "__Host-poterne"  # the prefix makes browsers insist on Secure and on Path=/
HEADER, FIELD = "x-csrf-token", "csrf"
LONGEST_SECRET = 200
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


# Programs of the operator on this machine, who can read the instance's key: they may do what `poterne` commands do.
MACHINE = Principal(Agent(0, "this machine", "", "admin"), frozenset({Scope.READ, Scope.ADMIN}), token=0)


def machine_token(key: bytes) -> str:
    """Return the bearer token by which the operator's programs on this machine read the API."""
    return "poterne_machine_" + hmac.digest(key, b"poterne machine", "sha256").hex()


class NotSignedIn(PoterneError):
    """The request has no session, or one that ended."""


class Sessions:
    """Finds the principal of a request, opens and ends sessions."""

    def __init__(self, accounts: Accounts, key: bytes, agents: Callable[[], Agents]) -> None:
        self.accounts, self._key, self._agents = accounts, key, agents
        self._machine = machine_token(key).encode()

    async def principal(self, request: Request) -> Principal:
        """Return who makes the request. Raises NotSignedIn; Forbidden for an unsafe request that was not meant."""
        checked: Principal | None = getattr(request.state, "principal", None)
        if checked is not None:
            return checked
        found = await self.known(request)
        if found is None:
            raise NotSignedIn("sign in first")
        if found.token is None and request.method in UNSAFE:
            given = await csrf_given(request)
            if not found.csrf or not hmac.compare_digest(given.encode(), found.csrf.encode()):
                raise Forbidden("the form is too old; load the page again")
        request.state.principal = found
        return found

    async def known(self, request: Request) -> Principal | None:
        """Return who makes the request, or None. Checks no CSRF token: for reading, and for pages of strangers."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if token:
            if scheme.lower() != "bearer" or len(token) > LONGEST_SECRET:
                return None
            if hmac.compare_digest(token.encode(), self._machine):
                return MACHINE if from_this_machine(request.scope) else None
            return await self.accounts.token(token.strip())
        secret = secret_of(request)
        if secret:
            return await self.accounts.session(secret)
        header = self._agents().trusted_proxy_header
        if header and from_this_machine(request.scope) and (address := request.headers.get(header)):
            found = await self.accounts.vouched(address)
            if found is not None:
                secret = f"{hmac.digest(self._key, b'poterne proxy', 'sha256').hex()} {found.agent.address}"
                return Principal(found.agent, found.scopes, csrf=csrf_of(secret))
        return None

    def open(self, request: Request, response: Response, signed: SignedIn) -> None:
        """Set the cookie of a new session."""
        secure = over_tls(request)
        response.set_cookie(
            SECURE_COOKIE if secure else COOKIE,
            signed.secret,
            max_age=int(self._agents().session.total_seconds()),
            path="/",
            secure=secure,
            httponly=True,
            samesite="strict",
        )

    def forget(self, response: Response) -> None:
        """Remove the cookies."""
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        response.delete_cookie(SECURE_COOKIE, path="/", secure=True, httponly=True, samesite="strict")


def secret_of(request: Request) -> str:
    """Return the session's secret, or the empty text."""
    text = request.cookies.get(SECURE_COOKIE) or request.cookies.get(COOKIE) or ""
    return text if len(text) <= LONGEST_SECRET and text.isascii() else ""


async def csrf_given(request: Request) -> str:
    """Return the CSRF token that came with a request."""
    given = request.headers.get(HEADER, "")
    if not given and request.headers.get("content-type", "").partition(";")[0].strip().lower() in FORMS:
        field = (await request.form()).get(FIELD)
        given = field if isinstance(field, str) else ""
    return given


def over_tls(request: Request) -> bool:
    """Tell whether the browser speaks TLS with whoever it thinks we are: its own Origin says so."""
    origin = request.headers.get("origin") or request.headers.get("referer") or ""
    return urlsplit(origin).scheme == "https" or request.url.scheme == "https"


def sessions_of(request: Request) -> Sessions:
    """Return the sessions of the application that serves this request."""
    sessions: Sessions = request.app.state.sessions
    return sessions


async def principal_of(request: Request) -> Principal:
    """Return who makes the request: the dependency of every route that is not public."""
    return await sessions_of(request).principal(request)


async def known_or_nobody(request: Request) -> Principal | None:
    """Return who makes the request, or None: the dependency of pages that strangers see, too."""
    return await sessions_of(request).known(request)


Who = Annotated[Principal, Depends(principal_of)]
WhoOrNobody = Annotated[Principal | None, Depends(known_or_nobody)]
