"""What happens, as server-sent events: for the pages' script, and for programs.

Each event that a stream can be taken up after carries its position as `id`, so that a browser which lost the connection
names it in `Last-Event-ID` by itself (HTML, "Server-sent events"); `since` in the address names where a page stands.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from fastapi import Request
from fastapi.responses import StreamingResponse

from gateway.desk.nouns import Event, Position, Principal
from gateway.desk.together import Together
from gateway.http.sessions import Sessions

RETRY = b"retry: 3000\n\n"  # milliseconds after which a browser connects again
Content = Callable[[Event], Mapping[str, Any]]


def message(event: Event, content: Content) -> bytes:
    """Return an event as one message of the stream; JSON has no line ends, so nothing can break out of it."""
    if event.kind == "beat":
        return b": beat\n\n"
    head = f"id: {event.position}\n" if event.position else ""
    return f"{head}event: {event.kind}\ndata: {json.dumps(content(event), default=str)}\n\n".encode()


async def stream_events(
    request: Request, together: Together, who: Principal, *, sessions: Sessions, since: str, content: Content
) -> StreamingResponse:
    """Stream what happens in one's queues, until the client leaves or the session ends.

    Begins after the client's last event, or after `since`; a position that is none is passed over. Raises Overloaded.
    """
    position = Position.read(request.headers.get("last-event-id", "")) or Position.read(since)
    events = together.stream(who, position)
    first = await anext(events)  # raises what refuses the stream while there is still a status to say so

    async def body() -> AsyncIterator[bytes]:
        async with contextlib.aclosing(events):  # type: ignore[type-var]
            yield RETRY + message(first, content)
            async for event in events:
                if event.kind == "beat" and await sessions.known(request) is None:
                    return
                yield message(event, content)

    headers = {"X-Accel-Buffering": "no", "Cache-Control": "no-store"}
    return StreamingResponse(body(), media_type="text/event-stream", headers=headers)
