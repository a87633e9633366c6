"""Webhooks by hand: ports.WebhookOperations."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.model import WebhookDelivery, WebhookDepth, WebhookTrace
from gateway.store import events, webhook_queue, webhooks
from gateway.store.core import StoreCore


class WebhookSide(StoreCore):
    """How webhooks go, and the operator's hand on them."""

    async def webhook_depths(self, *, sent: bool = True) -> Sequence[WebhookDepth]:
        """Return how every webhook goes that is configured, or of which something waits or is stopped."""
        return await self.read(lambda context: webhooks.depths(context, sent=sent))

    async def list_webhook_deliveries(
        self, limit: int = 100, before: int | None = None, *, webhook: str | None = None, state: str | None = None
    ) -> Sequence[WebhookDelivery]:
        """Return deliveries, newest first."""
        return await self.read(lambda context: webhooks.list_deliveries(context, limit, before, webhook, state))

    async def trace_webhook_delivery(self, delivery: int) -> WebhookTrace:
        """Return a delivery with its payload and its attempts."""
        return await self.read(lambda context: webhooks.trace(context, delivery))

    async def retry_webhook_delivery(self, delivery: int) -> None:
        """Send an event again at once, whatever became of it."""
        await self.write(lambda context: webhooks.retry(context, delivery))

    async def cancel_webhook_delivery(self, delivery: int) -> None:
        """Never send what waits."""
        await self.write(lambda context: webhooks.cancel(context, delivery))

    async def pause_webhook(self, webhook: str, because: str) -> None:
        """Hand out nothing of a webhook; its events wait."""
        await self.write(lambda context: webhook_queue.stop(context, webhook, because))

    async def resume_webhook(self, webhook: str) -> bool:
        """End a pause, or believe that a receiver that was gone is back. False if it was not stopped."""
        return await self.write(lambda context: webhooks.resume(context, webhook))

    async def ping_webhook(self, webhook: str) -> int:
        """Queue a try; return the number of its delivery."""
        return await self.write(lambda context: events.ping(context, webhook))
