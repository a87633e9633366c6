"""A provider's limits hold over restarts and nodes: counted from the attempts, in a sliding window."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from gateway.model import ClaimedDelivery, DeliveryResult, Outcome
from gateway.store import SqlStore, allowance, open_store
from gateway.store.allowance import ENDED, UNDER_WAY, ended
from gateway.store.context import Context
from tests.conftest import MovableClock
from tests.unit.store.cases import open_ticket, reply

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
WINDOW = {"channel": "relay", "since": 1, "most": 5, "leased_since": 1}
SENT = DeliveryResult(Outcome.SENT, 250, "250 2.0.0 taken", dot_sent=True)
GONE = DeliveryResult(Outcome.DEFERRED, 0, "no connection", channel_down=True)
GREY = DeliveryResult(Outcome.DEFERRED, 450, "450 4.2.0 greylisted")


async def queue(store: SqlStore, count: int) -> None:
    ticket = await open_ticket(store)
    for number in range(count):
        await reply(store, ticket, f"customer{number}@example.com")


async def claim(store: SqlStore, *allowances: tuple[int, timedelta], limit: int = 50) -> Sequence[ClaimedDelivery]:
    return await store.claim_deliveries("relay", limit, MINUTE, allowances)


async def record(
    store: SqlStore, claims: Sequence[ClaimedDelivery], result: DeliveryResult, at: datetime | None
) -> None:
    for claimed in claims:
        assert await store.record_delivery(claimed, result, at)


async def test_no_more_are_handed_out_than_a_window_holds(store: SqlStore, clock: MovableClock) -> None:
    await queue(store, 12)
    first = await claim(store, (5, MINUTE))
    assert len(first) == 5
    assert await claim(store, (5, MINUTE)) == []  # those are under way
    clock.move(seconds=50)
    await record(store, first, SENT, None)
    clock.move(seconds=59)
    assert await claim(store, (5, MINUTE)) == []  # a minute after their claim, but not after their end
    assert await store.next_due("relay", [(5, MINUTE)]) == clock.now() + timedelta(seconds=1)
    clock.move(seconds=1)

    assert len(await claim(store, (5, MINUTE))) == 5


async def test_places_become_free_one_by_one(store: SqlStore, clock: MovableClock) -> None:
    await queue(store, 8)
    for _ in range(3):
        await record(store, await claim(store, (3, DAY), limit=1), SENT, None)
        clock.move(hours=1)
    assert await store.next_due("relay", [(3, DAY)]) == clock.now() + timedelta(hours=21)
    clock.move(hours=21)

    assert len(await claim(store, (3, DAY))) == 1


async def test_the_narrowest_of_several_windows_counts(store: SqlStore, clock: MovableClock) -> None:
    await queue(store, 12)
    limits = (2, MINUTE), (5, DAY)
    handed_out = []
    for _ in range(5):
        claims = await claim(store, *limits)
        await record(store, claims, SENT, None)
        handed_out.append(len(claims))
        clock.move(minutes=1)

    assert handed_out == [2, 2, 1, 0, 0]
    assert await store.next_due("relay", limits) == clock.now() + DAY - timedelta(minutes=5)


async def test_what_never_reached_the_server_does_not_count(store: SqlStore, clock: MovableClock) -> None:
    await queue(store, 4)
    await record(store, await claim(store, (2, DAY)), GONE, clock.now() + MINUTE)
    greylisted = await claim(store, (2, DAY))
    await record(store, greylisted, GREY, clock.now() + MINUTE)

    assert len(greylisted) == 2
    assert await claim(store, (2, DAY)) == []  # the server saw those


async def test_another_channel_has_an_allowance_of_its_own(store: SqlStore) -> None:
    await queue(store, 2)
    assert len(await claim(store, (2, DAY))) == 2
    await reply(store, await open_ticket(store), channel="other")

    assert len(await store.claim_deliveries("other", 9, MINUTE, [(1, DAY)])) == 1


async def test_what_a_dead_worker_held_counts_until_it_is_taken_over(store: SqlStore, clock: MovableClock) -> None:
    await queue(store, 3)
    await store.claim_deliveries("relay", 2, timedelta(0), [(2, DAY)])
    await asyncio.sleep(0.01)
    assert await claim(store, (2, DAY)) == []
    assert await store.next_due("relay", [(2, DAY)]) == clock.now() + timedelta(seconds=1)
    taken_over = await claim(store, (4, DAY), limit=2)
    await record(store, taken_over, SENT, None)

    assert [claimed.attempt for claimed in taken_over] == [2, 2]
    assert await claim(store, (4, DAY)) == []  # the lost tries may have been sent, too


async def test_leases_that_expired_long_ago_block_no_channel(store: SqlStore, clock: MovableClock) -> None:
    await queue(store, 10)
    lost = await store.claim_deliveries("relay", 10, -2 * MINUTE, [(10, MINUTE)])
    assert len(lost) == 10
    assert await store.next_due("relay", [(10, MINUTE)]) == clock.now()
    taken_over = await claim(store, (10, MINUTE))

    assert [claimed.attempt for claimed in taken_over] == [2] * 10
    assert {claimed.delivery_id for claimed in taken_over} == {claimed.delivery_id for claimed in lost}
    await queue(store, 1)
    assert await claim(store, (11, MINUTE)) == []  # taken over, the lost tries count beside the new ones


async def test_a_lost_lease_counts_in_the_windows_it_may_have_sent_in(store: SqlStore) -> None:
    await queue(store, 3)
    assert len(await store.claim_deliveries("relay", 2, -2 * MINUTE, [(2, DAY)])) == 2

    assert await claim(store, (2, MINUTE), (2, DAY)) == []
    assert len(await claim(store, (2, MINUTE), (3, DAY))) == 1


async def test_who_wakes_up_for_nothing_counts_no_attempts(
    store: SqlStore, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[timedelta] = []

    def count(context: Context, channel: str, most: int, window: timedelta) -> list[int]:
        counted.append(window)
        return ended(context, channel, most, window)

    monkeypatch.setattr(allowance, "ended", count)
    await queue(store, 1)
    claims = await claim(store, (5, MINUTE), (9, DAY))
    assert counted == [MINUTE, DAY]
    assert await claim(store, (5, MINUTE), (9, DAY)) == []  # it is under way
    await record(store, claims, GREY, clock.now() + MINUTE)
    assert await claim(store, (5, MINUTE), (9, DAY)) == []  # it is not due
    assert counted == [MINUTE, DAY]

    clock.move(minutes=1)
    assert len(await claim(store, (5, MINUTE), (9, DAY))) == 1


async def test_the_window_is_found_by_its_index(sqlite_url: str, clock: MovableClock) -> None:
    async with open_store(sqlite_url, clock=clock) as store:

        def plan(context: Context) -> str:
            found = []
            for statement in (UNDER_WAY, ENDED):
                words, values = statement.bind("sqlite", WINDOW)
                context.transaction.cursor.execute(f"EXPLAIN QUERY PLAN {words}", values)
                found += [row[3] for row in context.transaction.cursor.fetchall()]
            return "\n".join(found)

        assert (await store.read(plan)).count("SEARCH attempts USING INDEX ix_attempts_ended_at") == 2


async def test_a_restart_forgets_nothing(database_url: str, clock: MovableClock) -> None:
    async with open_store(database_url, clock=clock) as store:
        await queue(store, 6)
        await record(store, await claim(store, (4, DAY)), SENT, None)
    clock.move(hours=23)
    async with open_store(database_url, clock=clock) as store:
        assert await claim(store, (4, DAY)) == []
        clock.move(hours=1)

        assert len(await claim(store, (4, DAY))) == 2


async def test_two_nodes_share_one_allowance(migrated_postgres_url: str, clock: MovableClock) -> None:
    async with (
        open_store(migrated_postgres_url, clock=clock) as one,
        open_store(migrated_postgres_url, clock=clock) as other,
    ):
        await queue(one, 40)
        rounds = await asyncio.gather(*(claim(node, (10, DAY), limit=3) for node in (one, other) * 5))

        assert sum(map(len, rounds)) == 10
        assert len({claimed.delivery_id for claims in rounds for claimed in claims}) == 10
