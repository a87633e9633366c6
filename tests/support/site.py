"""The whole HTTP side over a real store, asked in this process: each request says who makes it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import Any

import httpx

from gateway.desk.accounts import SignedIn
from gateway.http.server import build_application
from gateway.http.site import build_site
from tests.support.desk import KEY, Office

HOST = "127.0.0.1:8025"
ORIGIN = f"http://{HOST}"


class Browser:
    """One signed-in browser, or a stranger's."""

    def __init__(self, http: httpx.AsyncClient, signed: SignedIn | None) -> None:
        self.http, self.signed = http, signed

    async def ask(self, method: str, path: str, headers: dict[str, str | None] | None = None, **options: Any):
        """Make a request with cookie, Origin and CSRF token; a header given as None is left out."""
        sent: dict[str, str | None] = {"host": HOST, "origin": ORIGIN}
        if self.signed is not None:
            sent["cookie"] = f"poterne={self.signed.secret}"
            sent["x-csrf-token"] = self.signed.principal.csrf
        sent |= headers or {}
        return await self.http.request(
            method, path, headers={name: value for name, value in sent.items() if value is not None}, **options
        )

    async def get(self, path: str, **options: Any):
        return await self.ask("GET", path, **options)


def make_site(office: Office):
    """Return the application."""
    site = build_site(office.desk, KEY)
    return build_application(site.routers, ["tickets.example.org"], sessions=site.sessions, render=site.render)


@asynccontextmanager
async def browsers(office: Office, peer: str = "127.0.0.1"):
    """Yield a function that opens a browser, signed in or not."""
    transport = httpx.ASGITransport(make_site(office), raise_app_exceptions=False, client=(peer, 4711))
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as http:

        async def open_browser(address: str = "") -> Browser:
            signed = await office.desk.accounts.sign_in_known(address) if address else None
            return Browser(http, signed)

        yield open_browser
