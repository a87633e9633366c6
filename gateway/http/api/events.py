"""The live stream as server-sent events."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from gateway.desk import Desk
from gateway.desk.nouns import Event
from gateway.http.api.common import router
from gateway.http.sessions import Who, sessions_of
from gateway.http.stream import stream_events


def content_of(event: Event) -> dict[str, Any]:
    """Return an event as programs read it."""
    return asdict(event) | {"position": str(event.position or "")}


def event_routes(desk: Desk) -> APIRouter:
    """Return /events."""
    routes = router(desk, "events")

    @routes.get(
        "/events",
        operation_id="streamEvents",
        response_class=StreamingResponse,
        responses={
            200: {
                "content": {"text/event-stream": {}},
                "description": (
                    "entry, presence and notice events; missed, if more happened since than is told again. "
                    "An `id` can be sent back as Last-Event-ID, or as `since`."
                ),
            }
        },
    )
    async def events(request: Request, who: Who, since: Annotated[str, Query(max_length=40)] = "") -> StreamingResponse:
        """Stream what happens in one's queues, until the client leaves or the session ends."""
        sessions = sessions_of(request)
        return await stream_events(request, desk.together, who, sessions=sessions, since=since, content=content_of)

    return routes
