"""The HTTP side with a store of cardboard: hosts, health, metrics, listings, and what errors show."""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast

import httpx
import pytest
from fastapi import APIRouter, Request
from structlog.testing import capture_logs

from gateway.config import Settings
from gateway.errors import NotFound, StorageUnavailable
from gateway.http.guard import LARGEST_BODY, host_of
from gateway.http.health import Gauges, Pulse, Readiness, health_routes
from gateway.http.server import HttpServer, build_application
from gateway.model import (
    BreakerRow,
    ChannelDepth,
    Effect,
    EntryRow,
    InboxHealth,
    InboxRow,
    IntakeRow,
    OutboxRow,
    PauseRow,
    Statistics,
    TicketRow,
    Verdict,
    WebhookDepth,
)
from gateway.telemetry import metrics

# The keys of `poterne intakes --json` and `poterne tickets --json`: a contract.
INTAKE_KEYS = ["id", "received_at", "mail_from", "rcpt_to", "message_id", "sha256", "size", "state", "disposition"]
INTAKE_KEYS += ["ticket", "verdicts", "attempts"]
TICKET_KEYS = ["number", "queue", "type", "subject", "status", "requester", "assignee", "created_at", "updated_at"]
TICKET_KEYS += ["entries"]
NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
INTAKE = IntakeRow(
    id=7,
    received_at=NOON,
    mail_from="customer@example.com",
    rcpt_to="support-in@tickets.example.org",
    message_id="1@example.com",
    sha256="00",
    size=10,
    state="done",
    disposition="ticket",
    ticket=3,
    verdicts=(Verdict("auto-submitted", Effect.AUTO_REPLY, "auto-replied", "Auto-Submitted"),),
    attempts=1,
)
TICKET = TicketRow(3, "support", None, "Printer", "new", "customer@example.com", None, NOON, NOON, 1)
ENTRY = EntryRow(1, "customer", "Customer <customer@example.com>", NOON, "It is on fire")
DELIVERY = OutboxRow(
    5, 4, 3, "reply", "relay", "customer@example.com", "m@tickets.example.org", "queued", 0, NOON, None
)


class Cardboard:
    """A reader whose answers are set by the test."""

    def __init__(self):
        self.error = None
        self.asked = []

    async def _rows(self, row, limit, before):
        self.asked.append((limit, before))
        if self.error:
            raise self.error
        return [row]

    async def list_intakes(self, limit=100, before=None):
        return await self._rows(INTAKE, limit, before)

    async def list_tickets(self, limit=100, before=None):
        return await self._rows(TICKET, limit, before)

    async def list_outbox(self, limit=100, before=None):
        return await self._rows(DELIVERY, limit, before)

    async def find_ticket(self, number):
        if self.error:
            raise self.error
        if number != TICKET.number:
            raise NotFound(str(number))
        return TICKET, [ENTRY]

    async def statistics(self):
        if self.error:
            raise self.error
        long_ago = datetime.now(UTC) - timedelta(seconds=90)
        breaker = BreakerRow("support", True, long_ago, long_ago, 1, "60 in an hour")
        depth = ChannelDepth("relay", 4, long_ago)
        return Statistics(2, long_ago, 1, (depth,), (breaker,), (PauseRow("spare", long_ago, "maintenance"),))

    async def list_inboxes(self):
        return [
            InboxRow("google", InboxHealth.OK, "", NOON),
            InboxRow("o365", InboxHealth.REFUSED, "sign in again", NOON),
            InboxRow("gone", InboxHealth.OK, "", NOON),
        ]

    async def webhook_depths(self):
        return [WebhookDepth("chat", waiting=3, oldest=NOON, failed_24h=2, stopped_since=NOON), WebhookDepth("old", 7)]

    async def check_writable(self):
        if self.error:
            raise self.error


@pytest.fixture
def reader():
    return Cardboard()


@pytest.fixture
def pulse():
    return Pulse()


def make_app(reader, pulse=None):
    readiness = Readiness({"database": reader.check_writable}, timedelta(seconds=0.2))
    names = SimpleNamespace(
        ways_out=["relay", "spare"], queues=["support", "sales"], connections=["google", "o365"], webhooks=["chat"]
    )
    gauges = Gauges(reader, lambda: cast("Settings", names), reader.list_inboxes, reader.webhook_depths)
    health = health_routes(pulse or Pulse(), readiness, gauges)
    probe = APIRouter()

    @probe.get("/probe/{number}")
    async def look(number: int) -> int:
        """Ask the store, as any route does."""
        if number == 4:
            raise NotFound("ticket 4 is not theirs")
        return len(await reader.list_tickets())

    @probe.post("/probe")
    async def write(request: Request) -> int:
        return len(await request.body())

    return build_application([health, probe], ["tickets.example.org"])


