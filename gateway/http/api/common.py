"""What all routes of the API share: parameters, documented problems, and idempotency keys for writes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict

from gateway.desk import Desk
from gateway.desk.ports import ShelfBooks
from gateway.errors import NotSendable
from gateway.http.guard import UNSAFE
from gateway.http.problems import responses
from gateway.http.sessions import principal_of

Row = TypeVar("Row")

LARGEST = 2**62
LONGEST_KEY = 200
KEY = "idempotency-key"
MOST_KEPT = 256 << 10  # octets of an answer under a key

Limit = Annotated[int, Query(ge=1, le=1000, description="Most rows to return; a page may hold fewer.")]
Cursor = Annotated[str | None, Query(max_length=100, description="`next` of the page before.")]
Number = Annotated[int, Path(ge=1, le=LARGEST, description="The ticket's number.")]
Ident = Annotated[int, Path(ge=1, le=LARGEST)]
Version = Annotated[int | None, "The version that was read; another one is a conflict."]


class Body(BaseModel):
    """A request body: unknown keys are refused, since they are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Changed(BaseModel):
    """The version of a ticket after a change."""

    version: int


class Made(BaseModel):
    """The number of what was made."""

    id: int


@dataclass(frozen=True, slots=True)
class Rows(Generic[Row]):
    """Rows, and the cursor of the page after this one; null on the last."""

    items: Sequence[Row]
    next: str | None = None


def paged(rows: Sequence[Any], limit: int) -> Rows[Any]:
    """Return rows that count down by their id as a page."""
    return Rows(rows, str(rows[-1].id) if len(rows) >= limit else None)


def before(cursor: str | None) -> int | None:
    """Return the id that a cursor of such a page holds; one that says nothing begins anew."""
    if cursor and cursor.isascii() and cursor.isdigit():
        return min(int(cursor), LARGEST)
    return None


class OnceRoute(APIRoute):
    """A route that answers a repeated write with the first answer, if both carry the same `Idempotency-Key`."""

    books: ShelfBooks

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the handler; requests without a key pass."""
        handle = super().get_route_handler()

        async def once(request: Request) -> Response:
            key = request.headers.get(KEY)
            if key is None or request.method not in UNSAFE:
                return await handle(request)
            if not key or len(key) > LONGEST_KEY or not key.isascii() or not key.isprintable():
                raise NotSendable(f"an idempotency key has 1 to {LONGEST_KEY} printable characters")
            who = await principal_of(request)
            body = await request.body()
            asked = f"{request.method} {request.url.path}?{request.url.query}\n".encode() + body
            kept = await self.books.begin_once(who.agent.id, key, hashlib.sha256(asked).hexdigest())
            if kept is not None:
                status, text = kept
                return Response(
                    text,
                    status,
                    media_type="application/json" if text else None,
                    headers={"Idempotency-Replayed": "true"},
                )
            status, text = 0, ""
            try:
                response = await handle(request)
                if response.status_code < 300 and len(response.body) <= MOST_KEPT:  # noqa: PLR2004 - what succeeded
                    status, text = response.status_code, bytes(response.body).decode()
                return response
            finally:
                await self.books.finish_once(who.agent.id, key, status, text)

        return once


def router(desk: Desk, *tags: str, prefix: str = "") -> APIRouter:
    """Return a router of the API, whose routes may all answer with these problems."""

    class DeskRoute(OnceRoute):
        books = desk.books

    return APIRouter(
        prefix=f"/api/v1{prefix}",
        tags=list(tags),
        route_class=DeskRoute,
        responses=responses(401, 403, 404, 409, 413, 422, 429, 503),
    )
