"""A plain read-only page for the demo: tickets, one conversation, health. Text only, for clients on this machine."""

from __future__ import annotations

from importlib.resources import files

from fastapi import APIRouter, Depends, HTTPException, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FunctionLoader, StrictUndefined

from gateway.errors import NotFound
from gateway.http.api import Number, only_local
from gateway.http.health import Readiness
from gateway.ports import Reader

TICKETS_SHOWN = 200
# No script, no frame, no foreign anything; the style sheet is a file of ours.
POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def _template(name: str) -> str:
    return files("gateway.http").joinpath("templates", name).read_text(encoding="utf-8")


def page_routes(reader: Reader, readiness: Readiness) -> APIRouter:
    """Return / and /tickets/NUMBER."""
    environment = Environment(loader=FunctionLoader(_template), autoescape=True, undefined=StrictUndefined)
    router = APIRouter(include_in_schema=False, dependencies=[Depends(only_local)])

    def page(name: str, **values: object) -> HTMLResponse:
        return HTMLResponse(environment.get_template(name).render(values), headers={"Content-Security-Policy": POLICY})

    @router.get("/")
    async def tickets() -> HTMLResponse:
        """List the tickets, and what is wrong with the daemon, if anything."""
        failing = await readiness.look()
        waiting = await reader.statistics()
        rows = await reader.list_tickets(TICKETS_SHOWN)
        return page("tickets.html", tickets=rows, failing=failing, waiting=waiting)

    @router.get("/tickets/{number}")
    async def ticket(number: Number) -> HTMLResponse:
        """Show a conversation."""
        try:
            row, entries = await reader.find_ticket(number)
        except NotFound:
            raise HTTPException(404, "no such ticket") from None
        return page("ticket.html", ticket=row, entries=entries)

    @router.get("/page.css")
    async def style() -> Response:
        """Return the style sheet."""
        return Response(_template("page.css"), media_type="text/css")

    return router
