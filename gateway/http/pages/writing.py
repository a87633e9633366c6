"""Answering: replies that can be taken back, notes that are never mailed, drafts and their files."""

from __future__ import annotations

import contextlib
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from gateway.desk.nouns import DraftRow, FileRow, Words
from gateway.errors import Conflict, NotSendable
from gateway.http.pages.forms import fields_of
from gateway.http.pages.text import size
from gateway.http.pages.ticket import Typed, show_ticket
from gateway.http.pages.view import Member, Number, Pages
from gateway.http.pages.words import N_

Kind = Annotated[str, Path(pattern="^(reply|note)$")]
Position = Annotated[int, Path(ge=0, le=1000)]
CHANGED = N_("Something happened on this ticket while you were writing. Look at it, then send again.")


def file_json(file: FileRow) -> dict[str, Any]:
    """Return what the script shows of an attached file."""
    return {"position": file.position, "filename": file.filename, "size": file.size, "shown": size(file.size)}


def draft_json(draft: DraftRow) -> dict[str, Any]:
    """Return what the script needs to know of a draft."""
    return {
        "version": draft.version,
        "saved_at": draft.saved_at.isoformat(),
        "files": [file_json(file) for file in draft.files],
    }


def writing_routes(pages: Pages) -> APIRouter:
    """Return what an agent posts on a ticket."""
    router = APIRouter(include_in_schema=False, prefix="/tickets/{number}")
    writing = pages.desk.writing

    @router.post("/reply")
    async def reply(request: Request, who: Member, number: Number) -> Response:
        """Queue a reply. What was typed stands in the box again if it cannot be sent."""
        fields = await fields_of(request)
        to = fields.addresses("to")
        words = Words(
            fields.text("text"),
            to=to or None,
            cc=fields.addresses("cc"),
            bcc=fields.addresses("bcc") or (),
            files=await fields.files("file"),
            status=fields.text("status", "waiting"),
            version=fields.number("version"),
        )
        try:
            queued = await writing.reply(who, number, words)
        except (Conflict, NotSendable) as error:
            for file in words.files:  # a browser does not choose them again
                with contextlib.suppress(NotSendable):
                    await writing.attach(who, number, "reply", file)
            changed = isinstance(error, Conflict)
            problem = CHANGED if changed else str(error)
            people = fields.given("to"), fields.given("cc"), fields.text("bcc")
            typed = Typed("reply", words.text, *people, problem=problem)
            return await show_ticket(pages, request, who, number, typed, status=409 if changed else 422)
        return RedirectResponse(f"/tickets/{number}#entry-{queued.entry}", 303)

    @router.post("/outgoing/{outgoing}/undo")
    async def undo(who: Member, number: Number, outgoing: Number) -> Response:
        """Take a reply back; its text is a draft again."""
        await writing.take_back(who, number, outgoing)
        return RedirectResponse(f"/tickets/{number}#compose", 303)

    @router.post("/note")
    async def note(request: Request, who: Member, number: Number) -> Response:
        """Write an internal note."""
        fields = await fields_of(request)
        text = fields.text("text")
        try:
            entry = await writing.note(who, number, text)
        except NotSendable as error:
            return await show_ticket(pages, request, who, number, Typed("note", text, problem=str(error)), status=422)
        await writing.discard_draft(who, number, "note")
        return RedirectResponse(f"/tickets/{number}#entry-{entry}", 303)

    # --- drafts, for the script -------------------------------------------------------------------------------

    @router.post("/drafts/{kind}")
    async def save(request: Request, who: Member, number: Number, kind: Kind) -> Response:
        """Keep what is being written. 409 says that another window has newer words."""
        fields = await fields_of(request)
        try:
            draft = await writing.save_draft(
                who, number, kind, fields.text("text"), cc=fields.text("cc"), version=fields.number("version")
            )
        except Conflict:
            return JSONResponse({"conflict": True}, 409)
        return JSONResponse(draft_json(draft))

    @router.post("/drafts/{kind}/discard")
    async def discard(who: Member, number: Number, kind: Kind) -> Response:
        """Throw a draft away."""
        await writing.discard_draft(who, number, kind)
        return RedirectResponse(f"/tickets/{number}#compose", 303)

    @router.post("/drafts/{kind}/files")
    async def attach(request: Request, who: Member, number: Number, kind: Kind) -> Response:
        """Attach files to a draft."""
        fields = await fields_of(request)
        rows = [await writing.attach(who, number, kind, file) for file in await fields.files("file")]
        return JSONResponse([file_json(row) for row in rows])

    @router.post("/drafts/{kind}/files/{position}/remove")
    async def detach(who: Member, number: Number, kind: Kind, position: Position) -> Response:
        """Take a file off a draft."""
        await writing.detach(who, number, kind, position)
        return RedirectResponse(f"/tickets/{number}#compose", 303)

    return router
