"""uvicorn inside the daemon: our sockets, our signals, our log."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterable, Iterator, Sequence

import uvicorn
from fastapi import APIRouter, FastAPI
from starlette.types import ASGIApp

from gateway.http import problems
from gateway.http.guard import Catch, Guard
from gateway.http.sessions import Sessions

GRACE_SECONDS = 5
MOST_CONNECTIONS = 200
IDLE_SECONDS = 30


def build_application(
    routers: Iterable[APIRouter],
    hosts: Iterable[str],
    *,
    document: bool = True,
    sessions: Sessions | None = None,
    render: problems.RenderError | None = None,
) -> ASGIApp:
    """Put routes behind the guard. `hosts` are the names served besides those of the loopback.

    `sessions` is what `sessions.Who` asks; `render` makes pages of errors outside of /api/.
    """
    app = FastAPI(
        title="Poterne",
        version="1",
        summary="The agents' desk of a mail gateway, and its health.",
        responses=problems.responses(422),
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json" if document else None,
    )
    app.state.sessions = sessions
    problems.install(app, render)
    app.add_middleware(Catch, apology=problems.apology(render))
    for router in routers:
        app.include_router(router)
    return Guard(app, hosts)


class Embedded(uvicorn.Server):
    """uvicorn without its signal handlers: SIGTERM is the daemon's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


class HttpServer:
    """One HTTP listener on sockets that are bound already."""

    def __init__(self, app: ASGIApp, sockets: Sequence[socket.socket]) -> None:
        self._sockets = list(sockets)
        self._server = Embedded(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="off",
                ws="none",
                server_header=False,
                proxy_headers=False,
                limit_concurrency=MOST_CONNECTIONS,
                timeout_keep_alive=IDLE_SECONDS,
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Return once requests are answered."""
        self._task = asyncio.create_task(self._server.serve(sockets=self._sockets), name="http")
        while not self._server.started:
            if self._task.done():
                await self._task  # raises what stopped it
                raise OSError("the HTTP server ended at once")
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Refuse new connections, finish requests in progress within the grace period."""
        if self._task is not None:
            self._server.should_exit = True
            await self._task
        for sock in self._sockets:
            sock.close()
