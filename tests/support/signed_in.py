"""An agent who is signed in at a running daemon, and uses its API as a browser's script would: cookie, Origin, CSRF."""

from __future__ import annotations

from typing import Any, Self

import httpx

from tests.support.daemon import Daemon

FIRST, PASSWORD = "first words for you", "tall ships sail at noon"


class SignedIn:
    """`with SignedIn(daemon, "lea@example.org") as lea`: the account is made if it is not there."""

    def __init__(self, daemon: Daemon, address: str, name: str = "Léa Martin", role: str = "agent") -> None:
        made = daemon.command(
            "agent", "add", address, "--name", name, "--role", role, "--password-stdin", text=f"{FIRST}\n"
        )
        assert made.returncode == 0, made.stderr
        origin = f"http://127.0.0.1:{daemon.http}"
        self.http = httpx.Client(base_url=origin, headers={"origin": origin}, timeout=30)
        self._sign_in(address, FIRST)
        self.ask("PUT", "/session/password", json={"old": FIRST, "new": PASSWORD})

    def _sign_in(self, address: str, password: str) -> None:
        answer = self.http.post("/api/v1/session", json={"address": address, "password": password})
        assert answer.status_code < 300, answer.text
        self.http.headers["x-csrf-token"] = answer.json()["csrf"]

    def ask(self, method: str, path: str, **options: Any) -> Any:
        """Make a request that has to be answered well; return what was said."""
        answer = self.http.request(method, f"/api/v1{path}", **options)
        assert answer.status_code < 300, (answer.status_code, answer.text)
        return answer.json() if answer.content else None

    def reply(self, number: int, text: str, **more: Any) -> Any:
        return self.ask("POST", f"/tickets/{number}/replies", json={"text": text, **more})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()
