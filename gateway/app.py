"""The composition root: the only place that names concrete implementations. Built top down from `Settings`, once.

Started from the back to the front, so that whoever takes work finds somebody to hand it to; stopped the other way.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.config.load import load
from gateway.config.secrets import read_key
from gateway.config.settings import Settings
from gateway.config.units import Off, endpoint
from gateway.daemon.judge import IntakeWorker
from gateway.daemon.lifecycle import Watchdog, live
from gateway.daemon.supervisor import Supervisor
from gateway.errors import ConfigError
from gateway.http.api import api_routes
from gateway.http.health import Gauges, Pulse, Readiness, health_routes
from gateway.http.page import page_routes
from gateway.http.server import HttpServer, build_application
from gateway.lmtp import House, LmtpServer, open_sockets
from gateway.model import Applied, Claim, Envelope, IntakeId, Route
from gateway.outbound.appearance import MailTemplates, load_look
from gateway.parser import ParserPool
from gateway.pipeline import accept, process
from gateway.policy import Policy, build_letterheads, build_policy
from gateway.store import BoundTable, SqlStore, StoreOptions, open_store
from gateway.telemetry import metrics
from gateway.telemetry.log import get_logger
from gateway.telemetry.notify import activated, notify

log = get_logger()

SLOTS_PER_PARSER = 8  # intakes in hand for each parser process: enough to share commits, few enough for the lease
LOOK_PERIOD = timedelta(seconds=5)  # between looks at readiness, for the metric and the log

HTTP_SOCKET_MODE = 0o660

# Keys that are read once, at the start; a reload that changes one says so.
NEED_RESTART = ("hostname", "listen", "database", "raw_mail", "limits", "connections")


class ListenError(Exception):
    """A listener cannot be opened: the place is taken, or not ours."""


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Instance:
    """What a reload replaces as a whole: the settings, and the values that were made from them."""

    settings: Settings
    policy: Policy
    store_options: StoreOptions


def read_instance(path: Path) -> Instance:
    """Read the configuration and everything that it names. Raises ConfigError with every problem."""
    settings = load(path)
    secret = read_key(settings.secret).value
    previous = tuple(read_key(old).value for old in settings.previous_secrets)
    templates = MailTemplates(settings.templates)
    letterheads = build_letterheads(settings, templates, lambda look: load_look(look, settings.hostname))
    policy = build_policy(settings, secret, previous, letterheads)
    return Instance(settings, policy, store_options(settings, policy))


def store_options(settings: Settings, policy: Policy) -> StoreOptions:
    """Return what the store needs to know of the configuration."""
    return StoreOptions(
        raw_mail=settings.raw_mail,
        bound=BoundTable.from_limits(settings.loop_protection.limits.table()),
        own_addresses=policy.own_addresses,
        blocklist=settings.loop_protection.blocklist,
        commit_timeout=settings.limits.commit_timeout,
    )


class Poterne:
    """The daemon: its parts, wired. Lives by `daemon.lifecycle.live`."""

    def __init__(self, path: Path, instance: Instance, *, page: bool = False) -> None:
        self._path = path
        self._instance = instance
        self._page = page
        self._clock = SystemClock()
        self._pulse = Pulse()
        self._workers = Supervisor()
        self._watchers = Supervisor()
        self._parts = contextlib.AsyncExitStack()

    # --- life -------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start all parts, the listener last. What was started is stopped again if a later part cannot start."""
        log.info("daemon.starting", config=str(self._path), database=shown_url(self._settings.database))
        note_loaded(good=True)
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> None:
        settings = self._instance.settings
        given = activated()
        lmtp_sockets = listening(settings.listen.lmtp, int(settings.listen.lmtp_socket_mode, 8), given, "lmtp")
        self._parts.callback(close_all, lmtp_sockets)
        self._store = await asyncio.to_thread(self._open_store)
        self._parts.push_async_callback(self._store.close)
        self._parser = ParserPool(settings.limits)
        self._parts.push_async_callback(self._parser.close)
        await self._parser.start()
        self._judge = IntakeWorker(
            self._store, self._process, SLOTS_PER_PARSER * settings.limits.parser_processes, self._wake_outbound
        )
        await self._start_http(given)
        self._start_workers()
        self._parts.push_async_callback(self._drain)
        self._house = House(
            self._take,
            self._instance.policy.routes.route,
            settings.limits,
            host=settings.hostname,
            now=self._clock.now,
        )
        listener = LmtpServer(self._house)
        await listener.start(lmtp_sockets)
        self._parts.push_async_callback(listener.stop)

    async def stop(self) -> None:
        """Close the listener and finish its mails, let the workers finish, close the rest; bounded in time."""
        patience = self._instance.settings.limits.shutdown_timeout
        self._give_up_at = time.monotonic() + patience.total_seconds()
        await self._parts.aclose()

    async def reload(self) -> None:
        """Read the configuration again; use what can be changed while running, or keep everything and say why."""
        try:
            instance = await asyncio.to_thread(read_instance, self._path)
        except Exception as error:
            # Whatever is wrong with the file, mail goes on with the configuration that works.
            note_refused(error)
            return
        changed = [key for key in NEED_RESTART if getattr(instance.settings, key) != getattr(self._settings, key)]
        if changed:
            log.warning("config.needs-restart", keys=changed)
        self._instance = instance
        self._house.route = instance.policy.routes.route
        self._store.reconfigure(instance.store_options)
        note_loaded(good=True)
        log.info("config.reloaded")

    # --- what connects the parts ------------------------------------------------------------------------------

    @property
    def _settings(self) -> Settings:
        return self._instance.settings

    def _open_store(self) -> SqlStore:
        return open_store(self._settings.database, clock=self._clock, options=self._instance.store_options)

    async def _take(self, raw: bytes, envelopes: Sequence[Envelope], routes: Sequence[Route]) -> Sequence[IntakeId]:
        """Take responsibility for a mail that the listener received, and wake who judges it."""
        taken = await accept(raw, envelopes, [route.queue for route in routes], self._store)
        metrics.ACCEPTED.labels("lmtp").inc(len(taken))
        metrics.ACCEPTED_BYTES.inc(len(raw))
        metrics.succeeded("accept")
        self._judge.wake()
        return taken

    async def _process(self, claim: Claim) -> Applied:
        return await process(claim, self._parser, self._store, self._instance.policy, self._clock)

    def _wake_outbound(self) -> None:
        """Let the channels look for work."""

    # --- parts that need more than a line ---------------------------------------------------------------------

    async def _start_http(self, given: Mapping[str, list[socket.socket]]) -> None:
        checks = {
            "database": self._store.check_writable,
            "workers": self._workers.check_alive,
            "parser": self._parser.check_alive,
        }
        self._readiness = Readiness(checks)
        self._parts.push_async_callback(self._readiness.close)
        gauges = Gauges(self._store, lambda: self._settings.ways_out)
        health = health_routes(self._pulse, self._readiness, gauges)
        routers = [health, api_routes(self._store)]
        if self._page:
            routers.append(page_routes(self._store, self._readiness))
        listen = self._settings.listen
        for where, name, routes in ((listen.http, "http", routers), (listen.metrics, "metrics", [health])):
            if where is None or isinstance(endpoint(where), Off):
                continue
            sockets = listening(where, HTTP_SOCKET_MODE, given, name)
            hosts = {self._settings.hostname, *(str(sock.getsockname()[0]) for sock in sockets)}
            server = HttpServer(build_application(routes, hosts, document=name == "http"), sockets)
            await server.start()
            self._parts.push_async_callback(server.stop)

    def _start_workers(self) -> None:
        watchdog = Watchdog(notify)
        self._watchers.start("pulse", lambda: self._pulse.beat(watchdog.pat))
        self._watchers.start("readiness", self._look)
        self._workers.start("judge", self._judge.run)

    async def _look(self) -> None:
        while True:
            await self._readiness.look()
            await asyncio.sleep(LOOK_PERIOD.total_seconds())

    async def _drain(self) -> None:
        """Let the workers finish what they hold, within what is left of the time to stop."""
        self._judge.stop()
        left = timedelta(seconds=max(1.0, self._give_up_at - time.monotonic()))
        late = await self._workers.drain(left)
        if late:
            log.warning("daemon.shutdown-late", tasks=late)
        await self._watchers.drain(timedelta())


