"""The composition root: the only place that names concrete implementations. Built top down from an `Instance`, once.

Started from the back to the front, so that whoever takes work finds somebody to hand it to; stopped the other way.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import random
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

from gateway.config.settings import Channel, Connection
from gateway.config.units import Off, endpoint
from gateway.correspondence import digest_writer
from gateway.daemon.digests import keep_digests
from gateway.daemon.judge import IntakeWorker
from gateway.daemon.lifecycle import Watchdog, live
from gateway.daemon.supervisor import Supervisor
from gateway.desk import open_desk
from gateway.http.health import Gauges, Pulse, Readiness, health_routes
from gateway.http.server import HttpServer, build_application
from gateway.http.site import build_site
from gateway.inbox import Fetcher, MicrosoftTokens
from gateway.inbox.assembly import fetcher_options, microsoft_tokens
from gateway.instance import Instance, SystemClock, note_loaded, note_refused, read_instance, shown_url
from gateway.lmtp import House, LmtpServer, open_sockets
from gateway.mail.address import warm_up
from gateway.model import Applied, Claim, Envelope, IntakeId, Route
from gateway.outbound.assembly import build_workers
from gateway.outbound.signer import Signer
from gateway.outbound.webhooks import WebhookFleet
from gateway.outbound.worker import ChannelWorker, Desk
from gateway.parser import ParserPool
from gateway.pipeline import accept, process
from gateway.policy import answer_address
from gateway.store import InboxBook, SealedVault, SqlStore, WebhookBook, open_store
from gateway.telemetry import metrics
from gateway.telemetry.log import get_logger
from gateway.telemetry.notify import activated, notify

log = get_logger()

SWITCH_INTERVAL = 0.0005  # seconds after which the writer's thread lets the event loop have its turn; 0.005 by itself
LOOK_PERIOD = timedelta(seconds=5)  # between looks at readiness, for the metric and the log
NUDGE_PERIOD = timedelta(seconds=1)
HTTP_SOCKET_MODE = 0o660

# Keys that are read once, at the start; a reload that changes one says so.
NEED_RESTART = ("hostname", "listen", "database", "raw_mail", "limits", "connections")


class ListenError(Exception):
    """A listener cannot be opened: the place is taken, or not ours."""


class Poterne:
    """The daemon: its parts, wired. Lives by `daemon.lifecycle.live`."""

    def __init__(self, path: Path, instance: Instance) -> None:
        self._path = path
        self._instance = instance
        self._clock = SystemClock()
        self._pulse = Pulse()
        self._workers = Supervisor()
        self._watchers = Supervisor()
        self._channels: Mapping[str, ChannelWorker] = {}
        self._parts = contextlib.AsyncExitStack()

    # --- life -------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start all parts, the listener last. What was started is stopped again if a later part cannot start."""
        log.info("daemon.starting", config=str(self._path), database=shown_url(self._instance.settings.database))
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
        self._webhooks = WebhookFleet(WebhookBook(self._store), self._clock, self._workers.start)
        self._parser = ParserPool(settings.limits)
        self._parts.push_async_callback(self._parser.close)
        await asyncio.gather(self._parser.start(), asyncio.to_thread(warm_up))
        slots = self._store.judged_at_once * settings.limits.parser_processes
        self._judge = IntakeWorker(self._store, self._process, slots, self._wake_channels)
        await self._start_http(given)
        self._start_workers()
        self._start_inboxes()
        gc.freeze()  # what stands by now stays: a collection that looked at all of it would hold up everybody for 0.1 s
        self._house = House(
            self._take,
            self._instance.policy.routes.route,
            settings.limits,
            host=settings.hostname,
            soft_bounce=settings.soft_bounce,
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
            channels, webhooks = self._build_channels(instance), self._webhooks.build(instance.settings)
        except Exception as error:
            # Whatever is wrong with the file, mail goes on with the configuration that works.
            note_refused(error)
            return
        old, new = self._instance.settings, instance.settings
        changed = [key for key in NEED_RESTART if getattr(new, key) != getattr(old, key)]
        if changed:
            log.warning("config.needs-restart", keys=changed)
        self._instance = instance
        self._house.route = instance.policy.routes.route
        self._store.reconfigure(instance.store_options)
        self._use_channels(channels)
        self._webhooks.use(webhooks)
        note_loaded(good=True)
        log.info("config.reloaded")

    # --- what connects the parts ------------------------------------------------------------------------------

    def _open_store(self) -> SqlStore:
        settings = self._instance.settings
        return open_store(settings.database, clock=self._clock, options=self._instance.store_options)

    async def _take(self, raw: bytes, envelopes: Sequence[Envelope], routes: Sequence[Route]) -> Sequence[IntakeId]:
        """Take responsibility for a mail that the listener received, and wake who judges it."""
        taken = await accept(raw, envelopes, [route.queue for route in routes], self._store)
        self._note_accepted(taken, envelopes[0].source, len(raw))
        return taken

    async def _take_fetched(self, raw: bytes, envelope: Envelope, queue: str) -> IntakeId:
        """Take responsibility for a mail that was fetched from a direct inbox."""
        taken = await accept(raw, [envelope], [queue], self._store)
        self._note_accepted(taken, envelope.source, len(raw))
        return taken[0]

    def _note_accepted(self, taken: Sequence[IntakeId], source: str, size: int) -> None:
        metrics.ACCEPTED.labels(source).inc(len(taken))
        metrics.ACCEPTED_BYTES.inc(size)
        metrics.succeeded("accept")
        self._judge.wake()

    async def _process(self, claim: Claim) -> Applied:
        return await process(claim, self._parser, self._store, self._instance.policy, self._clock)

    def _wake_channels(self) -> None:
        for worker in self._channels.values():
            worker.wake()
        self._webhooks.wake()

    # --- workers ----------------------------------------------------------------------------------------------

    def _start_workers(self) -> None:
        self._parts.push_async_callback(self._drain)  # also if one of them cannot start
        watchdog = Watchdog(notify)
        self._watchers.start("pulse", lambda: self._pulse.beat(watchdog.pat))
        self._watchers.start("readiness", self._look)
        self._watchers.start("nudge", self._nudge)
        self._watchers.start("digests", self._digest)
        self._workers.start("judge", self._judge.run)
        self._use_channels(self._build_channels(self._instance))
        self._webhooks.use(self._webhooks.build(self._instance.settings))
        self._watchers.start("pruning", lambda: self._webhooks.keep_pruned(lambda: self._instance.settings))

    async def _look(self) -> None:
        while True:
            await self._readiness.look()
            await asyncio.sleep(LOOK_PERIOD.total_seconds())

    async def _nudge(self) -> None:
        """Let the channels look for mail that commands beside the daemon, and other nodes, have queued."""
        while True:
            await asyncio.sleep(NUDGE_PERIOD.total_seconds())
            if "database" not in self._readiness.failing:
                self._wake_channels()

    async def _digest(self) -> None:
        await keep_digests(self._store, lambda: digest_writer(self._instance.policy), self._wake_channels)

    async def _drain(self) -> None:
        """Let the workers finish what they hold, within what is left of the time to stop."""
        self._judge.stop()
        self._use_channels({})
        self._webhooks.use({})
        left = timedelta(seconds=max(1.0, self._give_up_at - time.monotonic()))
        late = await self._workers.drain(left)
        if late:
            log.warning("daemon.shutdown-late", tasks=late)
        await self._watchers.drain(timedelta())

    # --- the ways out -----------------------------------------------------------------------------------------

    def _build_channels(self, instance: Instance) -> Mapping[str, ChannelWorker]:
        """Build a worker for every channel. Raises what makes one unusable."""
        desk = Desk(
            outbox=self._store,
            signer=Signer(instance.signing_keys),
            clock=self._clock,
            keys=instance.policy.keys,
            bounce_homes={queue: answer_address(instance.settings, queue) for queue in instance.settings.queues},
            chance=random.random,
            soft_bounce=instance.settings.soft_bounce,
        )
        return build_workers(instance.settings, desk, self._tokens)

    def _use_channels(self, channels: Mapping[str, ChannelWorker]) -> None:
        """Send over these channels from now on; those before finish what they are sending, and end."""
        before, self._channels = self._channels, channels
        for name, worker in channels.items():
            self._workers.start(f"channel {name}", worker.run)
        for worker in before.values():
            worker.stop()

    def _tokens(self, name: str, settings: Channel | Connection) -> MicrosoftTokens | None:
        if settings.type != "office365":
            return None
        vault = SealedVault(self._store, self._instance.key)
        return microsoft_tokens(name, settings, vault, self._instance.client_secrets.get(name))

    # --- the direct inboxes -----------------------------------------------------------------------------------

    def _start_inboxes(self) -> None:
        holder = f"{socket.gethostname()}/{os.getpid()}"
        size = self._instance.settings.limits.message_size
        for name, settings in self._instance.settings.connections.items():
            password = self._instance.passwords.get(name, "")
            options = fetcher_options(name, settings, password, self._tokens(name, settings), size)
            fetcher = Fetcher(options, self._take_fetched, InboxBook(self._store), holder)
            fetcher.start()
            self._parts.push_async_callback(fetcher.stop)

    # --- HTTP -------------------------------------------------------------------------------------------------

    async def _start_http(self, given: Mapping[str, list[socket.socket]]) -> None:
        checks = {
            "database": self._store.check_writable,
            "workers": self._workers.check_alive,
            "parser": self._parser.check_alive,
        }
        self._readiness = Readiness(checks)
        self._parts.push_async_callback(self._readiness.close)
        settings = self._instance.settings
        inboxes = InboxBook(self._store).list_inboxes
        webhooks = partial(self._store.webhook_depths, sent=False)
        gauges = Gauges(self._store, lambda: self._instance.settings, inboxes, webhooks)
        health = health_routes(self._pulse, self._readiness, gauges)
        routers = [health]
        desk = open_desk(
            self._store,
            policy=lambda: self._instance.policy,
            settings=lambda: self._instance.settings,
            clock=self._clock,
            wake=self._wake_workers,
            check=self._check,
        )
        site = build_site(desk, self._instance.key)
        routers.extend(site.routers)
        for where, name, routes in (
            (settings.listen.http, "http", routers),
            (settings.listen.metrics, "metrics", [health]),
        ):
            if where is None or isinstance(endpoint(where), Off):
                continue
            sockets = listening(where, HTTP_SOCKET_MODE, given, name)
            hosts = {settings.hostname, *(str(sock.getsockname()[0]) for sock in sockets)}
            app = build_application(routes, hosts, document=name == "http", sessions=site.sessions, render=site.render)
            server = HttpServer(app, sockets)
            await server.start()
            self._parts.push_async_callback(server.stop)
        self._parts.push_async_callback(desk.together.close)  # its streams would hold the server's end up

    def _wake_workers(self) -> None:
        self._judge.wake()
        self._wake_channels()

    def _check(self) -> Sequence[str]:
        """Say what is wrong with the configuration file as it is now."""
        try:
            read_instance(self._path)
        except Exception as error:
            return str(error).splitlines()  # whatever is wrong, it is shown
        return ()


# --- small things ---------------------------------------------------------------------------------------------


def listening(where: str, mode: int, given: Mapping[str, list[socket.socket]], name: str) -> list[socket.socket]:
    """Return the sockets of a `listen` key: opened now, or handed over by the service manager under that name."""
    try:
        return open_sockets(where, mode, given.get(name, ()))
    except (OSError, ValueError) as error:
        raise ListenError(f"cannot listen at {where} for {name}: {error}") from None


def close_all(sockets: Sequence[socket.socket]) -> None:
    """Close sockets that nobody took over."""
    for sock in sockets:
        sock.close()


def serve(path: Path) -> None:
    """Run the daemon until a signal ends it. What prevents the start is raised: ConfigError, StoreLocked, ..."""
    import uvloop

    instance = read_instance(path)
    sys.setswitchinterval(SWITCH_INTERVAL)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(live(Poterne(path, instance), notify))
