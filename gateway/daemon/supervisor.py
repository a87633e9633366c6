"""Keeps worker tasks alive: a crash is logged, counted, and followed by a fresh start after a growing pause."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

from gateway.errors import Transient
from gateway.telemetry import metrics
from gateway.telemetry.log import get_logger

log = get_logger()

FIRST_PAUSE = timedelta(milliseconds=200)
LONGEST_PAUSE = timedelta(seconds=30)
CALM = timedelta(seconds=60)  # a task that ran this long starts again with the first pause

Work = Callable[[], Awaitable[None]]


class TaskDown(Transient):
    """A worker task crashed and has not started again yet."""


class Supervisor:
    """Runs named tasks. `work` returns only when it was asked to end.

    Several may share a name: after a reload a successor starts while its predecessor still finishes.
    """

    def __init__(self, first_pause: timedelta = FIRST_PAUSE) -> None:
        self._first_pause = first_pause
        self._tasks: set[asyncio.Task[None]] = set()
        self._down: dict[asyncio.Task[None], str] = {}  # those that crashed and have not started again

    def start(self, name: str, work: Work) -> None:
        """Start a task that is to live as long as the daemon."""
        metrics.TASK_CRASHES.labels(name)  # shown as 0 from the start
        task = asyncio.create_task(self._keep(name, work), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._down.pop(task, None)

    async def _keep(self, name: str, work: Work) -> None:
        pause, task = self._first_pause, asyncio.current_task()
        assert task is not None
        while True:
            started = time.monotonic()
            try:
                await work()
            except Exception as error:
                # The one broad catch for workers: what they held comes back by its lease, so starting again is safe.
                metrics.TASK_CRASHES.labels(name).inc()
                if time.monotonic() - started > CALM.total_seconds():
                    pause = self._first_pause
                log.exception("task.crashed", task=name, pause_seconds=pause.total_seconds())
                self._down[task] = f"{type(error).__name__}; starts again within {pause.total_seconds():g} s"
                await asyncio.sleep(pause.total_seconds())
                pause = min(pause * 2, LONGEST_PAUSE)
                self._down.pop(task, None)
                log.info("task.restarted", task=name)
            else:
                return

    async def check_alive(self) -> None:
        """Pass if every task runs. Raises TaskDown with the names of those that do not."""
        if self._down:
            raise TaskDown(", ".join(f"{task.get_name()}: {reason}" for task, reason in self._down.items()))

    async def drain(self, patience: timedelta) -> tuple[str, ...]:
        """Wait for all tasks to return, then cancel the rest; return the names of those that had to be cancelled."""
        pending: set[asyncio.Task[None]] = set()
        if self._tasks:
            _, pending = await asyncio.wait(set(self._tasks), timeout=max(0.0, patience.total_seconds()))
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        return tuple(sorted(task.get_name() for task in pending))
