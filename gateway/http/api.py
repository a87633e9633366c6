"""The read-only API: intakes, tickets and the outbox as JSON, with the same field names as `poterne … --json`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request

from gateway.errors import NotFound
from gateway.http.guard import is_local
from gateway.model import EntryRow, IntakeRow, OutboxRow, TicketRow
from gateway.ports import Reader

Row = TypeVar("Row")

Limit = Annotated[int, Query(ge=1, le=1000, description="Most rows to return.")]
Before = Annotated[int | None, Query(ge=1, le=2**63 - 1, description="Only rows older than this one.")]
Number = Annotated[int, Path(ge=1, le=2**63 - 1, description="The ticket's number.")]


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Rows, newest first, and the value of `before` for the page after this one; null on the last."""

    items: Sequence[Row]
    next: int | None


@dataclass(frozen=True, slots=True)
class Conversation:
    """A ticket with its time-line, oldest entry first."""

    ticket: TicketRow
    entries: Sequence[EntryRow]


def only_local(request: Request) -> None:
    """Refuse whoever is not on this machine: the listings need no login, so they need the machine's own."""
    if not is_local(request.scope):
        raise HTTPException(403, "only for clients on this machine")


def api_routes(reader: Reader) -> APIRouter:
    """Return /api/v1."""
    refused: dict[int | str, dict[str, Any]] = {
        403: {"description": "Not from this machine."},
        503: {"description": "The store does not answer."},
    }
    router = APIRouter(prefix="/api/v1", tags=["listings"], dependencies=[Depends(only_local)], responses=refused)

    @router.get("/intakes", operation_id="listIntakes")
    async def intakes(limit: Limit = 100, before: Before = None) -> Page[IntakeRow]:
        """List accepted mails, one row for each recipient."""
        rows = await reader.list_intakes(limit, before)
        return Page(rows, rows[-1].id if len(rows) == limit else None)

    @router.get("/tickets", operation_id="listTickets")
    async def tickets(limit: Limit = 100, before: Before = None) -> Page[TicketRow]:
        """List tickets by number."""
        rows = await reader.list_tickets(limit, before)
        return Page(rows, rows[-1].number if len(rows) == limit else None)

    @router.get("/tickets/{number}", operation_id="getTicket", responses={404: {"description": "No such ticket."}})
    async def ticket(number: Number) -> Conversation:
        """Show one ticket with its time-line."""
        try:
            return Conversation(*await reader.find_ticket(number))
        except NotFound:
            raise HTTPException(404, "no such ticket") from None

    @router.get("/outbox", operation_id="listOutbox")
    async def outbox(limit: Limit = 100, before: Before = None) -> Page[OutboxRow]:
        """List deliveries, one for each recipient of each mail of ours."""
        rows = await reader.list_outbox(limit, before)
        return Page(rows, rows[-1].id if len(rows) == limit else None)

    return router
