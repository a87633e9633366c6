"""A ticket's page, and the mails, frames and files behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import HTMLResponse

from gateway.desk.nouns import DraftRow, FileRow, Moment, Principal, Scope, TicketPage
from gateway.http.files import file_response
from gateway.http.pages.view import Member, Number, Pages
from gateway.mail.address import organisation

# A mail's HTML is a document of nobody: no script, no form, no frame; its images are ours, or were asked for.
FRAME = (
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; form-action 'none'; base-uri 'none'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox; img-src "
)
OWN_IMAGES, ALL_IMAGES = "'self'", "'self' https: http:"
Source = Annotated[str, Path(pattern="^(mail|sent)$")]
SHELL = (
    '<!doctype html><meta charset="utf-8"><meta name="color-scheme" content="light"><base target="_blank">'
    "<style>body{{margin:8px;font:15px/1.5 system-ui,sans-serif;overflow-wrap:anywhere;background:#fff;color:#111}}"
    "img{{max-width:100%;height:auto}}</style>{html}"
)
LINE_PIXELS, SIGNS_A_LINE, LEAST, MOST = 24, 70, 120, 640  # the height of a frame that cannot tell its own

UNFOLDED, NEWEST = 25, 12  # entries that are all shown; those at the end of a longer conversation


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands in the boxes: a draft, a canned answer, or what was refused a moment ago."""

    kind: str = "reply"
    text: str = ""
    to: str | None = None
    cc: str | None = None
    bcc: str = ""
    problem: str = ""


class Fold(NamedTuple):
    """A long conversation with its middle folded: how it began stays in sight, and how it stands now."""

    before: tuple[Moment, ...]
    folded: tuple[Moment, ...]
    after: tuple[Moment, ...]


def fold_of(moments: tuple[Moment, ...]) -> Fold:
    """Return a conversation in three parts; one of a usual length is not folded."""
    if len(moments) <= UNFOLDED:
        return Fold(moments, (), ())
    return Fold(moments[:1], moments[1:-NEWEST], moments[-NEWEST:])


def frame_height(moment: Moment) -> int:
    """Return a height for a mail's frame: enough for its text, within limits; the rest scrolls."""
    lines = sum(1 + len(line) // SIGNS_A_LINE for line in (moment.whole or moment.text)[:20_000].splitlines())
    return max(LEAST, min(MOST, LINE_PIXELS * (lines + 3)))


def draft_of(page: TicketPage, kind: str) -> DraftRow | None:
    """Return one's draft of a kind."""
    return next((draft for draft in page.drafts if draft.kind == kind), None)


async def show_ticket(
    pages: Pages, request: Request, who: Principal, number: int, typed: Typed | None = None, *, status: int = 200
) -> Response:
    """Return a ticket's page; reading it marks it as read, and what one was told of it."""
    desk = pages.desk
    position = await desk.together.position()
    page = await desk.tickets.page(who, number)
    if who.may(Scope.WRITE) and (page.line.unread or page.notices):
        await desk.changing.mark(who, [number])
    present = [item for item in await desk.together.present(who, number) if item.agent != who.agent.id]
    return await pages.show(
        request,
        who,
        "ticket.html",
        status=status,
        position=position,
        page=page,
        line=page.line,
        fold=fold_of(page.moments),
        organisation=organisation(page.line.requester),
        typed=typed or Typed(),
        reply=draft_of(page, "reply"),
        note=draft_of(page, "note"),
        present=present,
        canned=[item for item in await desk.shelf.canned(who) if item.queue in (None, page.line.queue)],
        frame_height=frame_height,
    )


def ticket_routes(pages: Pages) -> APIRouter:
    """Return /tickets/NUMBER and what hangs under it for reading."""
    router = APIRouter(include_in_schema=False, prefix="/tickets/{number}")
    tickets = pages.desk.tickets

    @router.get("")
    async def ticket(
        request: Request, who: Member, number: Number, canned: Annotated[int, Query(ge=0)] = 0
    ) -> Response:
        """Show a conversation; with `canned`, that answer stands in the box, below what was written already."""
        typed = None
        if canned:
            page = await tickets.page(who, number)
            draft = draft_of(page, "reply")
            words = [draft.text.rstrip()] if draft and draft.text.strip() else []
            typed = Typed(text="\n\n".join([*words, await pages.desk.shelf.fill(who, canned, page)]))
        return await show_ticket(pages, request, who, number, typed)

    @router.get("/entries/{entry}/html")
    async def html(who: Member, number: Number, entry: Number, remote: bool = False) -> Response:
        """Return a mail's HTML as a sandboxed document, for a frame of the page."""

        def inline(file: FileRow) -> str:
            return pages.addresses.inline(number, file)

        body = await tickets.html(who, number, entry, inline=inline, remote=remote)
        images = ALL_IMAGES if remote else OWN_IMAGES
        headers = {"Content-Security-Policy": FRAME + images, "Referrer-Policy": "no-referrer"}
        return HTMLResponse(SHELL.format(html=body), headers=headers)

    @router.get("/entries/{entry}/headers")
    async def headers(request: Request, who: Member, number: Number, entry: Number) -> Response:
        """Show the header of a mail."""
        fields = await tickets.headers(who, number, entry)
        return await pages.show(request, who, "headers.html", fields=fields, number=number, entry=entry)

    @router.get("/entries/{entry}/raw")
    async def raw(who: Member, number: Number, entry: Number) -> Response:
        """Download a mail, octet for octet."""
        return octets(await tickets.raw(who, number, entry), f"ticket-{number}-{entry}.eml")

    @router.get("/files/{source}/{ident}/{position}")
    async def file(
        who: Member,
        number: Number,
        source: Source,
        ident: Number,
        position: Annotated[int, Path(ge=0, le=10_000)],
        *,
        inline: bool = False,
    ) -> Response:
        """Return an attachment."""
        download = await tickets.download(who, number, source, ident, position, inline=inline)
        return file_response(download, inline=inline)

    return router


def octets(content: bytes, name: str) -> Response:
    """Return a download that no browser runs."""
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    return Response(content, media_type="application/octet-stream", headers=headers)
