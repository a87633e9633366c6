"""Small writes that come while others are under way share one job: one savepoint, one commit for all of them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from gateway.errors import Transient
from gateway.store.context import Context

A = TypeVar("A")
R = TypeVar("R")

MOST = 64  # calls of one job
MOST_OCTETS = 4 << 20

Run = Callable[[Callable[[Context], list[R]], int], Awaitable[list[R]]]
"""Runs work in a transaction of its own, of about so many octets, and returns once it is durable."""


class Batched(Generic[A, R]):
    """`work` on each item that is handed over; who waits alone waits for nobody."""

    def __init__(self, run: Run[R], work: Callable[[Context, A], R], weigh: Callable[[A], int] = lambda _: 0) -> None:
        self._run = run
        self._work = work
        self._weigh = weigh
        self._waiting: deque[tuple[A, asyncio.Future[R]]] = deque()
        self._task: asyncio.Task[None] | None = None

    async def __call__(self, item: A) -> R:
        """Return what `work` made of the item, once that is durable. Raises what it raised."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._serve(), name="batched writes")
        return await future

    async def _serve(self) -> None:
        await asyncio.sleep(0)  # whatever else comes in this turn of the loop comes along
        while self._waiting:
            await self._write(self._take())

    def _take(self) -> list[tuple[A, asyncio.Future[R]]]:
        batch: list[tuple[A, asyncio.Future[R]]] = []
        octets = 0
        while self._waiting and len(batch) < MOST:
            octets += self._weigh(self._waiting[0][0])
            if batch and octets > MOST_OCTETS:
                break
            batch.append(self._waiting.popleft())
        return batch

    async def _write(self, batch: Sequence[tuple[A, asyncio.Future[R]]]) -> None:
        """Run one job for all. If an item makes it fail, each has a job of its own, so that only that one fails."""
        items = [item for item, _ in batch]
        try:
            found = await self._run(
                lambda context: [self._work(context, item) for item in items], sum(map(self._weigh, items))
            )
        except Exception as error:  # handed to whoever asked for it
            if len(batch) > 1 and not isinstance(error, Transient):
                for pair in batch:
                    await self._write([pair])
                return
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
        else:
            for (_, future), result in zip(batch, found, strict=True):
                if not future.done():
                    future.set_result(result)
