"""A receiver of webhooks: HTTPS on loopback in a thread, answers as it is told, remembers every request."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.support.certificates import server_context


@dataclass
class Request:
    """One POST as it came."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.monotonic)

    @property
    def key(self) -> str:
        return self.headers["webhook-id"]

    @property
    def payload(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def type(self) -> str:
        return str(self.payload["type"])


@dataclass(frozen=True)
class Reply:
    """How to answer; `hang` seconds before anything is said, `drip` seconds between the octets of the body."""

    status: int = 200
    body: bytes = b"thanks"
    headers: tuple[tuple[str, str], ...] = ()
    hang: float = 0
    drip: float = 0
    drop: bool = False  # hang up without a word


class Receiver:
    """Gives the answers in turn, the last one for ever. `answer` may be replaced by a function of the request."""

    def __init__(self, *answers: Reply, context: ssl.SSLContext | None = None, plain: bool = False) -> None:
        self.answers = list(answers) or [Reply()]
        self.requests: list[Request] = []
        self.answer: Callable[[Request], Reply] = lambda _request: self._next()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                receiver.handle(self)

            def log_message(self, *_: Any) -> None:
                """Nothing on stderr."""

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                """Clients that hang up are what is tested."""

        self._server = Quiet(("127.0.0.1", 0), Handler)
        if not plain:
            # The handshake happens in the thread of the connection, so that a bad client holds up nobody.
            self._server.socket = (context or server_context()).wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = int(self._server.server_address[1])
        self.url = f"{'http' if plain else 'https'}://127.0.0.1:{self.port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def _next(self) -> Reply:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def handle(self, handler: BaseHTTPRequestHandler) -> None:
        """Remember one request and answer it."""
        body = handler.rfile.read(int(handler.headers.get("content-length", "0")))
        request = Request(handler.path, {name.lower(): value for name, value in handler.headers.items()}, body)
        self.requests.append(request)
        reply = self.answer(request)
        handler.close_connection = True
        if reply.hang:
            time.sleep(reply.hang)
        if reply.drop:
            return
        handler.send_response(reply.status)
        for name, value in reply.headers:
            handler.send_header(name, value)
        handler.send_header("content-length", str(len(reply.body)))
        handler.end_headers()
        for octet in [bytes([one]) for one in reply.body] if reply.drip else [reply.body]:
            handler.wfile.write(octet)
            handler.wfile.flush()
            time.sleep(reply.drip)

    def types(self) -> list[str]:
        return [request.type for request in self.requests]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
