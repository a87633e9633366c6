"""Changing a ticket: state, tags, merge, split, link. None of it over another's change."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from gateway.desk.nouns import Changes, Principal
from gateway.errors import NotSendable
from gateway.http.pages.forms import Fields, fields_of
from gateway.http.pages.lists import NOBODY
from gateway.http.pages.text import local_path
from gateway.http.pages.view import Member, Number, Pages


def changes_of(fields: Fields, who: Principal) -> Changes:
    """Return what the form of the side column asks for; fields that it does not have are left alone."""
    assignee = fields.given("assignee")
    due = fields.given("due")
    return Changes(
        status=fields.given("status"),
        assignee="" if assignee == NOBODY else assignee,
        priority=fields.given("priority"),
        type=fields.given("type"),
        queue=fields.given("queue"),
        subject=fields.given("subject"),
        due_at=fields.when("due", who.agent.zone),
        no_due=due == "",
        add_tags=tuple(fields.text("add").replace(",", " ").split()),
        remove_tags=fields.texts("remove"),
    )


def changing_routes(pages: Pages) -> APIRouter:
    """Return what an agent changes on a ticket."""
    router = APIRouter(include_in_schema=False, prefix="/tickets/{number}")
    changing = pages.desk.changing

    @router.post("/change")
    async def change(request: Request, who: Member, number: Number) -> Response:
        """Change a ticket."""
        fields = await fields_of(request)
        await changing.change(who, number, changes_of(fields, who), version=fields.number("version"))
        return RedirectResponse(local_path(fields.text("back"), f"/tickets/{number}"), 303)

    @router.post("/unread")
    async def unread(who: Member, number: Number) -> Response:
        """Want a ticket unread again, and leave it."""
        await changing.mark(who, [number], read=False)
        return RedirectResponse("/", 303)

    @router.post("/merge")
    async def merge(request: Request, who: Member, number: Number) -> Response:
        """Move everything to another ticket."""
        fields = await fields_of(request)
        into = other_of(fields)
        await changing.merge(who, number, into, version=fields.number("version"))
        return RedirectResponse(f"/tickets/{into}", 303)

    @router.post("/split")
    async def split(request: Request, who: Member, number: Number) -> Response:
        """Move messages to a new ticket."""
        fields = await fields_of(request)
        made = await changing.split(who, number, fields.numbers("entry"), fields.text("subject"))
        return RedirectResponse(f"/tickets/{made}", 303)

    @router.post("/link")
    async def link(request: Request, who: Member, number: Number) -> Response:
        """Link two tickets, or end that."""
        fields = await fields_of(request)
        await changing.link(who, number, other_of(fields), linked=fields.text("linked", "1") == "1")
        return RedirectResponse(f"/tickets/{number}", 303)

    return router


def other_of(fields: Fields) -> int:
    """Return the other ticket's number. Raises NotSendable for what is none."""
    other = fields.number("other")
    if other is None:
        raise NotSendable("write the other ticket's number")
    return other
