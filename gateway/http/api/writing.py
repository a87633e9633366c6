"""Replies, notes and drafts."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, UploadFile
from pydantic import Field

from gateway.desk import Desk, Words
from gateway.desk.nouns import DraftRow, FileRow, Queued, Upload
from gateway.desk.writing import MOST_OCTETS, MOST_PEOPLE, MOST_TEXT
from gateway.errors import NotFound
from gateway.http.api.common import LARGEST, Body, Ident, Made, Number, Rows, router
from gateway.http.sessions import Who

Sort = Annotated[Literal["reply", "note"], Path()]
Position = Annotated[int, Path(ge=0, le=1000)]
People = Annotated[list[Annotated[str, Field(max_length=320)]], Field(max_length=MOST_PEOPLE)]


class Reply(Body):
    """A reply. Without `to` and `cc` it goes to the requester and the participants; the draft's files go along.

    Where the text says `[image: NAME]`, the attached PNG, JPEG or GIF of that name is shown (multipart/related); on the
    ticket it has a `content_id` then. Those in `bcc` get a copy that nobody else hears of, and become no participants.
    """

    text: str = Field(min_length=1, max_length=MOST_TEXT)
    to: People | None = None
    cc: People | None = None
    bcc: People = Field([])
    status: Literal["waiting", "solved", "open"] = "waiting"
    version: int | None = Field(None, ge=0, le=LARGEST)


class Note(Body):
    """An internal note; it is never mailed."""

    text: str = Field(min_length=1, max_length=MOST_TEXT)


class Draft(Body):
    """What is being written."""

    text: str = Field("", max_length=MOST_TEXT)
    cc: str = Field("", max_length=2000)
    version: int | None = Field(None, ge=0, le=LARGEST, description="Of the draft, not of the ticket.")


class TakenBack(Body):
    """The text of a reply that was taken back; it is a draft again."""

    text: str


def writing_routes(desk: Desk) -> APIRouter:
    """Return the routes of writing."""
    routes = router(desk, "writing")
    writing = desk.writing

    @routes.post("/tickets/{number}/replies", operation_id="reply", status_code=202)
    async def reply(who: Who, number: Number, body: Reply) -> Queued:
        """Queue a reply; it can be taken back until `undo_until`."""
        words = Words(
            body.text,
            to=None if body.to is None else tuple(body.to),
            cc=None if body.cc is None else tuple(body.cc),
            bcc=tuple(body.bcc),
            status=body.status,
            version=body.version,
        )
        return await writing.reply(who, number, words)

    @routes.post("/tickets/{number}/replies/{ident}/undo", operation_id="takeBack")
    async def take_back(who: Who, number: Number, ident: Ident) -> TakenBack:
        """Take a reply back that was not handed out yet."""
        return TakenBack(text=await writing.take_back(who, number, ident))

    @routes.post("/tickets/{number}/notes", operation_id="note", status_code=201)
    async def note(who: Who, number: Number, body: Note) -> Made:
        """Write an internal note; @address and @name notify."""
        return Made(id=await writing.note(who, number, body.text))

    @routes.get("/drafts", operation_id="listDrafts")
    async def drafts(who: Who) -> Rows[DraftRow]:
        """List one's drafts, last saved first."""
        return Rows(await writing.drafts(who))

    @routes.put("/tickets/{number}/drafts/{kind}", operation_id="saveDraft")
    async def save_draft(who: Who, number: Number, kind: Sort, body: Draft) -> DraftRow:
        """Keep what is being written."""
        return await writing.save_draft(who, number, kind, body.text, cc=body.cc, version=body.version)

    @routes.delete("/tickets/{number}/drafts/{kind}", operation_id="discardDraft", status_code=204)
    async def discard_draft(who: Who, number: Number, kind: Sort) -> None:
        """Throw a draft away."""
        if not await writing.discard_draft(who, number, kind):
            raise NotFound("there is no such draft")

    @routes.post("/tickets/{number}/drafts/{kind}/files", operation_id="attach", status_code=201)
    async def attach(who: Who, number: Number, kind: Sort, file: UploadFile) -> FileRow:
        """Attach a file to a draft."""
        content = await file.read(MOST_OCTETS + 1)
        upload = Upload(file.filename or "", file.content_type or "", content)
        return await writing.attach(who, number, kind, upload)

    @routes.delete("/tickets/{number}/drafts/{kind}/files/{position}", operation_id="detach", status_code=204)
    async def detach(who: Who, number: Number, kind: Sort, position: Position) -> None:
        """Take a file off a draft."""
        if not await writing.detach(who, number, kind, position):
            raise NotFound("there is no such file")

    return routes
