"""The API under /api/v1: everything that pages do, typed, paged by cursor, with problem details for errors."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter

from gateway.desk import Desk
from gateway.http.api.accounts import account_routes
from gateway.http.api.admin import admin_routes
from gateway.http.api.events import event_routes
from gateway.http.api.ledger import ledger_routes
from gateway.http.api.previews import preview_routes
from gateway.http.api.shelf import shelf_routes
from gateway.http.api.tickets import ticket_routes
from gateway.http.api.webhooks import webhook_routes
from gateway.http.api.writing import writing_routes
from gateway.http.files import Addresses

__all__ = ["api_routers"]

AREAS = (
    account_routes,
    writing_routes,
    shelf_routes,
    event_routes,
    ledger_routes,
    admin_routes,
    webhook_routes,
    preview_routes,
)


def api_routers(desk: Desk, addresses: Addresses) -> Sequence[APIRouter]:
    """Return every route of the API."""
    return [ticket_routes(desk, addresses), *(area(desk) for area in AREAS)]
