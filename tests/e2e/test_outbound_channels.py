"""Three channels to real servers over real sockets: one never answers, one says 421, one is healthy (P9)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

import pytest

from gateway.outbound.channels.kept import KeptChannel
from gateway.outbound.session import Server
from gateway.outbound.signer import Signer
from gateway.outbound.worker import ChannelWorker, Desk
from tests.support.drafts import KEYS, make_draft, signing_keys
from tests.support.outbox import MemoryOutbox, RunningClock
from tests.support.smtp_server import CUT, HANG, SmtpServer

pytestmark = pytest.mark.xdist_group("outbound-timing")
MAILS = 250


async def seconds_to_deliver(servers: Mapping[str, SmtpServer], signer: Signer) -> float:
    """Queue as much on each channel, run all workers, and return how long the healthy channel took.

    The others get their mail first, so that they are as dead as a channel is for most of an outage.
    """
    outbox = MemoryOutbox(RunningClock())
    desk = Desk(outbox, signer, outbox.clock, KEYS, {"support": "in@tickets.example.org"}, lambda: 0.5)
    tasks, began = [], 0.0
    for place, (name, server) in enumerate(servers.items()):
        way = KeptChannel(Server("127.0.0.1", server.port, "tickets.example.org", timeout=30), 4)
        worker = ChannelWorker(name, way, desk)
        for number in range(MAILS):
            outbox.put(number * 10 + place, name, make_draft(number * 10 + place))
        began = time.monotonic()
        tasks.append(asyncio.create_task(worker.run()))
        await asyncio.sleep(0 if name == "healthy" else 2.5)
    while len(servers["healthy"].transactions) < MAILS:
        await asyncio.sleep(0.005)
        assert time.monotonic() - began < 60
    took = time.monotonic() - began
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return took


async def test_dead_channels_cost_a_healthy_one_nothing() -> None:
    signer = Signer(signing_keys())
    shares = []
    for _ in range(4):  # other work on the machine disturbs single runs; one undisturbed pair is enough
        async with SmtpServer() as healthy:
            alone = await seconds_to_deliver({"healthy": healthy}, signer)
        async with (
            SmtpServer() as healthy,
            SmtpServer({"greeting": HANG}) as silent,
            SmtpServer({"mail": "421 4.3.2 closing"}) as busy,
        ):
            together = await seconds_to_deliver({"silent": silent, "busy": busy, "healthy": healthy}, signer)
            assert 0 < silent.most_open <= 4
            assert 0 < busy.connections <= 5
        shares.append(alone / together)
        if shares[-1] >= 0.95:
            break
    signer.close()

    assert max(shares) >= 0.95, shares


async def test_a_lost_250_repeats_the_same_octets_and_nothing_else() -> None:
    outbox = MemoryOutbox(RunningClock())
    signer = Signer(signing_keys())
    desk = Desk(outbox, signer, outbox.clock, KEYS, {"support": "in@tickets.example.org"}, lambda: 0.0)
    async with SmtpServer({"dot": [CUT, CUT]}) as server:
        way = KeptChannel(Server("127.0.0.1", server.port, "tickets.example.org", timeout=5), 1)
        worker = ChannelWorker("relay", way, desk)
        row = outbox.put(1)
        while str(row.state) != "sent":
            await worker.round()
            await worker.settled()
            row.due = outbox.clock.now()
        await way.close()
    signer.close()

    assert [str(result.outcome) for _, result in row.results] == ["unknown", "unknown", "sent"]
    assert len({(t.content, t.mail_from, tuple(t.recipients)) for t in server.transactions}) == 1
    assert len(server.transactions) == 3
