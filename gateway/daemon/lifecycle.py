"""The life of the daemon: start, reload on SIGHUP, end on SIGTERM or SIGINT, and tell the service manager of each."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from gateway.telemetry.log import get_logger

log = get_logger()

Say = Callable[..., object]


class Application(Protocol):
    """What has a life."""

    async def start(self) -> None:
        """Start all parts; return once mail can be taken. Raises what prevents it, with everything closed again."""

    async def reload(self) -> None:
        """Use the configuration as it is on disk now, or keep the present one and log why. Never raises for that."""

    async def stop(self) -> None:
        """Close listeners, finish what is in hand, close the rest."""


async def live(application: Application, say: Say) -> None:
    """Run the application until a signal asks for its end. `say` tells the service manager (sd_notify(3))."""
    loop = asyncio.get_running_loop()
    wanted: asyncio.Queue[signal.Signals] = asyncio.Queue()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, wanted.put_nowait, number)
    try:
        await application.start()
        log.info("daemon.ready")
        say("READY=1")
        while (number := await wanted.get()) == signal.SIGHUP:
            # systemd.service(5), Type=notify-reload: the time lets it tell this reload from one before.
            say("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
            await application.reload()
            say("READY=1")
        log.info("daemon.stopping", signal=number.name)
        say("STOPPING=1")
        await application.stop()
        log.info("daemon.stopped")
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.remove_signal_handler(number)


class Watchdog:
    """Tells the service manager that the event loop turns, four times in the time allowed (sd_watchdog_enabled(3))."""

    def __init__(self, say: Say, environment: Mapping[str, str] | None = None) -> None:
        environment = os.environ if environment is None else environment
        ours = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self._period = int(environment.get("WATCHDOG_USEC", 0)) / 4e6 if ours else 0.0
        self._say = say
        self._said = float("-inf")

    def pat(self) -> None:
        """Call this whenever the event loop turns; it speaks only as often as needed."""
        if self._period and time.monotonic() - self._said >= self._period:
            self._said = time.monotonic()
            self._say("WATCHDOG=1")
