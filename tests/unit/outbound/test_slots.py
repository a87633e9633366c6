"""Places for those who dial: never more than permitted, in the order of asking, and none is lost."""

from __future__ import annotations

import asyncio
import random

from gateway.outbound.slots import Slots


async def test_first_come_first_served_and_never_more_than_permitted() -> None:
    permits, inside, most, order = 3, 0, 0, []
    slots = Slots(lambda: permits)

    async def dial(number: int) -> None:
        nonlocal inside, most
        async with slots:
            order.append(number)
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*map(dial, range(50)))

    assert most == 3
    assert order == list(range(50))


async def test_places_come_and_go() -> None:
    permits = 0
    slots = Slots(lambda: permits)
    inside: list[int] = []
    leave = asyncio.Event()

    async def dial(number: int) -> None:
        async with slots:
            inside.append(number)
            await leave.wait()

    tasks = [asyncio.create_task(dial(number)) for number in range(4)]
    await asyncio.sleep(0)
    assert inside == []
    permits = 2
    slots.look()
    await asyncio.sleep(0)
    assert inside == [0, 1]
    permits = 1  # who is inside stays; nobody follows until there is room
    leave.set()
    await asyncio.gather(*tasks)

    assert inside == [0, 1, 2, 3]


async def test_whoever_gives_up_takes_no_place_along() -> None:
    chance = random.Random(3)
    slots = Slots(lambda: 2)
    done = []

    async def dial(number: int) -> None:
        async with slots:
            await asyncio.sleep(0)
            done.append(number)

    tasks = [asyncio.create_task(dial(number)) for number in range(200)]
    for _ in range(60):
        await asyncio.sleep(0)
        chance.choice(tasks).cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.wait_for(asyncio.gather(dial(900), dial(901), dial(902)), 1)

    assert sum(outcome is None for outcome in outcomes) == len(done) - 3
    assert any(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)
