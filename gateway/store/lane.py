"""Threads that run jobs in transactions: group commit, savepoints, deadlines, and giving up what hangs.

All jobs that wait share one transaction and one fsync, each in its savepoint unless it is alone; one that fails does
not harm the others, and no caller hears of success before the COMMIT. Judging waits behind everything else: at SQLite's
one writing thread and at PostgreSQL's several, of which one never judges (`pace`).
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from gateway.errors import StorageUnavailable
from gateway.store.connector import BEGIN_READ, BEGIN_WRITE, Connector
from gateway.store.failures import breaks_connection, translate, worth_repeating
from gateway.store.job import Job, settle_all
from gateway.store.pace import SLICE, Pace, Rank
from gateway.store.statement import Transaction
from gateway.store.together import Together, write_together
from gateway.store.worker import Worker

T = TypeVar("T")

GROUP_JOBS = 256  # most jobs of one commit
GROUP_WEIGHT = 24 << 20  # octets of raw mail in one commit, unless a single mail is larger
JOB_WEIGHT = 16 << 10  # octets that a job writes besides raw mail: a guess, for the pace of checkpoints
PATIENCE = 0.2  # of its deadline, after which what waits behind has its turn, whoever else waits
REPEATS = 5  # of a job that lost a race


class Lane:
    """A queue of jobs and the threads that serve it."""

    def __init__(
        self,
        name: str,
        connector: Connector,
        *,
        threads: int,
        writes: bool,
        deadline: float,
        housekeeping: Callable[[Any, int, bool], None] | None = None,
    ) -> None:
        self.name = name
        self.connector = connector
        self.writes = writes
        self.deadline = deadline
        self._housekeeping = housekeeping  # between groups: connection, octets written, whether it is busy
        self._begin = (BEGIN_WRITE if writes else BEGIN_READ)[connector.dialect]
        # SQLite has no row locks that a shared transaction would hold for long: everything may share.
        self._all_share = writes and connector.dialect == "sqlite"
        # A thread in fsync() holds the only SQLite writer; one that waits for a server can be left behind.
        self._replaces = connector.dialect == "postgresql"
        self.pace = Pace(writers=threads) if writes else None
        self._jobs: deque[Job[Any]] = deque()
        self._behind: deque[Job[Any]] = deque()  # judging
        # Judgements of one queue wait for each other's locks: who waits for a 250 must not wait for them, too.
        self._most_judging = max(1, threads - 1)
        self._wake = threading.Condition()
        self._closing = False
        self._clients = 0  # jobs that a sending server waits for
        self._workers: set[Worker] = set()
        self._hangs = 0  # how often a connection hung: those of idle threads are not trusted afterwards
        for _ in range(threads):
            self._start()

    # --- the callers' side ------------------------------------------------------------------------------------

    async def run(
        self,
        work: Callable[[Transaction], T],
        *,
        weight: int = 0,
        shares: bool = False,
        trace: bool = True,
        rank: Rank = Rank.COMMON,
        together: Together | None = None,
        patience: float | None = None,
    ) -> T:
        """Run `work` in a transaction and return what it returned once that is durable.

        `patience` replaces the deadline, in seconds, for work that reads all there is.
        """
        job = Job(work, weight=weight, shares=shares, trace=trace, rank=rank, together=together)
        with self._wake:
            if self._closing:
                raise StorageUnavailable("the store is closing")
            (self._behind if rank is Rank.BEHIND else self._jobs).append(job)
            if self.pace is not None and rank is Rank.FIRST:
                self.pace.press(weight)
            self._wake.notify()
        job.expiry = job.loop.call_later(patience or self.deadline, self._expire, job)
        if rank is not Rank.FIRST:
            return await job.future
        self._clients += 1
        try:
            return await job.future
        finally:
            self._clients -= 1

    def clients_wait(self) -> bool:
        """Tell whether a sending server waits for its 250. For the loop that asks in its name."""
        return self._clients > 0

    def _expire(self, job: Job[Any]) -> None:
        """Give up a job whose deadline passed, and the thread that hangs over it."""
        if job.finished:  # the news of its end is on its way to this loop
            job.settle()
            return
        job.given_up = True
        job.work = job.together = None  # let go of the mail that it holds
        if not job.future.done():
            message = f"the database did not answer within {self.deadline:g} s"
            job.future.set_exception(StorageUnavailable(message))
        with self._wake:
            worker = job.worker
            if worker is None or worker.given_up or not self._replaces or self._closing:
                return
            worker.given_up = True
            self._workers.discard(worker)
            self._hangs += 1
        self.connector.sever(worker.connection)  # nothing that it may still send is to arrive
        self._start()

    async def close(self) -> None:
        """Finish what is queued, then end the threads; do not wait for one that hangs."""
        with self._wake:
            self._closing = True
            self._wake.notify_all()
            threads = [worker.thread for worker in self._workers if worker.thread is not None]
        await asyncio.gather(*(asyncio.to_thread(thread.join, self.deadline) for thread in threads))

    # --- the threads' side ------------------------------------------------------------------------------------

    def _start(self) -> None:
        worker = Worker()
        # A daemon thread: one that hangs in a dead connection must not keep the process from ending.
        worker.thread = threading.Thread(target=self._serve, args=(worker,), name=f"store-{self.name}", daemon=True)
        with self._wake:
            self._workers.add(worker)
        worker.thread.start()

    def _serve(self, worker: Worker) -> None:
        while not worker.given_up and (group := self._take(worker)) is not None:
            if group:
                octets = sum(job.weight + JOB_WEIGHT for job in group)
                self._run_group(worker, group)
                del group  # the mails that it holds
                self._housekeep(worker, octets)
        worker.drop()

    def _housekeep(self, worker: Worker, octets: int) -> None:
        if self._housekeeping is None or worker.connection is None or worker.given_up:
            return
        busy = bool(self._jobs) or (self.pace is not None and self.pace.pressed())
        try:
            self._housekeeping(worker.connection, octets, busy)
        except Exception:
            worker.drop()  # housekeeping never fails a mail; the next group meets the same trouble

    def _take(self, worker: Worker) -> list[Job[Any]] | None:
        """Return the jobs of the next transaction; none if all were given up meanwhile; None at the end."""
        with self._wake:
            worker.judges = False
            while not self._jobs and (rest := self._rest()) != 0:
                if self._closing:
                    return None
                self._wake.wait(rest)
            group: list[Job[Any]] = []
            weight = self._draw(self._jobs, group, 0)
            if (self._all_share or not group) and self._rest() == 0:
                self._draw(self._behind, group, weight)
                worker.judges = True
            for job in group:
                job.worker = worker
            if self._jobs or self._behind:
                self._wake.notify()
            return group

    def _rest(self) -> float | None:
        """Return in how many seconds a thread may judge; None if there is nothing to judge, or enough of them do."""
        judging = sum(worker.judges for worker in self._workers)
        if not self._behind or judging >= self._most_judging:
            return None
        if not judging and self._late(self._behind[0]):
            return 0.0
        return self.pace.wait(judging) if self.pace is not None and not self._closing else 0.0

    def _late(self, job: Job[Any]) -> bool:
        """Tell whether a job has waited for so much of its deadline that it comes before the pace."""
        return time.monotonic() - job.asked_at > self.deadline * PATIENCE

    def _draw(self, queue: deque[Job[Any]], group: list[Job[Any]], weight: int) -> int:
        """Move jobs from a queue into a group, as far as they may share one commit; return the group's weight."""
        while queue and len(group) < GROUP_JOBS:
            job = queue[0]
            alone = not (self._all_share or (self.writes and job.shares))
            if group and (alone or weight + job.weight > GROUP_WEIGHT):
                break
            queue.popleft()
            if job.given_up:
                continue
            group.append(job)
            weight += job.weight
            if alone:
                break
        return weight

    def _in_turn(self, worker: Worker, group: list[Job[Any]]) -> Iterator[tuple[int, Job[Any]]]:
        """Yield the jobs of a group. If others wait, those behind go back into their queue after a slice of time."""
        pace, position = self.pace, 0
        while position < len(group) and (pace is None or group[position].rank is not Rank.BEHIND):
            yield position, group[position]
            position += 1
        if pace is None or position == len(group):
            return
        started, others = pace.clock(), position
        # A slow disk commits longer than a slice lasts: what is late has no time for so few jobs a commit
        longest = max(SLICE, worker.commit) if self._late(group[position]) else SLICE
        worker.begun = worker.begun or started
        while position < len(group):
            yield position, group[position]
            position += 1
            if pace.clock() - started > longest and (others or self._jobs):
                break
        with self._wake:
            self._behind.extendleft(reversed(group[position:]))
        for job in group[position:]:
            job.worker = None
        del group[position:]

    def _run_group(self, worker: Worker, group: list[Job[Any]]) -> None:
        """Run jobs in one transaction. What the database rolled back as a whole is run again one by one."""
        pace = self.pace
        started = pace.clock() if pace is not None else 0.0
        again = self._attempt(worker, group)
        if pace is not None:
            ended = pace.clock()
            if clients := [job.weight for job in group if job.rank is Rank.FIRST]:
                pace.serve((worker.begun or ended) - started)
                pace.answer(max(clients))
            if worker.begun is not None:
                pace.rest(ended - worker.begun)
                worker.begun = None
        for job in again:
            for _ in range(REPEATS):
                if not self._attempt(worker, [job]):
                    break
            else:
                job.error = StorageUnavailable("the database rolls this back again and again")
                settle_all([job])

    def _attempt(self, worker: Worker, group: list[Job[Any]]) -> list[Job[Any]]:
        """Run jobs in one transaction, settle those that are finished, and return those to run again."""
        finished: list[Job[Any]] = []
        again: list[Job[Any]] = []
        try:
            self._open(worker)
            transaction = Transaction(worker.cursor, self.connector.dialect)
            if self._all_share and (lost := write_together(transaction, group)) is not None:
                self._abandon(worker, broken=breaks_connection(lost))
                return [job for job in group if not job.given_up]
            for position, job in self._in_turn(worker, group):
                if (fatal := self._run_job(transaction, job, alone=len(group) == 1)) is None:
                    finished.append(job)
                    continue
                # The transaction is lost as a whole: the others of this group have to do their work again.
                again = [*finished, *group[position + 1 :]]
                finished = [job]
                if worth_repeating(fatal):
                    again.append(finished.pop())
                self._abandon(worker, broken=breaks_connection(fatal))
                break
            else:
                if worker.given_up:
                    self._abandon(worker)
                    return []
                if (failed := finish(transaction)) is None:
                    begun = time.monotonic()
                    self.connector.commit(worker.cursor)
                    worker.commit = time.monotonic() - begun
                else:
                    self._abandon(worker, broken=breaks_connection(failed))
                    if len(group) > 1 or worth_repeating(failed):
                        return [job for job in group if not job.given_up]  # whose it was fails alone
                    group[0].error = translate(failed) or failed
        except Exception as error:  # the one place where a transaction fails as a whole
            self._abandon(worker, broken=breaks_connection(error))
            if worth_repeating(error):
                return group
            for job in group:
                job.error = translate(error) or error
            finished, again = group, []
        settle_all(finished)
        return [job for job in again if not job.given_up]

    def _open(self, worker: Worker) -> None:
        """Begin; a connection that died while it was idle is replaced once."""
        if worker.hangs != self._hangs:
            worker.drop()
        fresh = worker.connection is None
        if fresh:
            worker.hangs = self._hangs
            worker.connection = self.connector.connect(writes=self.writes)
            worker.cursor = self.connector.cursor(worker.connection)
        try:
            worker.cursor.execute(self._begin)
        except Exception as error:
            if fresh or not breaks_connection(error):
                raise
            worker.drop()
            self._open(worker)

    def _run_job(self, transaction: Transaction, job: Job[Any], *, alone: bool) -> Exception | None:
        """Run one job in its savepoint; return its error if that ended the whole transaction.

        If it is `alone`, the transaction is its own: it fails with it, and its error is raised.
        """
        work = job.work
        if work is None or job.written:  # given up, or done
            return None
        job.error = None
        if not self.writes or (alone and job.trace):
            job.result = work(transaction)
            return None
        mark = transaction.savepoint("job")
        try:
            job.result = work(transaction)
            if not job.trace:
                transaction.roll_back("job", mark)
            transaction.release("job")
        except Exception as error:  # handed to the caller of this job; the others go on
            job.error = translate(error) or error
            if worth_repeating(error) or breaks_connection(error) or not transaction.alive:
                return error
            transaction.roll_back("job", mark)
            transaction.release("job")
        return None

    def _abandon(self, worker: Worker, *, broken: bool = False) -> None:
        """Roll back, and let go of the connection if it cannot even do that."""
        if worker.connection is None:
            return
        if not broken:
            with contextlib.suppress(Exception):
                if Transaction(worker.cursor, self.connector.dialect).alive:
                    worker.cursor.execute("ROLLBACK")
                return
        worker.drop()


def finish(transaction: Transaction) -> Exception | None:
    """Do what jobs kept for the end of their transaction; return the error if that failed."""
    try:
        transaction.finish()
    except Exception as error:  # of one of them, nobody knows which
        return error
    return None
