"""Changing a ticket: state, tags, merge, split, link. None of it over another's change."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from gateway.desk.nouns import Changes, Principal, TicketLine
from gateway.errors import Conflict, NotSendable
from gateway.http.pages.forms import Fields, fields_of
from gateway.http.pages.lists import NOBODY
from gateway.http.pages.text import local_path
from gateway.http.pages.times import field_of
from gateway.http.pages.view import Member, Number, Pages

SEEN = "was-"  # before the name of a field: what stood in it when the page was made


def changes_of(fields: Fields, who: Principal) -> Changes:
    """Return what the form of the side column asks for; what it does not have, or leaves as it was, is left alone."""

    def given(name: str) -> str | None:
        value = fields.given(name)
        return None if value == fields.given(SEEN + name) else value

    assignee, due = given("assignee"), given("due")
    return Changes(
        status=given("status"),
        assignee="" if assignee == NOBODY else assignee,
        priority=given("priority"),
        type=given("type"),
        queue=given("queue"),
        subject=given("subject"),
        due_at=fields.when("due", who.agent.zone) if due else None,
        no_due=due == "",
        add_tags=tuple(fields.text("add").replace(",", " ").split()),
        remove_tags=fields.texts("remove"),
    )


def still_as_seen(line: TicketLine, fields: Fields, changes: Changes, zone: str) -> bool:
    """Tell whether what is to be changed is still as its author saw it, whatever else happened on the ticket.

    A status is a judgement of everything that was said: with new words on the ticket it has to be given again.
    """
    if changes.status is not None:
        return False
    present = {
        "assignee": line.assignee or NOBODY,
        "priority": line.priority,
        "type": line.type or "",
        "queue": line.queue,
        "subject": line.subject,
        "due": field_of(line.due_at, zone),
    }
    wanted = {name for name in present if fields.given(name) not in {None, fields.given(SEEN + name)}}
    return all(fields.given(SEEN + name) == present[name] for name in wanted)


def changing_routes(pages: Pages) -> APIRouter:
    """Return what an agent changes on a ticket."""
    router = APIRouter(include_in_schema=False, prefix="/tickets/{number}")
    changing = pages.desk.changing

    @router.post("/change")
    async def change(request: Request, who: Member, number: Number) -> Response:
        """Change a ticket."""
        fields = await fields_of(request)
        changes = changes_of(fields, who)
        try:
            await changing.change(who, number, changes, version=fields.number("version"))
        except Conflict:
            line = (await pages.desk.tickets.page(who, number)).line
            if not still_as_seen(line, fields, changes, who.agent.zone):
                raise
            await changing.change(who, number, changes, version=line.version)
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