# --- small things ---------------------------------------------------------------------------------------------


def listening(where: str, mode: int, given: Mapping[str, list[socket.socket]], name: str) -> list[socket.socket]:
    """Return the sockets of a `listen` key: opened now, or handed over by the service manager under that name."""
    try:
        return open_sockets(where, mode, given.get(name, ()))
    except (OSError, ValueError) as error:
        raise ListenError(f"cannot listen at {where} for {name}: {error}") from None


def shown_url(url: str) -> str:
    """Return a database URL without its password."""
    from sqlalchemy.engine import make_url

    return make_url(url).render_as_string(hide_password=True)


def close_all(sockets: Sequence[socket.socket]) -> None:
    """Close sockets that nobody took over."""
    for sock in sockets:
        sock.close()


def note_loaded(*, good: bool) -> None:
    """Show on the metrics whether the last reading of the configuration was good, and when."""
    metrics.CONFIG_LOADED.set(good)
    if good:
        metrics.CONFIG_LOADED_AT.set(time.time())


def note_refused(error: Exception) -> None:
    """Say why a new configuration is not used."""
    note_loaded(good=False)
    if isinstance(error, ConfigError):
        for problem in error.problems:
            log.error("config.refused", because=str(problem))
    else:
        log.error("config.refused", because=f"{type(error).__name__}: {error}")


def serve(path: Path, *, page: bool = False) -> None:
    """Run the daemon until a signal ends it. What prevents the start is raised: ConfigError, StoreLocked, ..."""
    import uvloop

    instance = read_instance(path)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(live(Poterne(path, instance, page=page), notify))
