"""The page that shows letters before one is sent: the HTML in a frame that can do nothing, the text beside it."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from gateway.desk.preview import KINDS, LOCALES
from gateway.http.pages.view import Member, Pages
from gateway.http.pages.words import N_, NAMES
from gateway.mail.preview import page

LETTERS = {
    "acknowledgement": N_("Acknowledgement"),
    "reply": N_("Reply"),
    "notice": N_("Notice that a ticket is solved"),
    "alert": N_("Alert to an agent"),
    "digest": N_("Digest for an agent"),
}

# As for customers' mails: no script, no form, no network. The pictures of a letter stand in its page.
FRAME = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; form-action 'none'; "
    "base-uri 'none'; sandbox"
)


def preview_routes(pages: Pages) -> APIRouter:
    """Return /admin/letters and the frame in it."""
    router = APIRouter(include_in_schema=False, prefix="/admin/letters")
    previews = pages.desk.previews

    @router.get("")
    async def letters(
        request: Request, who: Member, queue: str = "", kind: str = KINDS[0], locale: str = ""
    ) -> Response:
        """Show a letter, and choose another one."""
        queues = previews.queues(who)
        shown, _draft = previews.show(who, queue or queues[0], kind, locale)
        return await pages.show(
            request,
            who,
            "admin_letters.html",
            shown=shown,
            choices=queues,
            letters=LETTERS,
            languages={locale: NAMES[locale] for locale in LOCALES},
            problems=pages.desk.administration.check(who),
        )

    @router.get("/frame")
    async def frame(who: Member, queue: str, kind: str, locale: str = "") -> Response:
        """Return a letter's HTML as a sandboxed document."""
        _shown, draft = previews.show(who, queue, kind, locale)
        return HTMLResponse(page(draft), headers={"Content-Security-Policy": FRAME, "Referrer-Policy": "no-referrer"})

    return router
