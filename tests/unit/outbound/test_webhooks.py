"""Webhooks against a real HTTPS receiver: signed so that others verify it, retried with the same id, bounded."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import standardwebhooks

from gateway.config.settings import Webhook
from gateway.model import DeliveryState, Outcome, Subscription
from gateway.outbound.courier import Means
from gateway.outbound.schedule import DELAYS, GIVE_UP_AFTER
from gateway.outbound.webhooks import WebhookCourier
from gateway.outbound.webhooks.assembly import receiver_of
from gateway.outbound.webhooks.post import Answer, NoAnswer, Target, post
from gateway.outbound.webhooks.signature import signature
from gateway.outbound.webhooks.verdict import LONGEST_WAIT, of_answer, retry_after
from gateway.store import SqlStore, StoreOptions, WebhookBook, open_store
from tests.conftest import MovableClock
from tests.support.certificates import client_context, server_context, write_ca_file
from tests.support.ports import free_port
from tests.support.receiver import Receiver, Reply
from tests.unit.store.cases import open_ticket

KEYS = tuple(b"key number %d, of octets enough" % number for number in (1, 2))
SECRETS = tuple(f"whsec_{base64.b64encode(key).decode()}" for key in KEYS)
MINUTE = timedelta(minutes=1)
PAYLOAD = b'{"type":"ping"}'


@pytest.fixture
async def store(migrated_sqlite_url: str, clock: MovableClock) -> AsyncIterator[SqlStore]:
    options = StoreOptions(subscriptions=(Subscription("chat"), Subscription("dead")))
    async with open_store(migrated_sqlite_url, clock=clock, options=options) as opened:
        yield opened


class Stage:
    """One webhook's courier on a real store, with the clock in the test's hand."""

    def __init__(
        self, store: SqlStore, clock: MovableClock, folder: Path, url: str, name: str = "chat", **keys
    ) -> None:
        self.store, self.clock, self.name = store, clock, name
        names = [folder / f"secret-{number}" for number in range(len(SECRETS))]
        for path, secret in zip(names, SECRETS, strict=True):
            path.touch(mode=0o600)
            path.write_text(secret)
        settings = {"url": url, "secret": {"file": names[0]}, "ca_file": write_ca_file(folder), "timeout": "2s", **keys}
        if settings.pop("rotated", False):
            settings["previous_secrets"] = [{"file": names[1]}]
        receiver = receiver_of(Webhook.model_validate(settings))
        self.courier = WebhookCourier(name, receiver, Means(WebhookBook(store), clock, lambda: 0.0))

    async def round(self) -> None:
        await self.courier.round()
        await self.courier.settled()

    async def rows(self):
        return list(reversed(await self.store.list_webhook_deliveries(webhook=self.name)))

    async def states(self) -> list[str]:
        return [row.state for row in await self.rows()]


@pytest.fixture
def stage(store, clock, tmp_path):
    return lambda url, name="chat", **keys: Stage(store, clock, tmp_path, url, name, **keys)


# --- the signature ---------------------------------------------------------------------------------------------


async def test_a_second_implementation_verifies_what_a_receiver_gets(store, stage, clock) -> None:
    clock.moment = datetime.now(UTC)  # the other one refuses old timestamps
    await store.ping_webhook("chat")
    with Receiver() as receiver:
        chat = stage(receiver.url)
        await chat.round()

    (request,) = receiver.requests
    for secret in SECRETS[:1]:
        assert standardwebhooks.Webhook(secret).verify(request.body, request.headers) == request.payload
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(SECRETS[1]).verify(request.body, request.headers)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(SECRETS[0]).verify(request.body + b" ", request.headers)
    assert request.headers["content-type"] == "application/json"
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert request.path == "/hook"
    (row,) = await chat.rows()
    assert (row.state, row.code, row.text, row.event) == ("sent", 200, "HTTP 200 OK: thanks", request.key)


async def test_while_a_secret_is_rotated_both_verify(store, stage, clock) -> None:
    clock.moment = datetime.now(UTC)
    await store.ping_webhook("chat")
    with Receiver() as receiver:
        await stage(receiver.url, rotated=True).round()

    (request,) = receiver.requests
    assert request.headers["webhook-signature"].count("v1,") == 2
    for secret in SECRETS:
        assert standardwebhooks.Webhook(secret).verify(request.body, request.headers) == request.payload


def test_the_signature_is_that_of_the_other_implementation() -> None:
    moment = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    for secret, key in zip(SECRETS, KEYS, strict=True):
        other = standardwebhooks.Webhook(secret).sign("evt_1", moment, PAYLOAD.decode())

        assert signature([key], "evt_1", int(moment.timestamp()), PAYLOAD) == other


# --- retries ---------------------------------------------------------------------------------------------------


async def test_what_is_not_taken_is_sent_again_by_the_schedule_with_the_same_id_and_octets(store, stage, clock) -> None:
    await store.ping_webhook("chat")
    with Receiver(
        Reply(500, b"<h1>\n oh \x1bno</h1>"), Reply(302, headers=(("location", "/x"),)), Reply(204, b"")
    ) as receiver:
        chat = stage(receiver.url)
        await chat.round()
        clock.move(seconds=59)
        await chat.round()
        early = len(receiver.requests)
        clock.move(seconds=1)
        await chat.round()
        clock.move(minutes=4)
        await chat.round()

    first, second, third = receiver.requests
    (row,) = await chat.rows()
    tried = (await store.trace_webhook_delivery(row.id)).attempts
    assert early == 1
    assert first.key == second.key == third.key == row.event
    assert first.body == second.body == third.body
    assert first.headers["webhook-timestamp"] < second.headers["webhook-timestamp"]
    assert [(item.outcome, item.code, item.text) for item in tried] == [
        ("deferred", 500, "HTTP 500 Internal Server Error: <h1> oh no</h1>"),
        ("deferred", 302, "HTTP 302 Found: thanks"),
        ("sent", 204, "HTTP 204 No Content"),
    ]
    assert [request.path for request in receiver.requests] == ["/hook"] * 3  # nobody follows a redirect


async def test_a_receiver_that_names_a_time_is_not_asked_before(store, stage, clock) -> None:
    await store.ping_webhook("chat")
    await store.ping_webhook("chat")
    with Receiver(Reply(429, headers=(("retry-after", "600"),)), Reply()) as receiver:
        chat = stage(receiver.url, connections=1)
        await chat.round()
        for _ in range(9):
            clock.move(minutes=1)
            await chat.round()
        early = len(receiver.requests)
        clock.move(minutes=1)
        await chat.round()
        await chat.round()

    assert early <= 2  # the second was under way
    assert await chat.states() == ["sent", "sent"]


async def test_a_receiver_that_is_gone_is_stopped_and_resumed_by_a_person(store, stage, clock) -> None:
    await store.ping_webhook("chat")
    with Receiver(Reply(410, b"moved out"), Reply()) as receiver:
        chat = stage(receiver.url)
        await chat.round()
        await open_ticket(store)
        (depth,) = [row for row in await store.webhook_depths() if row.webhook == "chat"]
        await store.retry_webhook_delivery((await chat.rows())[0].id)
        await chat.round()
        stopped = len(receiver.requests)
        assert await store.resume_webhook("chat")
        await chat.round()
        await open_ticket(store)

    assert (depth.gone, depth.because, stopped) == (True, "it answered 410 Gone", 1)
    assert [row.state for row in (await chat.rows())] == ["sent", "queued", "queued"]  # nothing of the time between


async def test_after_five_days_an_event_is_given_up_and_can_be_sent_again(store, stage, clock) -> None:
    await store.ping_webhook("chat")
    with Receiver(Reply(500)) as receiver:
        chat = stage(receiver.url)
        tries = 0
        while await chat.states() == ["queued"]:
            await chat.round()
            tries += 1
            clock.move(minutes=30)
            assert tries < 300
        receiver.answers = [Reply()]
        (row,) = await chat.rows()
        await store.retry_webhook_delivery(row.id)
        await chat.round()

    assert row.state == DeliveryState.FAILED
    assert row.text.startswith(f"given up after {GIVE_UP_AFTER.days} days; the last answer was: HTTP 500")
    assert len(DELAYS) < row.attempts < 60
    assert await chat.states() == ["sent"]


async def test_the_events_of_a_ticket_arrive_in_order_and_those_of_others_do_not_wait(store, stage, clock) -> None:
    first = await open_ticket(store)
    second = await open_ticket(store)
    with Receiver() as receiver:
        chat = stage(receiver.url, connections=1)

        def refuse_the_first(request) -> Reply:
            number = request.payload["data"]["ticket"]["number"]
            return Reply(500 if number == first and len(receiver.requests) < 3 else 200)

        receiver.answer = refuse_the_first
        for _ in range(6):
            await chat.round()
            clock.move(minutes=1)

    by_ticket = {
        ticket: [r.type for r in receiver.requests if r.payload["data"]["ticket"]["number"] == ticket]
        for ticket in (first, second)
    }
    assert by_ticket[first][-2:] == ["ticket.created", "entry.created"]
    assert by_ticket[second] == ["ticket.created", "entry.created"]
    assert set(by_ticket[first][:-1]) == {"ticket.created"}


# --- what goes wrong -------------------------------------------------------------------------------------------


async def test_a_dead_receiver_does_not_slow_a_live_one(store, stage) -> None:
    for _ in range(20):
        await store.ping_webhook("chat")
        await store.ping_webhook("dead")
    with Receiver() as live, Receiver(Reply(hang=5)) as dead:
        chat, other = stage(live.url), stage(dead.url, "dead", timeout="4s")
        running = asyncio.create_task(other.round())
        began = time.monotonic()
        while "queued" in await chat.states():
            await chat.round()
        took = time.monotonic() - began
        assert not running.done()  # the dead one still waits for its first answers
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    assert len(live.requests) == 20
    assert len(dead.requests) <= 4
    assert took < 4


async def test_two_nodes_tell_each_event_once(migrated_postgres_url: str, tmp_path: Path, clock: MovableClock) -> None:
    options = StoreOptions(subscriptions=(Subscription("chat"),))
    with Receiver(Reply(hang=0.01)) as receiver:
        async with (
            open_store(migrated_postgres_url, clock=clock, options=options) as one,
            open_store(migrated_postgres_url, clock=clock, options=options) as other,
        ):
            for _ in range(40):
                await one.ping_webhook("chat")
            nodes = [Stage(store, clock, tmp_path, receiver.url) for store in (one, other)]
            while "queued" in await nodes[0].states():
                await asyncio.gather(*(node.round() for node in nodes))

    assert len(receiver.requests) == len({request.key for request in receiver.requests}) == 40


async def test_while_a_receiver_is_down_one_delivery_finds_out(store, stage, clock) -> None:
    for _ in range(30):
        await store.ping_webhook("chat")
    chat = stage(f"https://127.0.0.1:{free_port()}/hook")
    await chat.round()
    clock.move(seconds=6)
    await chat.round()
    rows = await chat.rows()
    dialled = [row for row in rows if row.text.startswith("no connection")]

    assert chat.courier.health.down
    assert {row.state for row in rows} == {"queued"}
    assert len(dialled) <= 5
    assert all(row.text.startswith(("no connection: ", "not tried, ")) for row in rows)


@pytest.mark.parametrize("kind", ["self-signed", "wrong-name", "expired"])
async def test_a_receiver_whose_certificate_is_not_trusted_gets_nothing(store, stage, kind: str) -> None:
    await store.ping_webhook("chat")
    with Receiver(context=server_context(kind)) as receiver:
        chat = stage(receiver.url)
        await chat.round()

    (row,) = await chat.rows()
    assert receiver.requests == []
    assert (row.state, row.attempts) == ("queued", 1)
    assert row.text.startswith("its certificate is not trusted: ")


async def test_no_answer_counts_as_unknown_and_is_sent_again_with_the_same_id(store, stage, clock) -> None:
    await store.ping_webhook("chat")
    with Receiver(Reply(drop=True), Reply()) as receiver:
        chat = stage(receiver.url)
        await chat.round()
        (row,) = await chat.rows()
        tried = (await store.trace_webhook_delivery(row.id)).attempts
        clock.move(minutes=2)
        await chat.round()

    assert [item.outcome for item in tried] == [Outcome.UNKNOWN]
    assert len({request.key for request in receiver.requests}) == 1
    assert len(receiver.requests) == 2
    assert await chat.states() == ["sent"]


@pytest.mark.parametrize(
    ("reply", "because"),
    [
        (Reply(hang=3), "no answer within 0.5 s"),
        (Reply(body=b"x" * 100, drip=0.1), "no answer within 0.5 s"),
        (Reply(headers=(("x-long", "x" * 60_000),)), "it does not speak HTTP/1.1: "),
    ],
    ids=["hangs", "drips", "long head"],
)
async def test_an_answer_is_bounded_in_time_and_size(reply: Reply, because: str) -> None:
    with Receiver(reply) as receiver:
        target = Target.of(receiver.url, client_context())
        with pytest.raises(NoAnswer) as caught:
            await post(target, {}, PAYLOAD, 0.5)

    assert str(caught.value).startswith(because)
    assert caught.value.sent


async def test_a_long_body_is_not_waited_for_to_its_end() -> None:
    left = asyncio.Event()

    async def go_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n" + b"x" * 4000)
        while await reader.read(4096):
            pass
        writer.close()
        left.set()

    async with await asyncio.start_server(go_on, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        answer = await post(Target.of(f"http://127.0.0.1:{port}/", client_context()), {}, PAYLOAD, 10)
        await asyncio.wait_for(left.wait(), 5)  # it was hung up on

    assert (answer.status, answer.body) == (200, b"x" * 2048)


async def test_what_speaks_no_http_is_no_answer() -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.write(b"220 mail.example.org ESMTP\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(babble, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(NoAnswer, match="does not speak HTTP"):
            await post(Target.of(f"http://127.0.0.1:{port}/", client_context()), {}, PAYLOAD, 2)


# --- tables ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "outcome", "down"),
    [
        (200, Outcome.SENT, False),
        (299, Outcome.SENT, False),
        (301, Outcome.DEFERRED, False),
        (400, Outcome.DEFERRED, False),
        (404, Outcome.DEFERRED, False),
        (410, Outcome.FAILED, False),
        (429, Outcome.DEFERRED, True),
        (500, Outcome.DEFERRED, False),
        (503, Outcome.DEFERRED, True),
    ],
)
def test_each_answer_has_its_meaning(status: int, outcome: Outcome, down: bool, clock: MovableClock) -> None:
    result = of_answer(Answer(status, "", b""), clock.now())

    assert (result.outcome, result.channel_down, result.code) == (outcome, down, status)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        (" 5 ", 5),
        ("99999999999999", LONGEST_WAIT.total_seconds()),
        ("Mon, 02 Mar 2026 09:01:00 GMT", 60),
        ("Mon, 02 Mar 2026 08:00:00 GMT", 0),
        ("", 0),
        ("soon", 0),
        ("-5", 0),
        ("²", 0),
        ("Mon, 02 Mar 99999999999999999999 09:01:00 GMT", 0),
    ],
)
def test_a_retry_after_is_seconds_or_a_date_and_never_without_end(
    text: str, seconds: float, clock: MovableClock
) -> None:
    assert retry_after(text, clock.now()) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://hooks.example.org", ("hooks.example.org", 443, "/", "hooks.example.org", True)),
        (
            "https://hooks.example.org:8443/a/b?c=d",
            ("hooks.example.org", 8443, "/a/b?c=d", "hooks.example.org:8443", True),
        ),
        ("http://[::1]:9000/x", ("::1", 9000, "/x", "[::1]:9000", False)),
        ("https://10.0.0.7/x", ("10.0.0.7", 443, "/x", "10.0.0.7", True)),
    ],
)
def test_an_address_is_dialled_as_it_is_written(url: str, expected: tuple[str, int, str, str, bool]) -> None:
    target = Target.of(url, client_context())

    assert (target.host, target.port, target.path, target.authority, target.context is not None) == expected
