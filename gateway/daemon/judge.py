"""The intake worker: claims waiting intakes and lets the pipeline process each, a bounded number at a time.

One slow or deadly mail holds one slot and nothing else (I9). A mail that fails three times is held in quarantine, and
so is one that was being read in every try when the whole daemon died. Trouble of the store is never a mail's fault.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

from gateway.errors import Conflict, ParserDied, StorageFull, StorageUnavailable, Transient
from gateway.model import Applied, Claim, IntakeId
from gateway.ports import Store
from gateway.telemetry import failpoint, metrics
from gateway.telemetry.log import bound, get_logger

MOST_TRIES = 3
LEASE = timedelta(seconds=30)  # after which another node takes over what ours died over; extended while we live
POLL = timedelta(seconds=2)  # safety net, and how soon mail accepted by another node is noticed
GATHERING = timedelta(milliseconds=5)  # after a slot got free: a few more, and one claim serves them all
MOST_OCTETS = 32 << 20  # of raw mail in hand, unless a single mail is larger
MOST_NAMED = 1000  # forwarders that the log names: anybody can make more up
STORE_PAUSE = timedelta(seconds=1)  # between looks at a store that does not answer

Process = Callable[[Claim], Awaitable[Applied]]


class IntakeWorker:
    """Processes intakes until it is told to stop; then it finishes what it holds."""

    def __init__(self, store: Store, process: Process, slots: int, on_outgoing: Callable[[], None]) -> None:
        self._store = store
        self._process = process
        self._slots = slots
        self._on_outgoing = on_outgoing
        self._log = get_logger().bind()  # bound once: for every event anew would cost more than writing it
        self._wake = asyncio.Event()
        self._stop = asyncio.Event()
        self._running: dict[asyncio.Task[None], Claim] = {}
        self._forgiven: dict[IntakeId, int] = {}  # tries that the store spoiled, by intake
        self._named: set[tuple[str, str]] = set()  # forwarders that the log has named

    def wake(self) -> None:
        """Look for work now: something was accepted, released or replayed."""
        self._wake.set()

    def stop(self) -> None:
        """Claim nothing more; `run` returns once the claims in hand are finished."""
        self._stop.set()
        self._wake.set()

    async def run(self) -> None:
        """Work until stopped."""
        heartbeat = asyncio.create_task(self._keep_leases(), name="intake leases")
        try:
            while not self._stop.is_set():
                self._wake.clear()
                found = await self._fill()
                if self._stop.is_set():
                    break
                await self._rest(hungry=found)
            if self._running:
                await asyncio.wait(list(self._running))
        finally:
            for task in (heartbeat, *self._running):
                task.cancel()

    async def _keep_leases(self) -> None:
        """Extend the lease of everything in hand: a mail that waits for the parser behind others is not lost to us."""
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 3)
            try:
                await self._store.extend_intakes(list(self._running.values()), LEASE)
            except Transient as error:
                self._log.warning("intake.unrecorded", because=f"{type(error).__name__}: {error}")

    def _free(self) -> int:
        return self._slots - len(self._running)

    def _room(self) -> int:
        """Return how many octets of raw mail may be claimed beside those in hand."""
        return MOST_OCTETS - sum(len(claim.raw) for claim in self._running.values())

    async def _fill(self) -> bool:
        """Claim for every free slot; return whether there may be more."""
        free, room = self._free(), self._room()
        if free <= 0 or room <= 0:
            return True
        try:
            claims = await self._store.claim_intakes(free, LEASE, room)
        except Transient as error:
            self._log.warning("intake.unclaimed", because=f"{type(error).__name__}: {error}")
            await asyncio.sleep(STORE_PAUSE.total_seconds())
            return True
        for claim in claims:
            task = asyncio.create_task(self._one(claim), name=f"intake {claim.intake_id}")
            self._running[task] = claim
            task.add_done_callback(self._running.pop)
        return bool(claims)

    async def _rest(self, *, hungry: bool) -> None:
        """Wait until a slot is free if there may be more work, else until somebody wakes us or the poll is due."""
        if hungry and self._free() and self._room() > 0:
            return
        if hungry:
            await asyncio.wait(list(self._running), return_when=asyncio.FIRST_COMPLETED)
            if self._free() < self._slots // 4:
                await asyncio.sleep(GATHERING.total_seconds())
            return
        try:
            async with asyncio.timeout(POLL.total_seconds()):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _one(self, claim: Claim) -> None:
        with bound(session=claim.envelope.session, intake=claim.intake_id):
            try:
                await self._try(claim)
            except Conflict:
                self._log.info("intake.stolen")
            except Exception:
                # A bug of ours between the steps: the lease brings the intake back, its tries bring it into quarantine.
                self._log.exception("intake.failed", attempt=claim.attempt)

    async def _try(self, claim: Claim) -> None:
        attempt = claim.attempt - self._forgiven.get(claim.intake_id, 0)
        if attempt > MOST_TRIES:
            because = f"the daemon died {attempt - 1} times while this mail was being processed"
            await self._hold(claim, "daemon-died", because)
            return
        started = time.monotonic()
        try:
            failpoint.reach("process.claimed")
            applied = await self._process(claim)
        except Conflict:
            raise
        except (StorageUnavailable, StorageFull) as error:
            self._forgiven[claim.intake_id] = self._forgiven.get(claim.intake_id, 0) + 1
            await self._release(claim, "store", f"{type(error).__name__}: {error}")
        except ParserDied as error:
            await self._release_or_hold(claim, attempt, "parser-died", str(error))
        except Exception as error:
            # The one broad catch for a mail: whatever it set off in us, the others go on and this one is kept.
            self._log.exception("intake.failed", attempt=attempt)
            await self._release_or_hold(claim, attempt, "processing-failed", type(error).__name__)
        else:
            failpoint.reach("process.after-commit")
            self._note(claim, applied, time.monotonic() - started)

    def _note(self, claim: Claim, applied: Applied, seconds: float) -> None:
        self._forgiven.pop(claim.intake_id, None)
        metrics.INTAKES.labels(claim.queue, applied.disposition.value).inc()
        metrics.PROCESS_SECONDS.observe(seconds)
        metrics.succeeded("process")
        for kind, caused in (("acknowledgement", applied.outgoing), ("alert", applied.alerts)):
            if caused:
                metrics.AUTOMATIC.labels(claim.queue, kind).inc(len(caused))
        if applied.outgoing or applied.alerts or applied.replies:
            self._on_outgoing()
        for refusal in applied.refusals:
            metrics.AUTOMATIC_REFUSED.labels(claim.queue, refusal.rule).inc()
            if refusal.rule == "breaker-opened":
                self._log.error("breaker.opened", queue=claim.queue, because=refusal.because)
        if applied.forwarder is not None:
            self._note_forwarder(claim.queue, *applied.forwarder)
        self._log.info(
            "intake.done",
            queue=claim.queue,
            disposition=applied.disposition.value,
            ticket=applied.ticket_id,
            outgoing=[*applied.outgoing, *applied.alerts, *applied.replies],
            refused=[refusal.rule for refusal in applied.refusals],
        )

    def _note_forwarder(self, queue: str, name: str, line: str) -> None:
        """Count mail of a forwarder that the configuration does not know, and name it, but not for every mail."""
        metrics.UNKNOWN_FORWARDERS.labels(queue).inc()
        if (queue, name) not in self._named and len(self._named) < MOST_NAMED:
            self._named.add((queue, name))
            self._log.warning("forwarder.unknown", queue=queue, forwarder=name, set=line)

    async def _release_or_hold(self, claim: Claim, attempt: int, rule: str, because: str) -> None:
        if attempt >= MOST_TRIES:
            await self._hold(claim, rule, f"{because} (try {attempt} of {MOST_TRIES})")
        else:
            await self._release(claim, rule, because)

    async def _release(self, claim: Claim, reason: str, because: str) -> None:
        metrics.PROCESS_FAILURES.labels(reason).inc()
        self._log.warning("intake.retried", attempt=claim.attempt, reason=reason, because=because)
        await self._record(lambda: self._store.release_intake(claim, because))

    async def _hold(self, claim: Claim, rule: str, because: str) -> None:
        metrics.PROCESS_FAILURES.labels(rule).inc()
        self._log.warning("intake.held", rule=rule, because=because)
        await self._record(lambda: self._store.hold_intake(claim, rule, because))
        metrics.INTAKES.labels(claim.queue, "quarantine").inc()

    async def _record(self, write: Callable[[], Awaitable[None]]) -> None:
        """Write what a try came to, as soon as the store takes it; after the lease, or at the end, the lease counts."""
        given_up_at = time.monotonic() + LEASE.total_seconds()
        while True:
            try:
                await write()
            except Transient as error:
                self._log.warning("intake.unrecorded", because=f"{type(error).__name__}: {error}")
                if self._stop.is_set() or time.monotonic() > given_up_at:
                    return
                await asyncio.sleep(STORE_PAUSE.total_seconds())
            else:
                return
