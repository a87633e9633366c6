"""Sends agents their digests: what they missed beyond the limit of their alerts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from gateway.errors import Transient
from gateway.model import OutgoingId
from gateway.ports import Store, WriteDigest
from gateway.telemetry.log import get_logger

log = get_logger()

PERIOD = timedelta(minutes=1)


async def send_digests(store: Store, write: WriteDigest) -> tuple[OutgoingId, ...]:
    """Queue what is due now, in one transaction."""
    return await store.transact(lambda writer: writer.send_digests(write))


async def keep_digests(store: Store, write: Callable[[], WriteDigest], on_outgoing: Callable[[], None]) -> None:
    """Look every minute for digests that are due, as long as the daemon lives. `write` is asked for each time."""
    while True:
        await asyncio.sleep(PERIOD.total_seconds())
        try:
            sent = await send_digests(store, write())
        except Transient as error:
            log.warning("digests.unsent", because=f"{type(error).__name__}: {error}")
            continue
        if sent:
            log.info("digests.queued", outgoing=list(sent))
            on_outgoing()
