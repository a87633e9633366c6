"""The live stream as server-sent events."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncGenerator
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from gateway.desk import Desk
from gateway.desk.nouns import Event
from gateway.http.api.common import router
from gateway.http.sessions import Who, sessions_of


def message(event: Event) -> bytes:
    """Return an event as one message; JSON has no line ends, so that nothing can break out of it."""
    if event.kind == "beat":
        return b": beat\n\n"
    content: dict[str, Any] = asdict(event)
    return f"event: {event.kind}\ndata: {json.dumps(content, default=str)}\n\n".encode()


def event_routes(desk: Desk) -> APIRouter:
    """Return /events."""
    routes = router(desk, "events")

    @routes.get(
        "/events",
        operation_id="streamEvents",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": {}}, "description": "entry, presence and notice events."}},
    )
    async def events(request: Request, who: Who) -> StreamingResponse:
        """Stream what happens in one's queues, until the client leaves or the session ends."""
        stream = desk.together.stream(who)
        first = await anext(stream)  # raises what refuses the stream while there is a status to say so
        sessions = sessions_of(request)

        async def body() -> AsyncGenerator[bytes]:
            async with contextlib.aclosing(stream):  # type: ignore[type-var]
                yield b"retry: 3000\n\n" + message(first)
                async for event in stream:
                    if event.kind == "beat" and await sessions.known(request) is None:
                        return
                    yield message(event)

        headers = {"X-Accel-Buffering": "no", "Cache-Control": "no-store"}
        return StreamingResponse(body(), media_type="text/event-stream", headers=headers)

    return routes
