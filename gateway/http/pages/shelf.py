"""What agents keep beside tickets: notifications and canned answers."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from gateway.desk.nouns import Canned
from gateway.http.pages.forms import fields_of
from gateway.http.pages.view import Member, Number, Pages


def shelf_routes(pages: Pages) -> APIRouter:
    """Return /notices and /canned."""
    router = APIRouter(include_in_schema=False)
    shelf = pages.desk.shelf

    @router.get("/notices")
    async def notices(request: Request, who: Member) -> Response:
        """Show what was assigned to one, and where one was mentioned."""
        return await pages.show(request, who, "notices.html", notices=await shelf.notices(who))

    @router.post("/notices/read")
    async def read_notices(request: Request, who: Member) -> Response:
        """Mark them as read."""
        upto = (await fields_of(request)).number("upto")
        if upto:
            await shelf.read_notices(who, upto)
        return RedirectResponse("/notices", 303)

    @router.get("/canned")
    async def canned(request: Request, who: Member) -> Response:
        """Show the canned answers."""
        return await pages.show(request, who, "canned.html", canned=await shelf.canned(who))

    @router.post("/canned")
    async def save_canned(request: Request, who: Member) -> Response:
        """Keep a canned answer."""
        fields = await fields_of(request)
        answer = Canned(
            fields.number("id") or 0, fields.text("name"), fields.text("text"), fields.text("queue") or None
        )
        await shelf.save_canned(who, answer)
        return RedirectResponse("/canned", 303)

    @router.post("/canned/{canned}/remove")
    async def remove_canned(who: Member, canned: Number) -> Response:
        """Remove a canned answer."""
        await shelf.remove_canned(who, canned)
        return RedirectResponse("/canned", 303)

    return router
