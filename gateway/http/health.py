"""Health: is the process alive, could it take a mail now, and what do its counters say."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from gateway.config import Settings
from gateway.model import InboxHealth, InboxRow, Statistics, WebhookDepth
from gateway.ports import Reader
from gateway.telemetry import metrics
from gateway.telemetry.log import get_logger

log = get_logger()

CHECK_TIMEOUT = timedelta(seconds=3)
LATE_LOOP = timedelta(seconds=10)  # an event loop that was this late lately is not alive in any useful sense
WELL = frozenset({InboxHealth.OK, InboxHealth.ELSEWHERE})
OLDEST_STATISTICS = timedelta(seconds=1)

Check = Callable[[], Awaitable[None]]
Inboxes = Callable[[], Awaitable[Sequence[InboxRow]]]
Webhooks = Callable[[], Awaitable[Sequence[WebhookDepth]]]


class Readiness:
    """Named checks; each passes, or raises with the reason. A check that hangs counts as failed and is not stacked."""

    def __init__(self, checks: Mapping[str, Check], timeout: timedelta = CHECK_TIMEOUT) -> None:
        self._checks = dict(checks)
        self._timeout = timeout
        self._running: dict[str, asyncio.Task[None]] = {}
        self._last: dict[str, str] = {}

    @property
    def failing(self) -> Mapping[str, str]:
        """What the last look saw."""
        return self._last

    async def look(self) -> Mapping[str, str]:
        """Run every check at once; return the reasons of those that fail. Empty means ready."""
        reasons = await asyncio.gather(*(self._one(name) for name in self._checks))
        failed = {name: reason for name, reason in zip(self._checks, reasons, strict=True) if reason}
        for name in self._checks:
            metrics.READY.labels(name).set(0 if name in failed else 1)
            if failed.get(name, "") != self._last.get(name, ""):
                log.warning("ready.changed", check=name, good=name not in failed, because=failed.get(name, ""))
        self._last = failed
        return failed

    async def _one(self, name: str) -> str:
        task = self._running.get(name)
        if task is None:
            task = asyncio.create_task(_run(self._checks[name]), name=f"check {name}")
            self._running[name] = task
            task.add_done_callback(lambda _task: self._running.pop(name, None))
        done, _ = await asyncio.wait({task}, timeout=self._timeout.total_seconds())
        if not done:
            return f"no answer within {self._timeout.total_seconds():g} s"
        error = task.exception()
        return "" if error is None else f"{type(error).__name__}: {error}"

    async def close(self) -> None:
        """Give up the checks that still run."""
        for task in list(self._running.values()):
            task.cancel()


async def _run(check: Check) -> None:
    await check()


class Pulse:
    """Measures how late the event loop wakes, for /healthz, the metric and the watchdog."""

    def __init__(self, period: timedelta = timedelta(milliseconds=500)) -> None:
        self._period = period.total_seconds()
        self.lag = timedelta()

    async def beat(self, on_beat: Callable[[], None]) -> None:
        """Wake every period for ever, note the lag, and call `on_beat`."""
        while True:
            due = time.monotonic() + self._period
            await asyncio.sleep(self._period)
            self.lag = timedelta(seconds=max(0.0, time.monotonic() - due))
            metrics.LOOP_LAG_SECONDS.set(self.lag.total_seconds())
            if self.lag > timedelta(seconds=1):
                log.warning("loop.late", seconds=round(self.lag.total_seconds(), 3))
            on_beat()


class Alive(BaseModel):
    """The answer of /healthz."""

    status: str
    event_loop_lag_seconds: float


class Ready(BaseModel):
    """The answer of /readyz: which checks fail, and why."""

    status: str
    failing: dict[str, str]


class Gauges:
    """Sets the gauges that are counted in the store, at most once a second, and never makes a scrape wait long."""

    def __init__(self, reader: Reader, settings: Callable[[], Settings], inboxes: Inboxes, webhooks: Webhooks) -> None:
        self._webhooks = webhooks
        self._reader = reader
        self._settings = settings
        self._inboxes = inboxes
        self._read_at = float("-inf")

    async def refresh(self) -> None:
        """Read and set; keep the old values if the store does not answer."""
        if time.monotonic() - self._read_at < OLDEST_STATISTICS.total_seconds():
            return
        try:
            async with asyncio.timeout(CHECK_TIMEOUT.total_seconds()):
                statistics = await self._reader.statistics()
                inboxes = await self._inboxes()
                webhooks = await self._webhooks()
        except Exception as error:
            # A scrape must work most of all while the store does not; `poterne_ready` says that it does not.
            log.warning("metrics.stale", because=f"{type(error).__name__}: {error}")
            return
        self._read_at = time.monotonic()
        settings = self._settings()
        set_gauges(statistics, settings.ways_out, settings.queues, datetime.now(UTC))
        metrics.INBOX_UP.clear()
        for row in inboxes:
            if row.name in settings.connections:
                metrics.INBOX_UP.labels(row.name).set(row.health in WELL)
        set_webhook_gauges(webhooks, settings.webhooks, datetime.now(UTC))


def age(since: datetime | None, now: datetime) -> float:
    """Return how old something is in seconds; 0 if there is none."""
    return max(0.0, (now - since).total_seconds()) if since else 0.0


def set_webhook_gauges(rows: Iterable[WebhookDepth], names: Iterable[str], now: datetime) -> None:
    """Set what was counted of webhooks; those that are gone from the configuration disappear."""
    known = {row.webhook: row for row in rows}
    gauges = (metrics.WEBHOOK_WAITING, metrics.WEBHOOK_OLDEST, metrics.WEBHOOK_FAILED, metrics.WEBHOOK_STOPPED)
    for gauge in gauges:
        gauge.clear()
    for name in names:
        row = known.get(name, WebhookDepth(name))
        values = (row.waiting, age(row.oldest, now), row.failed_24h, row.stopped_since is not None)
        for gauge, value in zip(gauges, values, strict=True):
            gauge.labels(name).set(value)


def set_gauges(statistics: Statistics, channels: Iterable[str], queues: Iterable[str], now: datetime) -> None:
    """Set what was counted; channels with nothing to send are 0, those that are gone disappear."""
    metrics.WAITING_INTAKES.set(statistics.waiting_intakes)
    metrics.OLDEST_WAITING.set(age(statistics.oldest_waiting, now))
    metrics.QUARANTINED.set(statistics.quarantined)
    metrics.OUTBOX_DELIVERIES.clear()
    metrics.OUTBOX_OLDEST.clear()
    for channel in channels:
        metrics.OUTBOX_DELIVERIES.labels(channel).set(0)
        metrics.OUTBOX_OLDEST.labels(channel).set(0)
    paused = {row.channel for row in statistics.pauses}
    tripped = {row.queue for row in statistics.breakers}
    for channel in channels:
        metrics.CHANNEL_PAUSED.labels(channel).set(channel in paused)
    for queue in queues:
        metrics.BREAKER_OPEN.labels(queue).set(queue in tripped)
    for depth in statistics.outbox:
        metrics.OUTBOX_DELIVERIES.labels(depth.channel).set(depth.waiting)
        metrics.OUTBOX_OLDEST.labels(depth.channel).set(age(depth.oldest, now))


def health_routes(pulse: Pulse, readiness: Readiness, gauges: Gauges) -> APIRouter:
    """Return /healthz, /readyz and /metrics."""
    router = APIRouter(tags=["health"])

    @router.get("/healthz", response_model=Alive, responses={503: {"model": Alive}})
    async def healthz() -> Response:
        """Tell whether the process is alive and its event loop responsive. Says nothing about the store."""
        late = pulse.lag > LATE_LOOP
        alive = Alive(status="late" if late else "ok", event_loop_lag_seconds=pulse.lag.total_seconds())
        return JSONResponse(alive.model_dump(), 503 if late else 200)

    @router.get("/readyz", response_model=Ready, responses={503: {"model": Ready}})
    async def readyz() -> Response:
        """Tell whether a mail could be taken, judged and answered now."""
        failing = dict(await readiness.look())
        ready = Ready(status="unready" if failing else "ready", failing=failing)
        return JSONResponse(ready.model_dump(), 503 if failing else 200)

    @router.get("/metrics", response_class=Response)
    async def metrics_() -> Response:
        """Return all metrics in the text format of Prometheus."""
        await gauges.refresh()
        body = await run_in_threadpool(metrics.exposition)
        return Response(body, media_type="text/plain; version=0.0.4; charset=utf-8")

    return router
