"""The pages: rendered here, usable without a script, quick with one. They call the desk and decide nothing.

`page_routers` returns the routes; `Pages.error` is the renderer of errors for `build_application`.
"""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter

from gateway.http.pages.account import account_routes
from gateway.http.pages.admin import admin_routes
from gateway.http.pages.admin_agents import admin_agent_routes
from gateway.http.pages.admin_lists import admin_list_routes
from gateway.http.pages.admin_webhooks import admin_webhook_routes
from gateway.http.pages.assets import asset_routes
from gateway.http.pages.changing import changing_routes
from gateway.http.pages.entrance import entrance_routes
from gateway.http.pages.lists import list_routes
from gateway.http.pages.live import live_routes
from gateway.http.pages.previews import preview_routes
from gateway.http.pages.shelf import shelf_routes
from gateway.http.pages.ticket import ticket_routes
from gateway.http.pages.view import Pages
from gateway.http.pages.writing import writing_routes

OFTEN = (list_routes, ticket_routes, live_routes)
AREAS = (
    entrance_routes,
    writing_routes,
    changing_routes,
    account_routes,
    shelf_routes,
    admin_routes,
    admin_agent_routes,
    admin_list_routes,
    admin_webhook_routes,
    preview_routes,
)

__all__ = ["Pages", "page_routers"]


def page_routers(pages: Pages) -> tuple[Sequence[APIRouter], Sequence[APIRouter]]:
    """Return the routes of the pages that agents ask for all day, and those of all others.

    Routes are tried one after the other, and there are more than a hundred: these come first.
    """
    return [area(pages) for area in OFTEN], [asset_routes(), *(area(pages) for area in AREAS)]
