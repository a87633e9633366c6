"""Lists of tickets: filters in the address, saved views, bulk changes, search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from gateway.desk.nouns import Changes, Filter, View
from gateway.errors import NotFound
from gateway.http.pages.forms import Fields, fields_of, number_of
from gateway.http.pages.sentences import ORDER, SHOWN
from gateway.http.pages.text import local_path
from gateway.http.pages.view import Member, Number, Pages
from gateway.http.pages.words import N_

ROWS = 50
NARROWING = ("queue", "assignee", "tag", "customer", "organisation", "type", "priority")
LONGEST = 320
NOBODY = "nobody"


def filter_of(query: Mapping[str, str]) -> Filter:
    """Return the filter that an address names; what means nothing narrows nothing."""
    named = {key: query[key][:LONGEST] for key in NARROWING if query.get(key)}
    if named.get("assignee") == NOBODY:
        named["assignee"] = ""
    shown = query.get("show", "open")
    order = query.get("order", "updated")
    return Filter(
        **named,
        statuses=SHOWN.get(shown, SHOWN["open"])[1],
        overdue=query.get("overdue") == "1",
        order=order if order in ORDER else "updated",
    )


def query_of(wanted: Filter) -> dict[str, str]:
    """Return the address of a filter."""
    query = {key: value for key in NARROWING if (value := getattr(wanted, key))}
    if wanted.assignee == "":
        query["assignee"] = NOBODY
    shown = next((key for key, (_, statuses) in SHOWN.items() if set(statuses) == set(wanted.statuses)), "open")
    query |= {"show": shown} if shown != "open" else {}
    query |= {"overdue": "1"} if wanted.overdue else {}
    return query | ({"order": wanted.order} if wanted.order != "updated" else {})


def title_of(wanted: Filter) -> str:
    """Return the words over a list, a message of the catalogues."""
    if wanted.overdue:
        return N_("Overdue")
    if wanted.assignee == "":
        return N_("Unassigned")
    if wanted.assignee == "me":
        return N_("Mine")
    return next((name for name, statuses in SHOWN.values() if statuses == wanted.statuses), N_("Tickets"))


def changes_of(fields: Fields) -> Changes:
    """Return what a bulk form asks for; empty fields leave as it is."""
    assignee = fields.text("assignee")
    return Changes(
        status=fields.text("status") or None,
        assignee="" if assignee == NOBODY else assignee or None,
        priority=fields.text("priority") or None,
        queue=fields.text("queue") or None,
        add_tags=tuple(fields.text("tag").split()),
    )


def list_routes(pages: Pages) -> APIRouter:
    """Return /, /search, /views and /tickets/bulk."""
    router = APIRouter(include_in_schema=False)
    desk = pages.desk

    @router.get("/")
    async def tickets(request: Request, who: Member) -> Response:
        """List tickets."""
        position = await desk.together.position()
        query = dict(request.query_params)
        view = None
        if number := number_of(query.get("view", "")):
            view = next((item for item in await desk.shelf.views(who) if item.id == number), None)
            if view is None:
                raise NotFound("there is no such view")
        wanted = view.filter if view else filter_of(query)
        page = await desk.tickets.find(who, wanted, limit=ROWS, cursor=query.get("cursor") or None)
        base = {"view": str(view.id)} if view else query_of(wanted)
        return await pages.show(
            request,
            who,
            "list.html",
            position=position,
            wanted=wanted,
            view=view,
            title=title_of(wanted),
            lines=page.items,
            address="/?" + urlencode(base) if base else "/",
            older="/?" + urlencode(base | {"cursor": page.next}) if page.next else "",
        )

    @router.get("/search")
    async def search(request: Request, who: Member, q: str = "", cursor: str = "") -> Response:
        """Find tickets; a number goes straight to its ticket."""
        number = number_of(q) if q.strip().startswith("#") else None
        if number:
            return RedirectResponse(f"/tickets/{number}", 303)
        page = await desk.tickets.search(who, q, limit=ROWS, cursor=cursor or None) if q.strip() else None
        older = "/search?" + urlencode({"q": q, "cursor": page.next}) if page and page.next else ""
        return await pages.show(
            request,
            who,
            "search.html",
            words=q,
            found=[replace(i.line, excerpt=i.excerpt, last_author=i.author) for i in page.items] if page else (),
            asked=page is not None,
            older=older,
        )

    @router.post("/tickets/bulk")
    async def bulk(request: Request, who: Member) -> Response:
        """Change the tickets that were ticked."""
        fields = await fields_of(request)
        back = local_path(fields.text("back"))
        numbers = fields.numbers("number")
        if fields.text("mark"):
            await desk.changing.mark(who, numbers, read=fields.text("mark") == "read")
            return RedirectResponse(back, 303)
        done = await desk.changing.bulk(who, numbers, changes_of(fields))
        failed = [item for item in done if item.problem]
        if failed or not done:
            return await pages.show(request, who, "bulk.html", failed=failed, done=len(done) - len(failed), back=back)
        return RedirectResponse(back, 303)

    @router.post("/views")
    async def save_view(request: Request, who: Member) -> Response:
        """Keep the present list under a name."""
        fields = await fields_of(request)
        query = dict(parse_qsl(local_path(fields.text("address")).partition("?")[2]))
        view = View(0, fields.text("name"), filter_of(query), shared=bool(fields.text("shared")), mine=True)
        kept = await desk.shelf.save_view(who, view)
        return RedirectResponse(f"/?view={kept.id}", 303)

    @router.post("/views/{view}/remove")
    async def remove_view(who: Member, view: Number) -> Response:
        """Remove one's own view."""
        await desk.shelf.remove_view(who, view)
        return RedirectResponse("/", 303)

    return router
