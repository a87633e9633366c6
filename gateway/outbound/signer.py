"""Composes and signs off the event loop: a trickle in a thread, a rush in processes, one per core.

Most desks send a few mails a minute, and pay for one thread. Once more is asked for than a thread should do,
processes sign on every core until the rush is over. A process that dies takes nothing along: its mails are signed by
the thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from gateway.errors import NotSendable
from gateway.model import Draft
from gateway.outbound import signing_process as program
from gateway.outbound.dkim import SigningKey
from gateway.telemetry.log import get_logger

CORES: Final = min(4, len(os.sched_getaffinity(0)))
RUSH: Final = 50  # mails signed within a second: from then on processes sign
CALM: Final = timedelta(seconds=30)  # without work, after which a process ends
START: Final = timedelta(seconds=30)  # longest time in which a process loads what it needs
PATIENCE: Final = timedelta(seconds=60)  # with one mail
BATCH: Final = 8  # mails that are handed over together
BATCH_OCTETS: Final = 256 << 10  # a larger mail travels alone
SMALL: Final = 32 << 10  # octets of an unsigned mail that is composed more quickly than handed over


@dataclass(slots=True)
class _Job:
    order: program.Order
    done: asyncio.Future[bytes]
    weight: int


class _Ended(Exception):
    """A signing process died, hung, or never became ready."""


class Signer:
    """Makes the octets of a mail, once; every attempt sends those."""

    def __init__(self, keys: Sequence[SigningKey] = (), processes: int = CORES) -> None:
        self._keys = tuple(keys)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="sign")
        self._most = processes
        self._waiting: deque[_Job] = deque()
        self._wanted = asyncio.Event()
        self._thread: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._ready: dict[int, asyncio.subprocess.Process] = {}
        self._recent: deque[float] = deque(maxlen=RUSH)  # when the last mails were asked for
        self._not_before = 0.0  # no process is started sooner: one failed lately

    @property
    def processes(self) -> list[int]:
        """Return the ids of the processes that sign now; none while there is no rush."""
        return sorted(self._ready)

    async def write(self, draft: Draft, composed_at: datetime, signed_at: datetime) -> bytes:
        """Return the signed message. Raises NotSendable if the draft cannot become one."""
        weight = weigh(draft)
        if not self._keys and weight <= SMALL:
            return self.write_now(draft, composed_at, signed_at)
        loop = asyncio.get_running_loop()
        job = _Job((draft, composed_at, signed_at), loop.create_future(), weight)
        self._waiting.append(job)
        self._call(loop.time())
        return await job.done

    def write_now(self, draft: Draft, composed_at: datetime, signed_at: datetime) -> bytes:
        """Return the signed message; blocking."""
        return program.carry_out((draft, composed_at, signed_at), self._keys)

    def close(self) -> None:
        """End thread and processes."""
        for task in self._tasks:
            task.cancel()
        self._pool.shutdown(wait=False, cancel_futures=True)

    # --- who signs --------------------------------------------------------------------------------------------

    def _call(self, now: float) -> None:
        """See to it that somebody signs what waits."""
        self._recent.append(now)
        rush = len(self._recent) == RUSH and now - self._recent[0] < 1
        if rush and self._keys and not self._tasks and now >= self._not_before:
            for number in range(self._most):
                task = asyncio.create_task(self._employ(), name=f"signing process {number}")
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        if self._ready:
            self._wanted.set()
        elif self._thread is None or self._thread.done():
            self._thread = asyncio.create_task(self._serve_by_thread(), name="signing thread")

    def _take(self, share: int) -> list[_Job]:
        """Return the next jobs of one pair of hands, and leave some to the others."""
        batch: list[_Job] = []
        octets = 0
        most = max(1, min(BATCH, -(-len(self._waiting) // share)))
        while self._waiting and len(batch) < most:
            if batch and octets + self._waiting[0].weight > BATCH_OCTETS:
                break
            job = self._waiting.popleft()
            if not job.done.done():  # else its caller gave up
                batch.append(job)
                octets += job.weight
        return batch

    async def _serve_by_thread(self) -> None:
        while not self._ready and (batch := self._take(1)):
            await self._sign_in_thread(batch)

    async def _sign_in_thread(self, batch: Sequence[_Job]) -> None:
        """Sign what of a batch is not signed yet."""
        jobs = [job for job in batch if not job.done.done()]
        if jobs:
            outcomes: Sequence[bytes | Exception]
            try:
                outcomes = await asyncio.get_running_loop().run_in_executor(self._pool, self._sign, jobs)
            except RuntimeError as error:  # closed: whoever still waits is told so
                outcomes = [error for _ in jobs]
            for job, outcome in zip(jobs, outcomes, strict=True):
                settle(job, outcome)

    def _sign(self, batch: Sequence[_Job]) -> list[bytes | Exception]:
        found: list[bytes | Exception] = []
        for job in batch:
            try:
                found.append(self.write_now(*job.order))
            except Exception as error:  # handed to the caller of this job
                found.append(error)
        return found

    async def _employ(self) -> None:
        """Let one process sign until it has been idle for a while."""
        process = None
        try:
            process = await self._start()
            self._ready[process.pid] = process
            while batch := await self._next():
                await self._hand_over(process, batch)
        except (_Ended, OSError) as error:
            self._not_before = asyncio.get_running_loop().time() + CALM.total_seconds()
            get_logger().warning("outbound.signing-process", because=str(error) or type(error).__name__)
        finally:
            if process is not None:
                self._ready.pop(process.pid, None)
                await end(process)
            if self._waiting:
                self._call(asyncio.get_running_loop().time())

    async def _next(self) -> list[_Job]:
        """Wait for work. Nothing if there is none for a long while."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CALM.total_seconds()):
                while not (batch := self._take(max(1, len(self._ready)))):
                    self._wanted.clear()
                    await self._wanted.wait()
                return batch
        return []

    async def _hand_over(self, process: asyncio.subprocess.Process, batch: list[_Job]) -> None:
        assert process.stdin is not None
        try:
            process.stdin.write(b"".join(program.pack(job.order) for job in batch))
            for job in batch:
                how, octets = await answer(process, PATIENCE)
                if how != program.FAULT:  # the thread meets that again, and can say what it is
                    settle(job, octets if how == program.SIGNED else NotSendable(octets.decode()))
        except asyncio.CancelledError:
            for job in batch:
                job.done.cancel()
            raise
        finally:
            await self._sign_in_thread(batch)

    async def _start(self) -> asyncio.subprocess.Process:
        """Start a process and give it the keys."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-m", program.__name__, str(os.getpid()),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            env={}, cwd="/", limit=BATCH_OCTETS,
        )  # fmt: skip
        try:
            assert process.stdin is not None
            process.stdin.write(program.pack_keys(self._keys))
            await answer(process, START)  # it says that it is ready, and nothing else before that
        except BaseException:
            await end(process)
            raise
        return process


def weigh(draft: Draft) -> int:
    """Return about how many octets there are to compose."""
    return len(draft.text) + len(draft.html or "") + sum(len(file.content) for file in draft.files)


def settle(job: _Job, outcome: bytes | Exception) -> None:
    if job.done.done():
        return
    if isinstance(outcome, Exception):
        job.done.set_exception(outcome)
    else:
        job.done.set_result(outcome)


async def answer(process: asyncio.subprocess.Process, patience: timedelta) -> tuple[int, bytes]:
    """Return what a process says next. Raises _Ended."""
    assert process.stdout is not None
    try:
        async with asyncio.timeout(patience.total_seconds()):
            how, length = program.ANSWER.unpack(await process.stdout.readexactly(program.ANSWER.size))
            return how, await process.stdout.readexactly(length)
    except TimeoutError:
        raise _Ended(f"no answer within {patience.total_seconds():g} s") from None
    except (asyncio.IncompleteReadError, OSError):
        raise _Ended("a signing process died") from None


async def end(process: asyncio.subprocess.Process) -> None:
    """Let a process end: nothing more comes, and what hangs is killed."""
    assert process.stdin is not None
    process.stdin.close()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1):
            await process.wait()
            return
    process.kill()
    await process.wait()
