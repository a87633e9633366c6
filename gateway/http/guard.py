"""What every request passes before a route sees it: Host check, counting, fixed answers for errors, safe headers.

Plain ASGI: `Guard` wraps the whole application, `Catch` stands inside it, where the framework has not answered yet.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Awaitable, Callable, Collection, Iterable
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.errors import PoterneError, is_transient
from gateway.telemetry import metrics
from gateway.telemetry.log import bound, get_logger

log = get_logger()

UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
LARGEST_BODY = 36 << 20  # octets: what may be attached to one mail, in a form
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),  # with no-referrer, forms of ours would come with `Origin: null`
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)


class Guard:
    """Lets requests for our own names pass, gives each an id, counts it, and adds safe headers to the answer."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self._app = app
        self._hosts = LOOPBACK_HOSTS | {host.lower() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        started = time.monotonic()
        status = 0

        async def send_guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                present = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(pair for pair in HEADERS if pair[0] not in present)]
            await send(message)

        with bound(request=secrets.token_hex(8)):
            # DNS rebinding: a foreign page may make a browser ask us, but only under the page's own name.
            if host_of(scope) not in self._hosts:
                await answer(send_guarded, 421, "this server does not serve that host name")
            elif scope["method"] in UNSAFE and not same_origin(scope, self._hosts):
                await answer(send_guarded, 403, "this request comes from another site")
            elif declared_length(scope) > LARGEST_BODY:
                await answer(send_guarded, 413, "this request is too large")
            else:
                await self._app(scope, bounded(receive), send_guarded)
        method = scope["method"] if scope["method"] in METHODS else "other"
        route = route_of(scope)
        metrics.HTTP_REQUESTS.labels(route, method, metrics.reply_class(status)).inc()
        metrics.HTTP_SECONDS.labels(route).observe(time.monotonic() - started)


Apology = Callable[[Scope, int, str, str], Awaitable[ASGIApp | None]]


class Catch:
    """The one broad catch of HTTP: the cause goes to the log, the client gets an id and nothing else.

    `apology` makes a page of status, words and id for those who read pages; without one a problem has to do.
    """

    def __init__(self, app: ASGIApp, apology: Apology | None = None) -> None:
        self._app, self._apology = app, apology

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        started = False

        async def send_noting(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, send_noting)
        except Exception as error:
            error_id = secrets.token_hex(8)
            if not isinstance(error, TooLarge):
                log.exception("http.failed", method=scope["method"], route=route_of(scope), error_id=error_id)
            if started:
                return  # the answer stays incomplete, and the server closes the connection
            if isinstance(error, TooLarge):
                status, words, error_id = 413, "this request is too large", ""
            elif isinstance(error, PoterneError) and is_transient(error):
                status, words = 503, "the store does not answer"
            else:
                status, words = 500, "internal error"
            page = await self._page(scope, status, words, error_id)
            if page is None:
                await answer(send, status, words, error_id)
            else:
                await page(scope, receive, send)

    async def _page(self, scope: Scope, status: int, words: str, error_id: str) -> ASGIApp | None:
        """Return a page that says what happened, or None where nobody reads pages."""
        if self._apology is None:
            return None
        try:
            return await self._apology(scope, status, words, error_id)
        except Exception:  # what broke the request may break its page, too: then plain words have to do
            log.exception("http.failed", method=scope["method"], route=route_of(scope), error_id=error_id)
            return None


def host_of(scope: Scope) -> str:
    """Return the host name that a request asks for, without port and brackets; empty if it is missing or doubled."""
    values = [value for name, value in scope["headers"] if name == b"host"]
    if len(values) != 1:
        return ""  # RFC 9112 §3.2: exactly one
    text = str(values[0].decode("latin-1")).strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0]


class TooLarge(Exception):
    """A request without a length went on for too long."""


def declared_length(scope: Scope) -> int:
    """Return what a request says of its length; nonsense counts as nothing, and the server refuses it."""
    text = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    return int(text) if text.isdigit() else 0


def bounded(receive: Receive) -> Receive:
    """Return a `receive` that stops a body which is larger than any of ours."""
    left = LARGEST_BODY

    async def bounded_receive() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise TooLarge
        return message

    return bounded_receive


def same_origin(scope: Scope, hosts: Collection[str]) -> bool:
    """Tell whether an unsafe request comes from a page of ours, or from no page at all.

    Browsers send Origin with every unsafe request (Fetch §3.2); programs send none, and no cookie either.
    """
    headers = [(name, value.decode("latin-1")) for name, value in scope["headers"]]
    origins = [value for name, value in headers if name == b"origin"]
    if any(value.lower() not in {"same-origin", "none"} for name, value in headers if name == b"sec-fetch-site"):
        return False
    if not origins:
        return not any(name == b"cookie" for name, _ in headers)
    if len(origins) > 1:
        return False
    parts = urlsplit(origins[0].lower())
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return False
    host = next((value.strip().lower() for name, value in headers if name == b"host"), "")
    # Behind a proxy the Host may be the proxy's word for us; another program on this machine is never ours.
    return parts.netloc == host or (parts.hostname in hosts and parts.hostname not in LOOPBACK_HOSTS)


def from_this_machine(scope: Scope) -> bool:
    """Tell whether the peer is on this machine; a proxy of ours is, and so is a unix socket, which its mode guards."""
    client = scope.get("client")
    peer = client[0] if client else "127.0.0.1"
    return bool(peer == "::1" or peer.startswith("127."))


def route_of(scope: Scope) -> str:
    """Return the pattern of the route that matched, never the path itself: a metric's labels must stay few."""
    return getattr(scope.get("route"), "path", "unmatched")


async def answer(send: Send, status: int, text: str, error_id: str = "") -> None:
    """Send a problem as JSON (RFC 9457)."""
    problem = {"title": text, "status": status} | ({"instance": error_id} if error_id else {})
    body = json.dumps(problem).encode()
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
