"""Views, canned answers and notifications."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from gateway.desk import Desk, Filter
from gateway.desk.nouns import Canned, Notice, View
from gateway.http.api.common import LARGEST, Body, Cursor, Ident, Limit, Rows, before, paged, router
from gateway.http.sessions import Who

Short = Annotated[str, Field(max_length=320)]


class FilterBody(Body):
    """Which tickets a view lists."""

    queue: Short | None = None
    statuses: list[Literal["new", "open", "waiting", "solved", "closed"]] = Field([], max_length=5)
    assignee: Short | None = None
    tag: Short | None = None
    customer: Short | None = None
    organisation: Short | None = None
    type: Short | None = None
    priority: Literal["low", "normal", "high", "urgent"] | None = None
    overdue: bool = False
    order: Literal["updated", "created", "due"] = "updated"


class ViewBody(Body):
    """A view to keep. Administrators share."""

    name: str = Field(min_length=1, max_length=200)
    filter: FilterBody
    shared: bool = False

    def view(self, ident: int) -> View:
        """Return it as the desk takes it."""
        values = self.filter.model_dump()
        wanted = Filter(**{**values, "statuses": tuple(values["statuses"])})
        return View(ident, self.name, wanted, self.shared, mine=True)


class CannedBody(Body):
    """A canned answer to keep; without a queue it is for all of them."""

    name: str = Field(min_length=1, max_length=200)
    text: str = Field(min_length=1, max_length=20_000)
    queue: Short | None = None
    shortcut: str = Field("", max_length=20)


class Upto(Body):
    """The newest notification that was read."""

    upto: int = Field(ge=0, le=LARGEST)


class Count(Body):
    """How many."""

    count: int


class Text(Body):
    """A text."""

    text: str


def shelf_routes(desk: Desk) -> APIRouter:
    """Return the routes of what agents keep."""
    routes = router(desk, "shelf")
    shelf = desk.shelf

    @routes.get("/views", operation_id="listViews")
    async def views(who: Who) -> Rows[View]:
        """List one's own views and the shared ones."""
        return Rows(await shelf.views(who))

    @routes.post("/views", operation_id="addView", status_code=201)
    async def add_view(who: Who, body: ViewBody) -> View:
        """Keep a new view."""
        return await shelf.save_view(who, body.view(0))

    @routes.put("/views/{ident}", operation_id="changeView")
    async def change_view(who: Who, ident: Ident, body: ViewBody) -> View:
        """Change one's own view."""
        return await shelf.save_view(who, body.view(ident))

    @routes.delete("/views/{ident}", operation_id="removeView", status_code=204)
    async def remove_view(who: Who, ident: Ident) -> None:
        """Remove one's own view."""
        await shelf.remove_view(who, ident)

    @routes.get("/canned", operation_id="listCanned")
    async def canned(who: Who) -> Rows[Canned]:
        """List the canned answers of one's queues."""
        return Rows(await shelf.canned(who))

    @routes.post("/canned", operation_id="addCanned", status_code=201)
    async def add_canned(who: Who, body: CannedBody) -> Canned:
        """Keep a new canned answer."""
        return await shelf.save_canned(who, Canned(0, body.name, body.text, body.queue, body.shortcut))

    @routes.put("/canned/{ident}", operation_id="changeCanned")
    async def change_canned(who: Who, ident: Ident, body: CannedBody) -> Canned:
        """Change a canned answer."""
        return await shelf.save_canned(who, Canned(ident, body.name, body.text, body.queue, body.shortcut))

    @routes.delete("/canned/{ident}", operation_id="removeCanned", status_code=204)
    async def remove_canned(who: Who, ident: Ident) -> None:
        """Remove a canned answer."""
        await shelf.remove_canned(who, ident)

    @routes.get("/canned/{ident}/filled", operation_id="fillCanned")
    async def filled(who: Who, ident: Ident, ticket: Annotated[int, Query(ge=1, le=LARGEST)]) -> Text:
        """Return a canned answer with its placeholders filled in for a ticket."""
        page = await desk.tickets.page(who, ticket)
        return Text(text=await shelf.fill(who, ident, page))

    @routes.get("/notices", operation_id="listNotices")
    async def notices(who: Who, limit: Limit = 50, cursor: Cursor = None) -> Rows[Notice]:
        """List one's notifications, newest first."""
        limit = min(limit, 200)
        return paged(await shelf.notices(who, limit=limit, before=before(cursor)), limit)

    @routes.post("/notices/read", operation_id="readNotices")
    async def read_notices(who: Who, body: Upto) -> Count:
        """Mark notifications as read."""
        return Count(count=await shelf.read_notices(who, body.upto))

    return routes