@pytest.fixture
def app(reader, pulse):
    return make_app(reader, pulse)


def client(app, base="http://127.0.0.1", peer="127.0.0.1"):
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(peer, 4711))
    return httpx.AsyncClient(transport=transport, base_url=base)


async def get(app, path, *, base="http://127.0.0.1", peer="127.0.0.1", headers=None):
    async with client(app, base, peer) as http:
        return await http.get(path, headers=headers)


# --- who may ask ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("base", ["http://evil.example", "http://tickets.example.org.evil.example", "http://0.0.0.0"])
async def test_foreign_host_names_are_refused_everywhere(app, base):
    for path in ("/healthz", "/metrics", "/probe/1"):
        assert (await get(app, path, base=base)).status_code == 421


@pytest.mark.parametrize("base", ["http://127.0.0.1:8025", "http://localhost", "http://[::1]:8025"])
async def test_loopback_names_are_served(app, base):
    assert (await get(app, "/probe/1", base=base)).status_code == 200


async def test_health_is_for_everybody_who_knows_our_name(app):
    assert (await get(app, "/readyz", base="http://tickets.example.org", peer="192.0.2.1")).status_code == 200


def test_two_host_fields_are_none():
    scope = {"headers": [(b"host", b"localhost"), (b"host", b"evil.example")], "client": ("127.0.0.1", 1)}

    assert host_of(scope) == ""


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),  # a program: it sends no cookie either
        ({"origin": "http://127.0.0.1"}, 200),
        ({"origin": "https://tickets.example.org"}, 200),  # behind a proxy that changes the Host
        ({"cookie": "poterne=x", "origin": "http://127.0.0.1"}, 200),
        ({"cookie": "poterne=x"}, 403),
        ({"origin": "http://127.0.0.1:9999"}, 403),
        ({"origin": "http://localhost"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "https://tickets.example.org.evil.example"}, 403),
        ({"origin": "http://127.0.0.1", "sec-fetch-site": "cross-site"}, 403),
        ({"origin": "file://127.0.0.1"}, 403),
    ],
)
async def test_writes_come_from_pages_of_ours_or_from_no_page(app, headers, status):
    async with client(app) as http:
        assert (await http.post("/probe", headers=headers)).status_code == status


async def test_a_request_that_is_too_large_is_refused_before_and_while_it_comes(app):
    async def endless():
        for _ in range((LARGEST_BODY >> 20) + 2):
            yield bytes(1 << 20)

    async with client(app) as http:
        declared = await http.post("/probe", content=b"x", headers={"content-length": str(LARGEST_BODY + 1)})
        streamed = await http.post("/probe", content=endless())

    assert (declared.status_code, streamed.status_code) == (413, 413)


async def test_every_answer_has_safe_headers(app):
    answer = await get(app, "/probe/4")

    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["cache-control"] == "no-store"


# --- errors ---------------------------------------------------------------------------------------------------


async def test_an_error_of_ours_shows_an_id_and_never_its_text(app, reader):
    reader.error = RuntimeError("secret=canary")
    with capture_logs() as events:
        answer = await get(app, "/probe/1")

    assert answer.status_code == 500
    assert "canary" not in answer.text
    assert answer.json()["instance"]
    assert [event["event"] for event in events] == ["http.failed"]


async def test_a_store_that_does_not_answer_is_503(app, reader):
    reader.error = StorageUnavailable("database is locked")

    assert (await get(app, "/probe/1")).status_code == 503


# --- health ---------------------------------------------------------------------------------------------------


async def test_ready_turns_red_and_green_with_the_store_while_health_stays_green(app, reader):
    seen = []
    for error in (None, StorageUnavailable("gone"), None):
        reader.error = error
        ready = await get(app, "/readyz")
        seen.append((ready.status_code, ready.json()["failing"]))
        assert (await get(app, "/healthz")).status_code == 200

    assert seen == [(200, {}), (503, {"database": "StorageUnavailable: gone"}), (200, {})]


