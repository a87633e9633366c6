"""Writes that come together share one job; one that fails does not take the others along."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from gateway.errors import StorageUnavailable
from gateway.store import batching
from gateway.store.batching import Batched


class Jobs:
    """Runs work as a store would, and remembers how much came in each job."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.weights: list[int] = []
        self.away = False

    async def __call__(self, work, weight: int):
        await asyncio.sleep(0.001)
        if self.away:
            raise StorageUnavailable("the database is away")
        found = work(cast("Any", None))
        self.sizes.append(len(found))
        self.weights.append(weight)
        return found


def double(_context, number: int) -> int:
    if number < 0:
        raise ValueError(f"{number} is bad")
    return number * 2


async def test_what_comes_at_once_shares_a_job() -> None:
    jobs = Jobs()
    batched = Batched(jobs, double)

    assert await asyncio.gather(*(batched(number) for number in range(20))) == list(range(0, 40, 2))
    assert jobs.sizes == [20]
    assert await batched(7) == 14
    assert jobs.sizes == [20, 1]


async def test_what_comes_meanwhile_goes_with_the_next() -> None:
    jobs = Jobs()
    batched = Batched(jobs, double)
    first = asyncio.create_task(batched(1))
    await asyncio.sleep(0.0005)
    later = [asyncio.create_task(batched(number)) for number in range(5)]

    assert await first == 2
    assert await asyncio.gather(*later) == [0, 2, 4, 6, 8]
    assert jobs.sizes == [1, 5]


async def test_one_that_fails_fails_alone() -> None:
    batched = Batched(Jobs(), double)
    outcomes = await asyncio.gather(*(batched(number) for number in (1, -2, 3)), return_exceptions=True)

    assert (outcomes[0], outcomes[2]) == (2, 6)
    assert str(outcomes[1]) == "-2 is bad"


async def test_a_store_that_is_away_is_asked_once() -> None:
    jobs = Jobs()
    jobs.away = True
    batched = Batched(jobs, double)
    outcomes = await asyncio.gather(*(batched(number) for number in range(3)), return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [StorageUnavailable] * 3
    jobs.away = False
    assert await batched(4) == 8


async def test_a_caller_that_gave_up_takes_nobody_along() -> None:
    jobs = Jobs()
    batched = Batched(jobs, double)
    calls = [asyncio.create_task(batched(number)) for number in range(3)]
    await asyncio.sleep(0)
    calls[0].cancel()

    assert (await calls[1], await calls[2]) == (2, 4)
    assert jobs.sizes == [3]  # and it was done all the same


async def test_a_job_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = Jobs()
    monkeypatch.setattr(batching, "MOST_OCTETS", 10)
    batched = Batched(jobs, double, lambda number: number)
    await asyncio.gather(*(batched(number) for number in (4, 4, 4, 30, 1)))

    assert jobs.sizes == [2, 1, 1, 1]
    assert jobs.weights == [8, 4, 30, 1]
