"""All couriers of webhooks of one daemon: started, woken, replaced at a reload, and old deliveries pruned."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Protocol

from gateway.config.settings import Settings
from gateway.errors import PoterneError
from gateway.model import ClaimedEvent
from gateway.outbound.courier import Means
from gateway.outbound.webhooks.assembly import build_couriers
from gateway.outbound.webhooks.courier import WebhookCourier
from gateway.ports import Clock, Deliveries
from gateway.telemetry.log import get_logger

PRUNE_PERIOD = timedelta(hours=1)
KEEP_OTHERS = timedelta(days=30)  # deliveries whose webhook is not configured any more

log = get_logger()


class Book(Deliveries[ClaimedEvent], Protocol):
    """What the fleet asks of the store."""

    async def prune(self, keep: Mapping[str, timedelta], others: timedelta) -> int:
        """Delete what is older than its webhook's `keep`; return how many deliveries."""


class WebhookFleet:
    """One courier per webhook of the configuration. `start` runs a task under the daemon's supervisor."""

    def __init__(self, book: Book, clock: Clock, start: Callable[[str, Callable[[], Awaitable[None]]], None]) -> None:
        self._book, self._clock, self._start = book, clock, start
        self._couriers: Mapping[str, WebhookCourier] = {}

    def build(self, settings: Settings) -> Mapping[str, WebhookCourier]:
        """Build a courier for every webhook. Raises what makes one unusable."""
        return build_couriers(settings, Means(self._book, self._clock, random.random))

    def use(self, couriers: Mapping[str, WebhookCourier]) -> None:
        """Tell these webhooks from now on; couriers from before finish what they are sending, and end."""
        before, self._couriers = self._couriers, couriers
        for name, courier in couriers.items():
            self._start(f"webhook {name}", courier.run)
        for courier in before.values():
            courier.stop()

    def wake(self) -> None:
        """Look again at once: something may have been written."""
        for courier in self._couriers.values():
            courier.wake()

    async def keep_pruned(self, settings: Callable[[], Settings]) -> None:
        """Prune now and then, for ever. Trouble with the store is for the next look."""
        while True:
            keep = {name: webhook.keep for name, webhook in settings().webhooks.items()}
            try:
                dropped = await self._book.prune(keep, KEEP_OTHERS)
            except PoterneError as error:
                log.warning("webhook.unpruned", because=str(error))
            else:
                if dropped:
                    log.info("webhook.pruned", count=dropped)
            await asyncio.sleep(PRUNE_PERIOD.total_seconds())
