"""Administration's webhooks: how each goes, the last deliveries, one delivery with its attempts, retry and pause."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import RedirectResponse

from gateway.http.pages.admin import ROWS, Before
from gateway.http.pages.forms import fields_of
from gateway.http.pages.view import Member, Number, Pages
from gateway.http.pages.words import N_

HEALTH: Mapping[str, str] = {
    "ok": N_("well"),
    "trouble": N_("has trouble, tries again"),
    "paused": N_("paused"),
    "gone": N_("gone: it said so, somebody has to act"),
}
TOLD: Mapping[str, str] = {
    "queued": N_("waiting to be told"),
    "sent": N_("told"),
    "failed": N_("given up"),
    "cancelled": N_("cancelled"),
}


def admin_webhook_routes(pages: Pages) -> APIRouter:
    """Return the pages under /admin/webhooks."""
    router = APIRouter(include_in_schema=False, prefix="/admin/webhooks")
    webhooks = pages.desk.webhooks

    @router.get("")
    async def overview(
        request: Request, who: Member, webhook: str = "", state: str = "", before: Before = None
    ) -> Response:
        """Show how the webhooks go, and their deliveries."""
        wanted = state if state in TOLD else None
        rows = await webhooks.deliveries(who, limit=ROWS, before=before, webhook=webhook or None, state=wanted)
        return await pages.show(
            request,
            who,
            "admin_webhooks.html",
            hooks=await webhooks.states(who),
            rows=rows,
            webhook=webhook,
            state=wanted or "",
            health=HEALTH,
            told=TOLD,
            more=rows[-1].id if len(rows) == ROWS else None,
        )

    @router.get("/deliveries/{delivery}")
    async def attempts(request: Request, who: Member, delivery: Number) -> Response:
        """Show what is sent, and every attempt."""
        trace = await webhooks.trace(who, delivery)
        payload = json.dumps(json.loads(trace.payload), indent=2, ensure_ascii=False)
        return await pages.show(
            request, who, "admin_webhook_delivery.html", trace=trace, row=trace.delivery, payload=payload
        )

    @router.post("/deliveries/{delivery}/{action}")
    async def act(who: Member, delivery: Number, action: Annotated[str, Path(pattern="^(retry|cancel)$")]) -> Response:
        """Send again, or never."""
        await (webhooks.retry if action == "retry" else webhooks.cancel)(who, delivery)
        return RedirectResponse("/admin/webhooks", 303)

    @router.post("/{name}/{action}")
    async def steer(
        request: Request, who: Member, name: str, action: Annotated[str, Path(pattern="^(pause|resume|test)$")]
    ) -> Response:
        """Pause a webhook, let it go on, or try it."""
        if action == "pause":
            await webhooks.pause(who, name, (await fields_of(request)).text("because"))
        elif action == "resume":
            await webhooks.resume(who, name)
        else:
            await webhooks.test(who, name)
        return RedirectResponse("/admin/webhooks", 303)

    return router
