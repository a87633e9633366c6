"""One piece of work on its way through a lane, and how its caller hears of the end."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from gateway.store.pace import Rank
from gateway.store.statement import Transaction
from gateway.store.together import Together

if TYPE_CHECKING:
    from gateway.store.worker import Worker

T = TypeVar("T")


class Job(Generic[T]):
    """One piece of work, and the future that its caller awaits."""

    __slots__ = (
        "asked_at",
        "error",
        "expiry",
        "finished",
        "future",
        "given_up",
        "loop",
        "rank",
        "result",
        "shares",
        "together",
        "trace",
        "weight",
        "work",
        "worker",
        "written",
    )

    def __init__(
        self,
        work: Callable[[Transaction], T],
        *,
        weight: int,
        shares: bool = False,
        trace: bool = True,
        rank: Rank = Rank.COMMON,
        together: Together | None = None,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[T] = self.loop.create_future()
        self.work: Callable[[Transaction], T] | None = work
        self.weight = weight
        self.shares = shares  # may share its transaction where the database has row locks
        self.trace = trace  # False: always rolled back
        self.rank = rank
        self.together = together  # how it is done for many such jobs at once
        self.asked_at = time.monotonic()
        self.written = False  # was done so in the transaction at hand
        self.result: T | None = None
        self.error: BaseException | None = None
        self.given_up = False
        self.finished = False
        self.worker: Worker | None = None
        self.expiry: asyncio.TimerHandle | None = None

    def settle(self) -> None:
        """Tell the caller. Runs in the caller's loop."""
        if self.expiry is not None:
            self.expiry.cancel()
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)  # type: ignore[arg-type]


def settle_all(jobs: Iterable[Job[Any]]) -> None:
    """Wake the callers of finished jobs, once per event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Job[Any]]] = {}
    for job in jobs:
        job.finished = True
        by_loop.setdefault(job.loop, []).append(job)
    for loop, some in by_loop.items():
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle_each, some)


def settle_each(jobs: list[Job[Any]]) -> None:
    for job in jobs:
        job.settle()