async def test_a_check_that_hangs_is_red_in_time_and_is_not_started_twice():
    started = 0

    async def hang():
        nonlocal started
        started += 1
        await asyncio.Event().wait()

    readiness = Readiness({"database": hang}, timedelta(seconds=0.05))
    first = await readiness.look()
    second = await readiness.look()
    await readiness.close()

    assert first == second == {"database": "no answer within 0.05 s"}
    assert started == 1


async def test_a_change_of_readiness_is_logged_once(reader):
    readiness = Readiness({"database": reader.check_writable})
    with capture_logs() as events:
        await readiness.look()
        reader.error = StorageUnavailable("gone")
        await readiness.look()
        await readiness.look()
        reader.error = None
        await readiness.look()

    assert [(event["event"], event["good"]) for event in events] == [("ready.changed", False), ("ready.changed", True)]


async def test_health_is_red_after_the_loop_stood_still(app, pulse):
    pulse.lag = timedelta(seconds=11)

    assert (await get(app, "/healthz")).status_code == 503


async def test_the_pulse_measures_a_blocked_loop():
    pulse = Pulse(timedelta(milliseconds=10))
    beats = []
    task = asyncio.create_task(pulse.beat(lambda: beats.append(pulse.lag)))
    await asyncio.sleep(0.05)
    import time

    time.sleep(0.1)
    await asyncio.sleep(0)
    await asyncio.sleep(0.001)
    task.cancel()

    assert len(beats) >= 3
    assert max(beats) > timedelta(milliseconds=80)


async def test_metrics_show_what_waits_and_work_without_the_store(app, reader):
    body = (await get(app, "/metrics")).text
    reader.error = StorageUnavailable("gone")
    without = await get(app, "/metrics")

    assert "poterne_waiting_intakes 2.0" in body
    assert 'poterne_outbox_deliveries{channel="relay"} 4.0' in body
    assert 'poterne_outbox_deliveries{channel="spare"} 0.0' in body
    assert 'poterne_breaker_open{queue="support"} 1.0' in body
    assert 'poterne_breaker_open{queue="sales"} 0.0' in body
    assert 'poterne_channel_paused{channel="spare"} 1.0' in body
    assert 'poterne_webhook_waiting{webhook="chat"} 3.0' in body
    assert 'poterne_webhook_failed_last_day{webhook="chat"} 2.0' in body
    assert 'poterne_webhook_stopped{webhook="chat"} 1.0' in body
    assert 'webhook="old"' not in body
    assert 'poterne_inbox_up{connection="google"} 1.0' in body
    assert 'poterne_inbox_up{connection="o365"} 0.0' in body
    assert 'connection="gone"' not in body
    oldest = metrics.REGISTRY.get_sample_value("poterne_outbox_oldest_seconds", {"channel": "relay"})
    assert oldest is not None
    assert 89 < oldest < 120
    assert without.status_code == 200


async def test_requests_are_counted_by_pattern_not_by_path(app):
    labels = {"route": "/probe/{number}", "method": "GET", "class": "2xx"}
    before = metrics.REGISTRY.get_sample_value("poterne_http_requests_total", labels) or 0
    await get(app, "/probe/3")
    await get(app, "/nowhere/4711")

    assert metrics.REGISTRY.get_sample_value("poterne_http_requests_total", labels) == before + 1
    assert b"4711" not in metrics.exposition()


# --- the real server ------------------------------------------------------------------------------------------


def bound_socket():
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.bind(("127.0.0.1", 0))
    sock.listen(16)
    return sock


async def test_the_server_answers_on_our_socket_and_stops(app):
    sock = bound_socket()
    port = sock.getsockname()[1]
    server = HttpServer(app, [sock])
    await server.start()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        answer = await http.get("/healthz")
    await server.stop()

    assert answer.json()["status"] == "ok"
    assert "server" not in answer.headers
    with pytest.raises(httpx.ConnectError):
        async with httpx.AsyncClient() as http:
            await http.get(f"http://127.0.0.1:{port}/healthz")


async def test_a_request_in_progress_is_finished_at_stop(app, reader):
    gate = asyncio.Event()
    entered = asyncio.Event()

    async def slow(limit=100, before=None):
        entered.set()
        await gate.wait()
        return [TICKET]

    reader.list_tickets = slow
    sock = bound_socket()
    server = HttpServer(app, [sock])
    await server.start()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{sock.getsockname()[1]}") as http:
        request = asyncio.create_task(http.get("/probe/1"))
        await entered.wait()
        stopping = asyncio.create_task(server.stop())
        await asyncio.sleep(0.05)
        gate.set()
        answer = await request
    await stopping

    assert answer.status_code == 200
