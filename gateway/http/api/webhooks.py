"""Webhooks: how they go, and each delivery with its attempts. For administrators."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query

from gateway.desk import Desk
from gateway.desk.webhooks import WebhookState
from gateway.http.api.admin import Because
from gateway.http.api.common import Cursor, Ident, Limit, Made, Rows, before, paged, router
from gateway.http.sessions import Who
from gateway.model import WebhookDelivery, WebhookTrace

State = Literal["queued", "sent", "failed", "cancelled"]
Name = Annotated[str, Path(max_length=100, description="The webhook's name in the configuration.")]


def webhook_routes(desk: Desk) -> APIRouter:
    """Return the routes of webhooks."""
    routes = router(desk, "webhooks", prefix="/webhooks")
    webhooks = desk.webhooks

    @routes.get("", operation_id="listWebhooks")
    async def states(who: Who) -> Rows[WebhookState]:
        """List the webhooks of the configuration with what waits for them."""
        return Rows(await webhooks.states(who))

    @routes.get("/deliveries", operation_id="listWebhookDeliveries")
    async def deliveries(
        who: Who,
        limit: Limit = 100,
        cursor: Cursor = None,
        webhook: Annotated[str | None, Query(max_length=100)] = None,
        state: State | None = None,
    ) -> Rows[WebhookDelivery]:
        """List deliveries, one for each event and webhook."""
        rows = await webhooks.deliveries(who, limit=limit, before=before(cursor), webhook=webhook, state=state)
        return paged(rows, limit)

    @routes.get("/deliveries/{ident}", operation_id="getWebhookDelivery")
    async def trace(who: Who, ident: Ident) -> WebhookTrace:
        """Return a delivery with what is sent and every attempt."""
        return await webhooks.trace(who, ident)

    @routes.post("/deliveries/{ident}/retry", operation_id="retryWebhookDelivery", status_code=204)
    async def retry(who: Who, ident: Ident) -> None:
        """Send an event again at once, whatever became of it."""
        await webhooks.retry(who, ident)

    @routes.post("/deliveries/{ident}/cancel", operation_id="cancelWebhookDelivery", status_code=204)
    async def cancel(who: Who, ident: Ident) -> None:
        """Never send what waits."""
        await webhooks.cancel(who, ident)

    @routes.post("/{name}/pause", operation_id="pauseWebhook", status_code=204)
    async def pause(who: Who, name: Name, body: Because) -> None:
        """Hand out nothing of a webhook; its events wait."""
        await webhooks.pause(who, name, body.because)

    @routes.post("/{name}/resume", operation_id="resumeWebhook", status_code=204)
    async def resume(who: Who, name: Name) -> None:
        """End a pause, or believe that a receiver that was gone is back."""
        await webhooks.resume(who, name)

    @routes.post("/{name}/test", operation_id="testWebhook")
    async def test(who: Who, name: Name) -> Made:
        """Send a `ping` to one webhook; returns the number of its delivery."""
        return Made(id=await webhooks.test(who, name))

    return routes
