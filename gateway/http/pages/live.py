"""Together, live: who is here and who types, what happened, as server-sent events for the script."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from gateway.desk.nouns import Event, Presence
from gateway.http.pages.forms import fields_of
from gateway.http.pages.view import Member, Number, Pages

RETRY = b"retry: 3000\n\n"


def presence_json(item: Presence) -> dict[str, Any]:
    """Return what the script shows of somebody who is here."""
    return {"agent": item.agent, "name": item.name, "doing": item.doing}


def message(event: Event) -> bytes:
    """Return an event as one message of the stream; JSON has no line ends, so nothing can break out of it."""
    if event.kind == "beat":
        return b": beat\n\n"
    content = {
        "id": event.id,
        "ticket": event.ticket,
        "entry": event.entry_kind,
        "author": event.author,
        "text": event.text,
        "present": [presence_json(item) for item in event.present],
    }
    return f"event: {event.kind}\ndata: {json.dumps(content)}\n\n".encode()


def live_routes(pages: Pages) -> APIRouter:
    """Return /live, and /tickets/NUMBER/presence."""
    router = APIRouter(include_in_schema=False)
    together = pages.desk.together

    @router.get("/live")
    async def live(request: Request, who: Member) -> Response:
        """Stream what happens until the browser leaves or the session ends."""
        events = together.stream(who)
        first = await anext(events)  # raises what refuses the stream while there is still a status to say so

        async def body() -> AsyncIterator[bytes]:
            async with contextlib.aclosing(events):  # type: ignore[type-var]
                yield RETRY + message(first)
                async for event in events:
                    if event.kind == "beat" and await pages.sessions.known(request) is None:
                        return
                    yield message(event)

        headers = {"X-Accel-Buffering": "no", "Cache-Control": "no-store"}
        return StreamingResponse(body(), media_type="text/event-stream", headers=headers)

    @router.post("/tickets/{number}/presence")
    async def presence(request: Request, who: Member, number: Number) -> Response:
        """Say what one does on a ticket; hear who else is there."""
        doing = (await fields_of(request)).text("doing", "looking")
        others = await together.look(who, number, doing)
        return JSONResponse([presence_json(item) for item in others])

    return router
