"""Together, live: who is here and who types, what happened, as server-sent events for the script."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from gateway.desk.nouns import Event, Presence
from gateway.http.pages.forms import fields_of
from gateway.http.pages.view import Member, Number, Pages
from gateway.http.stream import stream_events


def presence_json(item: Presence) -> dict[str, Any]:
    """Return what the script shows of somebody who is here."""
    return {"agent": item.agent, "name": item.name, "doing": item.doing}


def event_json(event: Event) -> dict[str, Any]:
    """Return what the script needs of an event."""
    return {
        "id": event.id,
        "ticket": event.ticket,
        "entry": event.entry_kind,
        "author": event.author,
        "text": event.text,
        "present": [presence_json(item) for item in event.present],
    }


def live_routes(pages: Pages) -> APIRouter:
    """Return /live, and /tickets/NUMBER/presence."""
    router = APIRouter(include_in_schema=False)
    together = pages.desk.together

    @router.get("/live")
    async def live(request: Request, who: Member, since: Annotated[str, Query(max_length=40)] = "") -> Response:
        """Stream what happens until the browser leaves or the session ends."""
        return await stream_events(request, together, who, sessions=pages.sessions, since=since, content=event_json)

    @router.post("/tickets/{number}/presence")
    async def presence(request: Request, who: Member, number: Number) -> Response:
        """Say what one does on a ticket; hear who else is there."""
        doing = (await fields_of(request)).text("doing", "looking")
        others = await together.look(who, number, doing)
        return JSONResponse([presence_json(item) for item in others])

    return router
