"""Tickets: lists, counts, search, one ticket, its changes, and the octets behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import HTMLResponse
from pydantic import AwareDatetime, Field

from gateway.desk import Changes, Desk, Filter
from gateway.desk.nouns import (
    Counts,
    Done,
    DraftRow,
    Found,
    LinkRow,
    Moment,
    Presence,
    Route,
    TicketLine,
    TicketPage,
    Why,
)
from gateway.http.api.common import LARGEST, Body, Changed, Cursor, Ident, Limit, Made, Number, Rows, router
from gateway.http.files import SANDBOX, Addresses, file_response
from gateway.http.sessions import Who
from gateway.model import ParticipantRow

Status = Literal["new", "open", "waiting", "solved", "closed"]
Priorities = Literal["low", "normal", "high", "urgent"]
Word = Annotated[str, Field(max_length=320)]
OCTETS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {}, "image/*": {}, "application/pdf": {}}}
}


class TicketChange(Body):
    """What to change; null leaves as it is, an empty text takes away."""

    status: Status | None = None
    assignee: Word | None = Field(None, description="An agent's address, `me`, or empty for nobody.")
    priority: Priorities | None = None
    type: Word | None = None
    queue: Word | None = None
    subject: str | None = Field(None, max_length=1000)
    due_at: AwareDatetime | None = None
    no_due: bool = False
    add_tags: list[Word] = Field([], max_length=20)
    remove_tags: list[Word] = Field([], max_length=20)

    def changes(self) -> Changes:
        """Return it as the desk takes it."""
        values = {name: getattr(self, name) for name in type(self).model_fields if name in CHANGES}
        return Changes(**{**values, "add_tags": tuple(self.add_tags), "remove_tags": tuple(self.remove_tags)})


CHANGES = frozenset(Changes.__dataclass_fields__)
TicketNumber = Annotated[int, Field(ge=1, le=LARGEST)]


class VersionedChange(TicketChange):
    """A change of one ticket. A `version` that is not the present one is a conflict, and changes nothing."""

    version: int | None = Field(None, ge=0, le=LARGEST)


class BulkChange(TicketChange):
    """A change of many tickets, each by itself."""

    numbers: list[TicketNumber] = Field(min_length=1, max_length=200)


class Merge(Body):
    """Where to move everything of a ticket."""

    into: TicketNumber
    version: int | None = Field(None, ge=0, le=LARGEST)


class Split(Body):
    """Which entries to move to a new ticket."""

    entries: list[TicketNumber] = Field(min_length=1, max_length=200)
    subject: str = Field(min_length=1, max_length=1000)


class Marks(Body):
    """Which tickets were read, or are to be unread."""

    numbers: list[TicketNumber] = Field(min_length=1, max_length=200)
    read: bool = True


class Doing(Body):
    """What one does on a ticket; empty says good-bye."""

    doing: Literal["looking", "replying", "noting", ""] = "looking"


@dataclass(frozen=True, slots=True)
class Conversation:
    """A ticket with its time-line, oldest entry first."""

    ticket: TicketLine
    entries: tuple[Moment, ...]
    merged_into: int | None
    participants: tuple[ParticipantRow, ...]
    links: tuple[LinkRow, ...]
    others: tuple[TicketLine, ...]
    why: Why | None
    route: Route
    drafts: tuple[DraftRow, ...]
    others_drafting: tuple[str, ...]

    @classmethod
    def of(cls, page: TicketPage) -> Conversation:
        """Name things as clients know them."""
        return cls(
            page.line, page.moments, page.merged_into, page.participants, page.links, page.others, page.why, page.route,
            page.drafts, page.others_drafting,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class QueueRow:
    """A queue that one may see."""

    key: str
    name: str
    colour: str
    reply_via: str


@dataclass(frozen=True, slots=True)
class TagRow:
    """A tag in use."""

    tag: str
    tickets: int


@dataclass(frozen=True, slots=True)
class HeaderRow:
    """One header field of a mail."""

    name: str
    value: str


def ticket_routes(desk: Desk, addresses: Addresses) -> APIRouter:
    """Return the routes of tickets."""
    routes = router(desk, "tickets")
    read_routes(routes, desk)
    change_routes(routes, desk)
    octet_routes(routes, desk, addresses)
    return routes


def read_routes(routes: APIRouter, desk: Desk) -> None:
    """Add lists, counts, search and one ticket."""
    tickets = desk.tickets

    @routes.get("/queues", operation_id="listQueues")
    async def queues(who: Who) -> Rows[QueueRow]:
        """List the queues that one may see."""
        seen = who.reach.queues
        return Rows(
            [
                QueueRow(key, queue.name, queue.colour, queue.reply_via)
                for key, queue in desk.queues.items()
                if seen is None or key in seen
            ]
        )

    @routes.get("/counts", operation_id="countTickets")
    async def counts(who: Who) -> Counts:
        """Count what waits, by queue and for oneself."""
        return await tickets.counts(who)

    @routes.get("/tags", operation_id="listTags")
    async def tags(who: Who) -> Rows[TagRow]:
        """List the tags in use, most used first."""
        return Rows([TagRow(*row) for row in await tickets.tags(who)])

    @routes.get("/tickets", operation_id="listTickets")
    async def listing(  # noqa: PLR0917 - query parameters have names
        who: Who,
        limit: Limit = 50,
        cursor: Cursor = None,
        queue: Annotated[str | None, Query(max_length=100)] = None,
        status: Annotated[list[Status] | None, Query(max_length=5)] = None,
        assignee: Annotated[str | None, Query(max_length=320, description="An address, `me`, or empty.")] = None,
        tag: Annotated[str | None, Query(max_length=100)] = None,
        customer: Annotated[str | None, Query(max_length=320)] = None,
        organisation: Annotated[str | None, Query(max_length=320)] = None,
        type: Annotated[str | None, Query(max_length=100)] = None,  # noqa: A002 - the name of the parameter
        priority: Priorities | None = None,
        overdue: bool = False,
        order: Literal["updated", "created", "due"] = "updated",
    ) -> Rows[TicketLine]:
        """List tickets, newest first, or soonest due first."""
        wanted = Filter(
            queue=queue,
            statuses=tuple(status or ()),
            assignee=assignee,
            tag=tag,
            customer=customer,
            organisation=organisation,
            type=type,
            priority=priority,
            overdue=overdue,
            order=order,
        )
        page = await tickets.find(who, wanted, limit=limit, cursor=cursor)
        return Rows(page.items, page.next)

    @routes.get("/search", operation_id="searchTickets")
    async def search(
        who: Who, q: Annotated[str, Query(max_length=1000)], limit: Limit = 50, cursor: Cursor = None
    ) -> Rows[Found]:
        """Find tickets by words; a ticket may come again on a later page with an older hit."""
        page = await tickets.search(who, q, limit=limit, cursor=cursor)
        return Rows(page.items, page.next)

    @routes.get("/tickets/{number}", operation_id="getTicket")
    async def ticket(who: Who, number: Number) -> Conversation:
        """Show one ticket with everything on it."""
        return Conversation.of(await tickets.page(who, number))

    @routes.get("/tickets/{number}/presence", operation_id="listPresence")
    async def presence(who: Who, number: Number) -> Rows[Presence]:
        """Tell who has this ticket open."""
        await tickets.headline(who, number)
        return Rows(await desk.together.present(who, number))

    @routes.put("/tickets/{number}/presence", operation_id="bePresent")
    async def be_present(who: Who, number: Number, body: Doing) -> Rows[Presence]:
        """Say what one does on a ticket; hear who else is there."""
        return Rows(await desk.together.look(who, number, body.doing))


def change_routes(routes: APIRouter, desk: Desk) -> None:
    """Add changes and moves."""
    changing = desk.changing

    @routes.patch("/tickets/{number}", operation_id="changeTicket")
    async def change(who: Who, number: Number, body: VersionedChange) -> Changed:
        """Change a ticket."""
        return Changed(version=await changing.change(who, number, body.changes(), version=body.version))

    @routes.post("/tickets/bulk", operation_id="changeTickets")
    async def bulk(who: Who, body: BulkChange) -> Rows[Done]:
        """Change many tickets; each tells what went wrong with it, if anything."""
        return Rows(await changing.bulk(who, body.numbers, body.changes()))

    @routes.post("/tickets/read", operation_id="markTickets", status_code=204)
    async def mark(who: Who, body: Marks) -> None:
        """Mark tickets as read or unread."""
        await changing.mark(who, body.numbers, read=body.read)

    @routes.post("/tickets/{number}/merge", operation_id="mergeTicket", status_code=204)
    async def merge(who: Who, number: Number, body: Merge) -> None:
        """Move everything of a ticket to another one."""
        await changing.merge(who, number, body.into, version=body.version)

    @routes.post("/tickets/{number}/split", operation_id="splitTicket", status_code=201)
    async def split(who: Who, number: Number, body: Split) -> Made:
        """Move entries to a new ticket; returns its number."""
        return Made(id=await changing.split(who, number, body.entries, body.subject))

    @routes.put("/tickets/{number}/links/{ident}", operation_id="linkTickets", status_code=204)
    async def link(who: Who, number: Number, ident: Ident) -> None:
        """Link two tickets."""
        await changing.link(who, number, ident)

    @routes.delete("/tickets/{number}/links/{ident}", operation_id="unlinkTickets", status_code=204)
    async def unlink(who: Who, number: Number, ident: Ident) -> None:
        """End a link."""
        await changing.link(who, number, ident, linked=False)


def octet_routes(routes: APIRouter, desk: Desk, addresses: Addresses) -> None:
    """Add what stands behind entries."""
    tickets = desk.tickets

    @routes.get(
        "/tickets/{number}/entries/{ident}/html",
        operation_id="getEntryHtml",
        response_class=HTMLResponse,
    )
    async def html(who: Who, number: Number, ident: Ident, remote: bool = False) -> HTMLResponse:
        """Return the sanitised HTML of an entry, for a sandboxed frame."""
        text = await tickets.html(who, number, ident, inline=lambda file: addresses.inline(number, file), remote=remote)
        images = "img-src 'self' data:" + (" https: http:" if remote else "")
        return HTMLResponse(text, headers={"Content-Security-Policy": f"{SANDBOX}; {images}"})

    @routes.get("/tickets/{number}/entries/{ident}/headers", operation_id="getEntryHeaders")
    async def headers(who: Who, number: Number, ident: Ident) -> Rows[HeaderRow]:
        """Return the header of the mail behind an entry."""
        return Rows([HeaderRow(*pair) for pair in await tickets.headers(who, number, ident)])

    @routes.get(
        "/tickets/{number}/entries/{ident}/raw",
        operation_id="getEntryRaw",
        response_class=Response,
        responses=OCTETS,
    )
    async def raw(who: Who, number: Number, ident: Ident) -> Response:
        """Return the mail behind an entry, octet for octet."""
        return raw_response(await tickets.raw(who, number, ident), f"entry-{ident}.eml")

    @routes.get(
        "/tickets/{number}/files/{source}/{ident}/{position}",
        operation_id="getFile",
        response_class=Response,
        responses=OCTETS,
    )
    async def file(  # noqa: PLR0917 - path and query parameters have names
        who: Who,
        number: Number,
        source: Literal["mail", "sent"],
        ident: Ident,
        position: Annotated[int, Path(ge=0, le=1000)],
        inline: bool = False,
    ) -> Response:
        """Return an attachment, as a download; pictures and PDFs `inline` if asked."""
        download = await tickets.download(who, number, source, ident, position, inline=inline)
        return file_response(download, inline=inline)


def raw_response(content: bytes, name: str) -> Response:
    """Return a raw mail as a download."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Content-Security-Policy": SANDBOX}
    return Response(content, media_type="application/octet-stream", headers=headers)
