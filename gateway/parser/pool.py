"""Hands mails to parser processes over private pipes, and replaces those that die, hang or grow.

Private pipes and JSON: a process that a mail took over can spoil its own answer, and nothing else. Small mails travel
in batches, because waking a process costs more than reading a small mail.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Protocol

from gateway.errors import ParserDied, Transient
from gateway.mail import wire
from gateway.model import ParsedMail
from gateway.parser import frames
from gateway.telemetry import metrics

_START: Final = timedelta(seconds=30)  # longest time in which a process loads what it needs
_PAUSE: Final = timedelta(seconds=1)  # between two starts after one that failed
_BATCH: Final = 16  # mails that are sent to a process ahead of its answers
_BATCH_OCTETS: Final = 128 << 10  # ... and octets; a larger mail travels alone
_ANSWER: Final = 256 << 20  # octets; a longer answer is no answer


class Limits(Protocol):
    """What the pool needs to know of `limits` in the configuration."""

    @property
    def parser_processes(self) -> int:
        """How many processes read mails."""

    @property
    def parser_timeout(self) -> timedelta:
        """How long one mail may take."""

    @property
    def parser_memory(self) -> int:
        """Octets of address space of one process."""


@dataclass(slots=True)
class _Job:
    raw: bytes
    done: asyncio.Future[ParsedMail]
    alone: bool = False  # shared a batch with a mail that killed its process: not at fault, but no company any more


@dataclass(slots=True, eq=False)
class _Process:
    """One parser process and the ends of its pipes that are ours."""

    child: asyncio.subprocess.Process
    requests: asyncio.StreamWriter
    answers: asyncio.StreamReader
    handle: int  # a pidfd: it can only ever mean this process, also once its number is somebody else's
    retired: bool = False

    async def end(self) -> str:
        """Kill the process if it still runs, reap it, and say how it ended."""
        # Not child.kill(): that may reap the process behind the back of the event loop, and its end is lost
        handle, self.handle = self.handle, -1
        if handle >= 0:  # a cancelled end is ended again
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
            os.close(handle)
        self.requests.close()
        code = await self.child.wait()
        return f"signal {-code}" if code < 0 else f"exit {code}"


@dataclass(slots=True)
class _Died(Exception):
    """Becomes ParserDied at the one place that knows the mail."""

    reason: str  # of the metric: timeout, killed, garbled
    text: str = field(default="")


class ParserPool:
    """Implements ports.Parser. Start it, close it; in between `parse` may be called as often at once as one likes."""

    def __init__(self, limits: Limits, *, poison_for_tests: bool = False) -> None:
        self._count = limits.parser_processes
        self._timeout = limits.parser_timeout
        self._memory = limits.parser_memory
        self._poison = poison_for_tests
        self._waiting: deque[_Job] = deque()
        self._wanted = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._alive: set[_Process] = set()
        self._spare: list[_Process] = []  # started, and not yet in anybody's hands
        self._trouble = "not started"

    async def start(self) -> None:
        """Start the processes and wait until one is ready. Raises Transient if none can be started."""
        if self._tasks:
            return
        self._spare.append(await self._spawn())
        self._trouble = ""
        self._tasks = [asyncio.create_task(self._run(), name=f"parser {number}") for number in range(self._count)]

    async def close(self) -> None:
        """End all processes. Mails that are still being read raise ParserDied."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        while self._spare:
            await self._spare.pop().end()
        while self._waiting:
            _fail(self._waiting.popleft(), ParserDied("the parser was closed"))

    async def check_alive(self) -> None:
        """Raise Transient with the reason if no process is there to read mails."""
        if not self._tasks or (not self._alive and self._trouble):
            raise Transient(f"no parser process runs: {self._trouble or 'closed'}")

    @property
    def processes(self) -> list[int]:
        """Return the process ids that are alive."""
        return sorted(process.child.pid for process in self._alive)

    async def parse(self, raw: bytes) -> ParsedMail:
        """Return what the mail says. Raises ParserDied if the process died or was too slow over this mail."""
        if not self._tasks:
            await self.start()
        job = _Job(raw, asyncio.get_running_loop().create_future())
        self._waiting.append(job)
        self._wanted.set()
        return await job.done

    # --- one task for each process ---------------------------------------------------------------------------

    async def _run(self) -> None:
        process: _Process | None = None
        try:
            while True:
                if process is None:
                    process = await self._replace()
                    continue
                batch = await self._take()
                process = await self._work(process, batch)
        finally:
            if process is not None:
                self._alive.discard(process)
                await process.end()

    async def _replace(self) -> _Process | None:
        try:
            process = self._spare.pop() if self._spare else await self._spawn()
        except Transient as error:
            # Nobody's mail is to blame: those that wait go back to the ledger, which tries them again later
            self._trouble = str(error)
            while self._waiting:
                _fail(self._waiting.popleft(), error)
            await asyncio.sleep(_PAUSE.total_seconds())
            return None
        self._trouble = ""
        self._alive.add(process)
        return process

    async def _take(self) -> list[_Job]:
        """Wait for work; take a large mail alone, small ones together, but leave some to the other processes."""
        while True:
            while self._waiting:
                batch = self._batch()
                if batch:
                    return batch
            self._wanted.clear()
            await self._wanted.wait()

    def _batch(self) -> list[_Job]:
        batch: list[_Job] = []
        octets = 0
        share = max(1, min(_BATCH, -(-len(self._waiting) // self._count)))
        while self._waiting and len(batch) < share:
            job = self._waiting[0]
            if batch and (job.alone or batch[0].alone or octets + len(job.raw) > _BATCH_OCTETS):
                break
            self._waiting.popleft()
            if job.done.done():  # its caller gave up
                continue
            batch.append(job)
            octets += len(job.raw)
        return batch

    async def _work(self, process: _Process, batch: list[_Job]) -> _Process | None:
        """Have a batch read. The mail that a process dies over fails; those behind it wait for another process."""
        at = 0
        try:
            for job in batch:
                process.requests.write(frames.REQUEST.pack(len(job.raw)))
                process.requests.write(job.raw)
            for job in batch:
                begun = time.perf_counter()
                mail = await self._answer(process)
                metrics.PARSE_SECONDS.observe(time.perf_counter() - begun)
                if not job.done.done():
                    job.done.set_result(mail)
                at += 1
                if process.retired and at < len(batch):
                    self._give_back(batch[at:], alone=False)
                    break
        except _Died as died:
            self._alive.discard(process)
            how = await process.end()
            metrics.PARSER_DEATHS.labels(died.reason).inc()
            _fail(batch[at], ParserDied(f"{died.text or how} over a mail of {len(batch[at].raw)} octets"))
            self._give_back(batch[at + 1 :], alone=True)
            return None
        except asyncio.CancelledError:
            for job in batch[at:]:
                _fail(job, ParserDied("the parser was closed"))
            raise
        if process.retired:
            self._alive.discard(process)
            await process.end()
            return None
        return process

    def _give_back(self, jobs: list[_Job], *, alone: bool) -> None:
        for job in reversed(jobs):
            job.alone = job.alone or alone
            self._waiting.appendleft(job)
        self._wanted.set()

    async def _answer(self, process: _Process) -> ParsedMail:
        try:
            async with asyncio.timeout(self._timeout.total_seconds()):
                flags, length = frames.ANSWER.unpack(await process.answers.readexactly(frames.ANSWER.size))
                if length > _ANSWER:
                    raise _Died("garbled", "the parser process answered too much")
                payload = await process.answers.readexactly(length)
        except TimeoutError:
            raise _Died("timeout", f"no answer within {self._timeout.total_seconds():g} s") from None
        except (asyncio.IncompleteReadError, OSError):
            raise _Died("killed") from None
        process.retired = bool(flags & frames.RETIRED)
        try:
            return wire.loads(payload)
        except ValueError as error:
            raise _Died("garbled", "the parser process answered no mail") from error

    async def _spawn(self) -> _Process:
        """Start a process and wait until it is ready. Raises Transient."""
        program = ["-I", "-m", "gateway.parser.worker", "--memory", str(self._memory), "--parent", str(os.getpid())]
        if self._poison:
            program.append("--poison-for-tests")
        try:
            child = await asyncio.create_subprocess_exec(
                sys.executable,
                *program,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={},
                cwd="/",
                close_fds=True,
                limit=frames.PIPE,
            )
        except OSError as error:
            raise Transient(f"a parser process cannot be started: {error}") from error
        if child.stdin is None or child.stdout is None:  # cannot be: both were asked for
            raise Transient("a parser process has no pipes")
        process = _Process(child, child.stdin, child.stdout, os.pidfd_open(child.pid))
        try:
            async with asyncio.timeout(_START.total_seconds()):
                head = await process.answers.readexactly(frames.ANSWER.size)
        except (TimeoutError, asyncio.IncompleteReadError, OSError) as error:
            how = await process.end()
            raise Transient(f"a parser process did not become ready: {how}") from error
        except asyncio.CancelledError:
            await process.end()
            raise
        if frames.ANSWER.unpack(head) != (frames.READY, 0):
            await process.end()
            raise Transient("a parser process did not become ready: it answered something else")
        return process


def _fail(job: _Job, error: Exception) -> None:
    if not job.done.done():
        job.done.set_exception(error)
