"""The desk's site: pages, inline pictures and sessions over one desk, wired for `build_application`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hmac import digest

from fastapi import APIRouter

from gateway.desk import Desk
from gateway.http.api import api_routers
from gateway.http.files import Addresses, inline_routes
from gateway.http.oidc import oidc_routes
from gateway.http.pages import Pages, page_routers
from gateway.http.problems import RenderError
from gateway.http.sessions import Sessions


@dataclass(frozen=True, slots=True)
class Site:
    """What the application serves besides health."""

    routers: Sequence[APIRouter]
    sessions: Sessions
    render: RenderError


def build_site(desk: Desk, key: bytes) -> Site:
    """Build the site. `key` is the instance's; what signs addresses is derived from it."""
    addresses = Addresses(digest(key, b"poterne addresses", "sha256"))
    sessions = Sessions(desk.accounts, key, lambda: desk.settings().agents)
    pages = Pages(desk, sessions, addresses)
    often, others = page_routers(pages)
    routers = [
        *often,
        *api_routers(desk, addresses),
        *others,
        inline_routes(desk.tickets, addresses),
        oidc_routes(desk, sessions, key),
    ]
    return Site(routers, sessions, pages.error)
