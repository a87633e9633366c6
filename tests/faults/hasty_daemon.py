"""The daemon with the order broken on purpose: it says 250 first and writes afterwards. The order oracle must see it.

Run as `python -m tests.faults.hasty_daemon serve -c FILE`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from gateway import app
from gateway.cli import main
from gateway.model import Envelope, IntakeId
from gateway.ports import Store

_writing: set[asyncio.Task[None]] = set()


async def hasty_accept(
    raw: bytes, envelopes: Sequence[Envelope], queues: Sequence[str], store: Store
) -> tuple[IntakeId, ...]:
    """Promise at once, write a little later."""

    async def write() -> None:
        await asyncio.sleep(0.05)
        await store.accept(raw, envelopes, queues)

    task = asyncio.create_task(write())
    _writing.add(task)
    task.add_done_callback(_writing.discard)
    return tuple(IntakeId(number) for number, _ in enumerate(envelopes, 1))


if __name__ == "__main__":
    vars(app)["accept"] = hasty_accept
    main()
