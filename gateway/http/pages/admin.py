"""Administration: how everything goes, messages on their way out, the configuration as loaded."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import RedirectResponse

from gateway.http.pages.forms import LARGEST, fields_of
from gateway.http.pages.ticket import octets
from gateway.http.pages.view import Member, Number, Pages
from gateway.model import DeliveryState

ROWS = 100
Before = Annotated[int | None, Query(ge=1, le=LARGEST)]


def admin_routes(pages: Pages) -> APIRouter:
    """Return /admin, the message centre and the configuration."""
    router = APIRouter(include_in_schema=False, prefix="/admin")
    administration = pages.desk.administration

    @router.get("")
    async def overview(request: Request, who: Member) -> Response:
        """Show on one page how everything goes."""
        return await pages.show(
            request,
            who,
            "admin_overview.html",
            statistics=await administration.statistics(who),
            states=await administration.queues(who),
            channels=await administration.channels(who),
            inboxes=await administration.inboxes(who),
            forwarders=await administration.forwarders(who),
        )

    # --- the message centre -----------------------------------------------------------------------------------

    @router.get("/outbox")
    async def outbox(
        request: Request, who: Member, state: str = "", channel: str = "", before: Before = None
    ) -> Response:
        """List deliveries."""
        wanted = state if state in frozenset(DeliveryState) else None
        rows = await administration.outbox(who, limit=ROWS, before=before, state=wanted, channel=channel or None)
        return await pages.show(
            request,
            who,
            "admin_outbox.html",
            rows=rows,
            state=wanted or "",
            channel=channel,
            channels=list(pages.desk.settings().ways_out),
            more=rows[-1].id if len(rows) == ROWS else None,
        )

    @router.get("/outbox/{delivery}")
    async def attempts(request: Request, who: Member, delivery: Number) -> Response:
        """Show every attempt of a delivery."""
        rows = await administration.attempts(who, delivery)
        return await pages.show(request, who, "admin_attempts.html", rows=rows, delivery=delivery)

    @router.post("/outbox/{delivery}/{action}")
    async def act(
        who: Member, delivery: Number, action: Annotated[str, Path(pattern="^(retry|cancel|hold)$")]
    ) -> Response:
        """Send again, never send, or keep."""
        act_on = {"retry": administration.retry, "cancel": administration.cancel, "hold": administration.hold}
        await act_on[action](who, delivery)
        return RedirectResponse("/admin/outbox", 303)

    @router.post("/channels/{channel}/{action}")
    async def channel_action(
        request: Request, who: Member, channel: str, action: Annotated[str, Path(pattern="^(pause|resume)$")]
    ) -> Response:
        """Pause a channel, or let it go on."""
        if action == "pause":
            await administration.pause(who, channel, (await fields_of(request)).text("because"))
        else:
            await administration.resume(who, channel)
        return RedirectResponse("/admin", 303)

    # --- configuration ----------------------------------------------------------------------------------------

    @router.get("/configuration")
    async def configuration(request: Request, who: Member) -> Response:
        """Show the configuration as loaded, and what `check` says."""
        shown = json.dumps(administration.configuration(who), indent=2, ensure_ascii=False, default=str)
        problems = administration.check(who)
        return await pages.show(request, who, "admin_configuration.html", shown=shown, problems=problems)

    @router.get("/intakes/{intake}/raw")
    async def raw(who: Member, intake: Number) -> Response:
        """Download a mail as it came."""
        return octets(await administration.raw(who, intake), f"intake-{intake}.eml")

    return router
