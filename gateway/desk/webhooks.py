"""Webhooks as administrators see and steer them. What they are is in the configuration, and only shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

from gateway.config.settings import Settings, Webhook
from gateway.desk.access import need_admin
from gateway.desk.nouns import Principal
from gateway.errors import NotFound
from gateway.model import WebhookDelivery, WebhookDepth, WebhookTrace
from gateway.ports import WebhookOperations

LONGEST_REASON = 500


class WebhookHealth(StrEnum):
    OK = "ok"
    TROUBLE = "trouble"  # something was tried, not taken, and waits
    PAUSED = "paused"
    GONE = "gone"  # it answered 410


@dataclass(frozen=True, slots=True)
class WebhookState:
    """A webhook of the configuration and how it goes. `url` is cut: paths of webhooks often hold a secret."""

    name: str
    url: str
    events: tuple[str, ...]
    queues: tuple[str, ...]
    notes: bool
    health: WebhookHealth
    waiting: int = 0
    oldest: datetime | None = None
    sent_24h: int = 0
    failed_24h: int = 0
    trouble: str = ""
    stopped_since: datetime | None = None
    because: str = ""


class Webhooks:
    """What administrators see and do. Everything raises Forbidden for others."""

    def __init__(self, books: WebhookOperations, settings: Callable[[], Settings], wake: Callable[[], None]) -> None:
        self._books, self._settings, self._wake = books, settings, wake

    async def states(self, who: Principal) -> Sequence[WebhookState]:
        """Return the webhooks of the configuration with what waits for them."""
        need_admin(who)
        return states_of(self._settings().webhooks, await self._books.webhook_depths())

    async def deliveries(
        self,
        who: Principal,
        *,
        limit: int = 100,
        before: int | None = None,
        webhook: str | None = None,
        state: str | None = None,
    ) -> Sequence[WebhookDelivery]:
        """Return deliveries, newest first."""
        need_admin(who)
        return await self._books.list_webhook_deliveries(limit, before, webhook=webhook, state=state)

    async def trace(self, who: Principal, delivery: int) -> WebhookTrace:
        """Return a delivery with what is sent and every attempt."""
        need_admin(who)
        return await self._books.trace_webhook_delivery(delivery)

    async def retry(self, who: Principal, delivery: int) -> None:
        """Send an event again at once, whatever became of it."""
        need_admin(who)
        await self._books.retry_webhook_delivery(delivery)
        self._wake()

    async def cancel(self, who: Principal, delivery: int) -> None:
        """Never send what waits."""
        need_admin(who)
        await self._books.cancel_webhook_delivery(delivery)

    async def pause(self, who: Principal, name: str, because: str) -> None:
        """Hand out nothing of a webhook; its events wait."""
        self._known(who, name)
        await self._books.pause_webhook(name, f"{because[:LONGEST_REASON]} ({who.agent.shown})".strip())

    async def resume(self, who: Principal, name: str) -> None:
        """End a pause, or believe that a receiver that was gone is back. Raises NotFound if it was not stopped."""
        self._known(who, name)
        if not await self._books.resume_webhook(name):
            raise NotFound("this webhook is not stopped")
        self._wake()

    async def test(self, who: Principal, name: str) -> int:
        """Send a `ping` to one webhook; return the number of its delivery."""
        self._known(who, name)
        number = await self._books.ping_webhook(name)
        self._wake()
        return number

    def _known(self, who: Principal, name: str) -> None:
        need_admin(who)
        if name not in self._settings().webhooks:
            raise NotFound("there is no such webhook")


def states_of(webhooks: Mapping[str, Webhook], depths: Sequence[WebhookDepth]) -> list[WebhookState]:
    """Put together what the configuration says and what the store counts."""
    known = {row.webhook: row for row in depths}
    return [state_of(name, webhook, known.get(name, WebhookDepth(name))) for name, webhook in webhooks.items()]


def state_of(name: str, webhook: Webhook, depth: WebhookDepth) -> WebhookState:
    """Return how one webhook goes."""
    return WebhookState(
        name=name,
        url=shown_url(webhook.url),
        events=webhook.events,
        queues=webhook.queues,
        notes=webhook.notes,
        health=health_of(depth),
        waiting=depth.waiting,
        oldest=depth.oldest,
        sent_24h=depth.sent_24h,
        failed_24h=depth.failed_24h,
        trouble=depth.trouble,
        stopped_since=depth.stopped_since,
        because=depth.because,
    )


def health_of(depth: WebhookDepth) -> WebhookHealth:
    """Return in one word how a webhook goes."""
    if depth.gone:
        return WebhookHealth.GONE
    if depth.stopped_since is not None:
        return WebhookHealth.PAUSED
    return WebhookHealth.TROUBLE if depth.trouble else WebhookHealth.OK


def shown_url(url: str) -> str:
    """Return a URL as far as its host."""
    parts = urlsplit(url)
    rest = "/…" if parts.path.strip("/") or parts.query else ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{rest}"
