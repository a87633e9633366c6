"""Administration's lists: quarantine, blocklist, suppressions, limits with their breakers, the ledger."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import RedirectResponse

from gateway.http.pages.admin import ROWS, Before
from gateway.http.pages.forms import fields_of
from gateway.http.pages.view import Member, Number, Pages


def admin_list_routes(pages: Pages) -> APIRouter:
    """Return the lists under /admin."""
    router = APIRouter(include_in_schema=False, prefix="/admin")
    administration = pages.desk.administration

    @router.get("/quarantine")
    async def quarantine(request: Request, who: Member, before: Before = None) -> Response:
        """List what is held, with the reason."""
        rows = await administration.quarantine(who, limit=ROWS, before=before)
        more = rows[-1].id if len(rows) == ROWS else None
        return await pages.show(request, who, "admin_quarantine.html", rows=rows, more=more)

    @router.post("/quarantine/{intake}/{action}")
    async def judge_again(
        who: Member, intake: Number, action: Annotated[str, Path(pattern="^(release|replay)$")]
    ) -> Response:
        """Judge a held mail again, or release it."""
        await administration.replay(who, intake, release=action == "release")
        return RedirectResponse("/admin/quarantine", 303)

    @router.get("/blocklist")
    async def blocklist(request: Request, who: Member) -> Response:
        """Show stored and configured patterns."""
        rows = await administration.blocklist(who)
        configured = administration.configured_blocklist(who)
        return await pages.show(request, who, "admin_blocklist.html", rows=rows, configured=configured)

    @router.post("/blocklist")
    async def block(request: Request, who: Member) -> Response:
        """Add a pattern."""
        fields = await fields_of(request)
        await administration.block(who, fields.text("pattern"), fields.text("reason"))
        return RedirectResponse("/admin/blocklist", 303)

    @router.post("/blocklist/remove")
    async def unblock(request: Request, who: Member) -> Response:
        """Remove a stored pattern."""
        await administration.unblock(who, (await fields_of(request)).text("pattern"))
        return RedirectResponse("/admin/blocklist", 303)

    @router.get("/suppressions")
    async def suppressions(request: Request, who: Member) -> Response:
        """List addresses that get no automatic mail."""
        return await pages.show(request, who, "admin_suppressions.html", rows=await administration.suppressions(who))

    @router.post("/suppressions/lift")
    async def lift(request: Request, who: Member) -> Response:
        """Let an address get automatic mail again."""
        await administration.lift(who, (await fields_of(request)).text("address"))
        return RedirectResponse("/admin/suppressions", 303)

    @router.get("/limits")
    async def limits(request: Request, who: Member) -> Response:
        """Show the bound on automatic mail, and the breakers with their reasons."""
        rows, breakers = administration.limits(who), await administration.breakers(who)
        return await pages.show(request, who, "admin_limits.html", rows=rows, breakers=breakers)

    @router.post("/limits/reset")
    async def reset(request: Request, who: Member) -> Response:
        """Close a breaker."""
        await administration.reset_breaker(who, (await fields_of(request)).text("queue"))
        return RedirectResponse("/admin/limits", 303)

    @router.get("/trace")
    async def trace(request: Request, who: Member, q: str = "", before: Before = None) -> Response:
        """Say what became of mails, or list the ledger."""
        words = q.strip()
        found = await administration.trace(who, words) if words else ()
        rows = () if words else await administration.intakes(who, limit=ROWS, before=before)
        more = rows[-1].id if len(rows) == ROWS else None
        return await pages.show(request, who, "admin_trace.html", words=words, found=found, rows=rows, more=more)

    return router
