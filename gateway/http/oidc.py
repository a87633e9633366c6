"""Sign-in by OpenID Connect: authorization code with PKCE. Off unless `agents.oidc_issuer` is configured.

What we remember between the two steps stands in a signed cookie of some minutes. The ID token comes straight from the
token endpoint over verified TLS, which OpenID Connect Core §3.1.3.7 (6) takes in place of its signature; issuer,
audience, nonce and expiry are checked. It opens sessions for accounts that exist, and makes none.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import secrets
import time
import urllib.error
import urllib.request
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote, urlencode, urlsplit

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from itsdangerous import BadData, URLSafeTimedSerializer

from gateway.config import read_secret
from gateway.config.settings import Agents
from gateway.desk import Desk
from gateway.errors import NotFound, SignInRefused, Transient
from gateway.http.guard import LOOPBACK_HOSTS
from gateway.http.sessions import Sessions, over_tls

COOKIE = "poterne_oidc"
VALID_SECONDS = 600
TIMEOUT = 10
LARGEST_ANSWER = 1 << 20
LEEWAY = 120  # seconds that two clocks may differ
CALLBACK = "/sign-in/oidc/callback"
ONWARD = (
    '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url=/"><title>Poterne</title>'
    '<a href="/">Poterne</a>'
)


class IssuerUnavailable(Transient):
    """The OpenID Connect issuer does not answer."""


class Issuer:
    """One OpenID Connect issuer: what it says of itself, and how codes become claims. Blocking: called in threads."""

    def __init__(self, agents: Agents) -> None:
        self.issuer = (agents.oidc_issuer or "").rstrip("/")
        self.client = agents.oidc_client_id or ""
        self._secret = agents.oidc_client_secret

    def discover(self) -> Mapping[str, Any]:
        """Return the issuer's document (OpenID Connect Discovery §4)."""
        document = fetch(f"{self.issuer}/.well-known/openid-configuration")
        if str(document.get("issuer", "")).rstrip("/") != self.issuer:
            raise SignInRefused("the issuer's document names another issuer")
        return document

    def claims(self, code: str, verifier: str, redirect: str, nonce: str) -> Mapping[str, Any]:
        """Exchange a code for the claims of its ID token. Raises SignInRefused for what does not fit."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect,
            "client_id": self.client,
            "code_verifier": verifier,
        }
        headers = {}
        if self._secret is not None:
            pair = f"{quote(self.client, safe='')}:{quote(read_secret(self._secret).text(), safe='')}"
            headers["Authorization"] = "Basic " + b64encode(pair.encode()).decode()  # RFC 6749 §2.3.1
        answer = fetch(str(self.discover().get("token_endpoint", "")), form, headers)
        claims = unpack(str(answer.get("id_token", "")))
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        expires = claims.get("exp")
        sound = (
            str(claims.get("iss", "")).rstrip("/") == self.issuer
            and self.client in audiences
            and (len(audiences) == 1 or claims.get("azp") == self.client)
            and isinstance(expires, int | float)
            and expires > time.time() - LEEWAY
            and hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode())
        )
        if not sound:
            raise SignInRefused("the issuer's answer is not for this sign-in")
        return claims


def fetch(
    address: str, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
) -> Mapping[str, Any]:
    """Ask the issuer, over verified TLS; in clear only on this machine."""
    parts = urlsplit(address)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS):
        raise SignInRefused("the issuer has to be asked over https")
    body = None if form is None else urlencode(form).encode()
    request = urllib.request.Request(  # noqa: S310 - the scheme was looked at
        address, body, {"Accept": "application/json", **(headers or {})}
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
            found = json.loads(answer.read(LARGEST_ANSWER))
    except urllib.error.HTTPError as error:
        with error:
            raise SignInRefused(f"the issuer refused the sign-in ({error.code})") from None
    except (OSError, ValueError):
        raise IssuerUnavailable("the issuer does not answer") from None
    if not isinstance(found, dict):
        raise SignInRefused("the issuer's answer is not understood")
    return found


def unpack(token: str) -> Mapping[str, Any]:
    """Return the claims of a token (RFC 7519 §3)."""
    parts = token.split(".")
    try:
        claims = json.loads(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, IndexError):
        raise SignInRefused("the issuer's answer is not understood") from None
    if not isinstance(claims, dict):
        raise SignInRefused("the issuer's answer is not understood")
    return claims


def oidc_routes(desk: Desk, sessions: Sessions, key: bytes) -> APIRouter:
    """Return /sign-in/oidc and where the issuer sends browsers back to."""
    router = APIRouter(include_in_schema=False)
    signer = URLSafeTimedSerializer(hmac.digest(key, b"poterne oidc", "sha256"), salt="oidc")

    def issuer() -> Issuer:
        agents = desk.settings().agents
        if not agents.oidc_issuer or not agents.oidc_client_id:
            raise NotFound("sign-in by OpenID Connect is not configured")
        return Issuer(agents)

    def redirect_of(request: Request) -> str:
        scheme = "https" if over_tls(request) else "http"
        return f"{scheme}://{request.headers['host']}{CALLBACK}"

    @router.get("/sign-in/oidc")
    async def begin(request: Request) -> Response:
        """Send the browser to the issuer."""
        there = issuer()
        document = await asyncio.to_thread(there.discover)
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        redirect = redirect_of(request)
        challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")  # RFC 7636 §4.2
        query = {
            "response_type": "code",
            "client_id": there.client,
            "redirect_uri": redirect,
            "scope": "openid email",
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        endpoint = str(document.get("authorization_endpoint", ""))
        mark = "&" if "?" in endpoint else "?"
        response = RedirectResponse(f"{endpoint}{mark}{urlencode(query)}", 303)
        kept = str(signer.dumps([state, nonce, verifier, redirect]))
        # Lax, since the browser comes back from another site; it signs nobody in by itself.
        response.set_cookie(
            COOKIE,
            kept,
            max_age=VALID_SECONDS,
            path="/sign-in/oidc",
            secure=over_tls(request),
            httponly=True,
            samesite="lax",
        )
        return response

    @router.get(CALLBACK)
    async def callback(
        request: Request,
        code: Annotated[str, Query(max_length=4000)] = "",
        state: Annotated[str, Query(max_length=200)] = "",
    ) -> Response:
        """Open a session for whom the issuer vouches."""
        there = issuer()
        try:
            kept = signer.loads(request.cookies.get(COOKIE, ""), max_age=VALID_SECONDS)
        except BadData:
            raise SignInRefused("the sign-in took too long; try again") from None
        expected, nonce, verifier, redirect = kept
        if not code or not hmac.compare_digest(state.encode(), str(expected).encode()):
            raise SignInRefused("the issuer's answer is not for this sign-in")
        claims = await asyncio.to_thread(there.claims, code, verifier, redirect, nonce)
        if claims.get("email_verified") is not True:
            raise SignInRefused("the issuer has not verified this address")
        peer = request.client.host if request.client else ""
        signed = await desk.accounts.sign_in_known(
            str(claims.get("email", "")), peer=peer, browser=request.headers.get("user-agent", "")
        )
        # A strict cookie does not travel along a redirect from another site: a page of ours goes on.
        response = HTMLResponse(ONWARD)
        sessions.open(request, response, signed)
        response.delete_cookie(COOKIE, path="/sign-in/oidc")
        return response

    return router
