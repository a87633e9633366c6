"""A relay that is away for days, on a real store and an injected clock: table, news on the ticket, drain (R7)."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from email import message_from_bytes

import pytest

from gateway.model import Mailbox
from gateway.outbound.health import BACKOFF
from gateway.outbound.schedule import GIVE_UP_AFTER
from gateway.outbound.worker import ChannelWorker, Desk
from gateway.store import SqlStore, open_store
from gateway.telemetry import log
from tests.conftest import MovableClock
from tests.support.drafts import KEYS
from tests.support.outbox import GONE, TAKEN, QuickSigner, ScriptedChannel, play
from tests.unit.store.cases import open_ticket, reply

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("outbound-outage")]
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def quiet():
    log.configure("error")
    yield
    log.configure("info")


def make_worker(store: SqlStore, channel: ScriptedChannel, *rates: tuple[int, timedelta]) -> ChannelWorker:
    desk = Desk(store, QuickSigner(), store.clock, KEYS, {"support": "in@tickets.example.org"}, lambda: 0.5)
    return ChannelWorker("relay", channel, desk, rates=rates)


async def queue_replies(store: SqlStore, tickets: int, each: int) -> None:
    """Open tickets of different customers, and answer each so many times."""
    for number in range(tickets):
        author = Mailbox("", f"customer{number}@example.com")
        ticket = await open_ticket(store, author)
        for place in range(each):
            await reply(store, ticket, author.address, subject=f"[#{ticket}] {place}", loop_token="")


async def test_after_five_days_every_ticket_was_warned_and_then_told(
    migrated_sqlite_url: str, clock: MovableClock
) -> None:
    async with open_store(migrated_sqlite_url, clock=clock) as store:
        began = clock.moment
        await queue_replies(store, tickets=15, each=1)
        await play(make_worker(store, ScriptedChannel(GONE, clock=clock)), store, clock, clock.moment + 6 * DAY)
        rows = await store.list_outbox()
        entries = [(await store.find_ticket(row.ticket or 0))[1] for row in rows]

    news = [[entry for entry in ticket if entry.kind == "delivery"] for ticket in entries]
    assert {row.state for row in rows} == {"failed"}
    assert all("not reached yet; tried again until" in ticket[0].text for ticket in news)
    assert all(timedelta(hours=4) <= ticket[0].created_at - began <= timedelta(hours=4.5) for ticket in news)
    assert all("given up after 5 days" in ticket[-1].text for ticket in news)
    assert all(
        GIVE_UP_AFTER <= ticket[-1].created_at - began <= GIVE_UP_AFTER + BACKOFF[-1] + MINUTE for ticket in news
    )
    assert sum(30 <= row.attempts <= 37 for row in rows) >= len(rows) - 10  # the others probed, besides


async def test_after_two_days_everything_leaves_in_order_at_its_rate(
    migrated_sqlite_url: str, clock: MovableClock
) -> None:
    channel = ScriptedChannel(GONE, clock=clock)
    async with open_store(migrated_sqlite_url, clock=clock) as store:
        await queue_replies(store, tickets=40, each=3)
        worker = make_worker(store, channel, (30, MINUTE))
        await play(worker, store, clock, clock.moment + 2 * DAY)
        assert {row.state for row in await store.list_outbox(1000)} == {"queued"}
        channel.answers = [TAKEN]
        channel.sent.clear()
        back = clock.moment
        await play(worker, store, clock, clock.moment + 0.2 * DAY)
        states = {row.state for row in await store.list_outbox(1000)}

    times = [sent.at for sent in channel.sent]
    order = defaultdict(list)
    for sent in channel.sent:
        order[sent.recipients].append(str(message_from_bytes(sent.content)["Subject"])[-1])
    assert states == {"sent"}
    assert len(times) == 120
    assert all(places == ["0", "1", "2"] for places in order.values())
    assert times[0] - back <= BACKOFF[-1]
    assert max(sum(start <= at < start + MINUTE for at in times) for start in times) <= 30
    assert times[-1] - times[0] <= timedelta(minutes=4) / 0.95
