"""An authorization server that speaks Microsoft's endpoints over TLS: device code, rotating refresh tokens, secrets.

It also introspects, for Dovecot. Tests expire and revoke what they like.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs

from tests.support.certificates import server_context
from tests.support.ports import free_port


class AuthorizationServer:
    """`with AuthorizationServer("help@example.net") as server`; `authority` goes into the configuration."""

    def __init__(self, account: str, *, lifetime: int = 3600) -> None:
        self.account, self.lifetime = account, lifetime
        self.port, self.plain_port = free_port(), free_port()
        self.authority = f"https://localhost:{self.port}"
        self.introspection_url = f"http://127.0.0.1:{self.plain_port}/introspect"
        self.access: dict[str, float] = {}  # token -> until when it counts
        self.refresh: set[str] = set()
        self.confirmed = threading.Event()  # the person entered the code
        self.grants: list[str] = []  # in the order in which they were asked for
        self._servers = [self._server(self.port), self._server(self.plain_port)]
        self._servers[0].socket = server_context().wrap_socket(self._servers[0].socket, server_side=True)

    def expire(self) -> None:
        """Let every access token count no more."""
        self.access = dict.fromkeys(self.access, 0.0)

    def revoke(self) -> None:
        """Let nothing count any more: a person has to sign in again."""
        self.expire()
        self.refresh.clear()

    def issue(self, *, refresh: bool) -> dict[str, Any]:
        """Return a new token answer."""
        token = secrets.token_urlsafe(24)
        self.access[token] = time.time() + self.lifetime
        answer: dict[str, Any] = {"token_type": "Bearer", "expires_in": self.lifetime, "access_token": token}
        if refresh:
            answer["refresh_token"] = secrets.token_urlsafe(24)
            answer["scope"] = "https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office.com/SMTP.Send"
            answer["client_info"] = "eyJ1aWQiOiJ1IiwidXRpZCI6InQifQ"  # {"uid":"u","utid":"t"}
            answer["id_token"] = unsigned({"preferred_username": self.account, "sub": "u", "tid": "t", "oid": "u"})
            self.refresh.add(answer["refresh_token"])
        return answer

    def token(self, form: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """Answer POST /token."""
        grant = form.get("grant_type", "")
        self.grants.append(grant.rpartition(":")[2])
        if grant == "client_credentials":
            if form.get("client_secret") != "right":
                return 401, {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret."}
            return 200, self.issue(refresh=False)
        if grant == "refresh_token":
            if form.get("refresh_token") not in self.refresh:
                return 400, {"error": "invalid_grant", "error_description": "AADSTS50173: The grant was revoked."}
            self.refresh.discard(form["refresh_token"])  # it rotates: the old one counts no more
            return 200, self.issue(refresh=True)
        if not self.confirmed.is_set():
            return 400, {"error": "authorization_pending", "error_description": "AADSTS70016: Pending."}
        return 200, self.issue(refresh=True)

    def answer(self, path: str, form: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """Answer one request."""
        if path.endswith("/.well-known/openid-configuration"):
            base = f"{self.authority}/t"
            return 200, {
                "issuer": base,
                "authorization_endpoint": f"{base}/authorize",
                "token_endpoint": f"{base}/token",
                "device_authorization_endpoint": f"{base}/devicecode",
            }
        if path.endswith("/devicecode"):
            return 200, {
                "device_code": "d",
                "user_code": "ABCD-1234",
                "verification_uri": f"{self.authority}/device",
                "expires_in": 60,
                "interval": 1,
                "message": f"To sign in, open {self.authority}/device and enter the code ABCD-1234.",
            }
        if path.endswith("/introspect"):
            good = self.access.get(form.get("token", ""), 0) > time.time()
            return 200, {"active": True, "username": self.account} if good else {"active": False}
        return self.token(form)

    def _server(self, port: int) -> ThreadingHTTPServer:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                self.reply({key: values[0] for key, values in parse_qs(body).items()})

            def do_GET(self) -> None:
                self.reply({})

            def reply(self, form: Mapping[str, str]) -> None:
                status, answer = outer.answer(self.path.partition("?")[0], form)
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                """Stay quiet."""

        return ThreadingHTTPServer(("127.0.0.1", port), Handler)

    def __enter__(self) -> Self:
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()


def unsigned(claims: Mapping[str, Any]) -> str:
    """Return an id token as msal reads it: it came over TLS from the token endpoint, nobody checks a signature."""
    now = int(time.time())
    whole = {"aud": "app", "iss": "t", "iat": now, "nbf": now - 60, "exp": now + 3600, **claims}
    parts = (json.dumps(part).encode() for part in ({"alg": "none"}, whole))
    return ".".join(urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + "."
