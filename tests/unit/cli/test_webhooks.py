"""`poterne webhooks`: listings, what is done by hand, a try that is answered; and what `doctor` says of them."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.config import load_without_secrets
from gateway.console.desk import opened
from gateway.model import DeliveryResult, Outcome
from gateway.store import WebhookBook
from tests.unit.cli.conftest import Poterne, customer, take, with_database

MINUTE = timedelta(minutes=1)
WEBHOOKS = """
webhooks:
  chat: {url: https://chat.example.org/hook/secret-path, secret: {env: POTERNE_TEST_WEBHOOK}}
  crm: {url: https://crm.example.org/, secret: {env: POTERNE_TEST_WEBHOOK}, events: ["ticket.*"]}
"""
SENT = DeliveryResult(Outcome.SENT, 200, "HTTP 200 OK")
LATER = DeliveryResult(Outcome.DEFERRED, 500, "HTTP 500 oh no")
GONE = DeliveryResult(Outcome.FAILED, 410, "HTTP 410 Gone")


@pytest.fixture
def hooked(config: Path) -> Path:
    config.write_text(config.read_text() + WEBHOOKS)
    with_database(config)
    return config


def attempt(config: Path, result: DeliveryResult, webhook: str = "chat", seconds: float = 5) -> None:
    """Tell one event, as the daemon would; wait for it."""

    async def work() -> None:
        async with opened(load_without_secrets(config)) as store:
            book = WebhookBook(store)
            deadline = time.monotonic() + seconds
            while not (claims := await book.claim_deliveries(webhook, 1, MINUTE)):
                assert time.monotonic() < deadline
                await asyncio.sleep(0.02)
            final = result.outcome in {Outcome.SENT, Outcome.FAILED}
            await book.record_delivery(claims[0], result, None if final else datetime.now(UTC) + MINUTE)

    asyncio.run(work())


def test_webhooks_and_their_deliveries_are_listed(poterne: Poterne, hooked: Path) -> None:
    take(hooked, customer(1))
    attempt(hooked, LATER)

    chat, crm = poterne("webhooks", "list", "--json", "-c", hooked).objects
    told = poterne("webhooks", "deliveries", "--json", "-c", hooked).objects
    one = poterne("webhooks", "deliveries", "--json", "--webhook", "crm", "--state", "queued", "-c", hooked).objects
    (shown,) = poterne("webhooks", "show", str(told[-1]["id"]), "--json", "-c", hooked).objects
    words = poterne("webhooks", "list", "-c", hooked).out

    assert (chat["name"], chat["health"], chat["trouble"]) == ("chat", "trouble", "HTTP 500 oh no")
    assert (crm["name"], crm["health"], crm["waiting"], crm["events"]) == ("crm", "ok", 1, ["ticket.*"])
    assert [row["type"] for row in one] == ["ticket.created"]
    assert {row["webhook"] for row in told} == {"chat", "crm"}
    assert json.loads(shown["payload"])["data"]["ticket"]["number"] == 1
    assert shown["attempts"][0]["text"] == "HTTP 500 oh no"
    assert "secret-path" not in words + json.dumps(chat)
    assert "HTTP 500 oh no" in words


def test_what_is_done_by_hand(poterne: Poterne, hooked: Path) -> None:
    take(hooked, customer(1))

    assert poterne("webhooks", "cancel", "1", "-c", hooked).out == "1 is cancelled\n"
    assert poterne("webhooks", "retry", "1", "-c", hooked).out == "1 will be sent now\n"
    assert poterne("webhooks", "retry", "4711", "-c", hooked).code == 66
    assert poterne("webhooks", "pause", "chat", "--because", "moving", "-c", hooked).out == "webhook chat is paused\n"
    assert "webhook: chat is paused since" in poterne("doctor", "-c", hooked).out
    assert poterne("webhooks", "resume", "chat", "-c", hooked).out == "webhook chat is told again\n"
    assert poterne("webhooks", "resume", "chat", "-c", hooked).out == "webhook chat was not stopped\n"
    assert poterne("webhooks", "pause", "chatt", "-c", hooked).err == (
        "poterne: there is no webhook chatt; use one of chat, crm\n"
    )


@pytest.mark.parametrize(
    ("result", "code", "out", "err"),
    [
        (SENT, 0, "delivery 1: sent, HTTP 200 OK\n", ""),
        (
            GONE,
            69,
            "delivery 1: failed, HTTP 410 Gone\n",
            "poterne: webhook chat did not take it; see: poterne webhooks show 1\n",
        ),
    ],
)
def test_a_try_shows_what_the_receiver_answers(
    poterne: Poterne, hooked: Path, *, result: DeliveryResult, code: int, out: str, err: str
) -> None:
    daemon = threading.Thread(target=attempt, args=(hooked, result))
    daemon.start()
    seen = poterne("webhooks", "test", "chat", "-c", hooked)
    daemon.join()

    assert (seen.code, seen.out, seen.err) == (code, out, err)


def test_a_try_that_nobody_sends_says_so(poterne: Poterne, hooked: Path) -> None:
    seen = poterne("webhooks", "test", "chat", "--wait", "0.1", "-c", hooked)

    assert seen.code == 69
    assert seen.err.startswith("poterne: nobody sent it within 0.1 s; is the daemon running")


def test_the_doctor_looks_at_webhooks(poterne: Poterne, hooked: Path) -> None:
    take(hooked, customer(1))
    attempt(hooked, SENT, "crm")
    attempt(hooked, GONE)

    out = poterne("doctor", "-c", hooked).out

    assert "fine      webhook: crm was told 1 events in the last 24 hours" in out
    assert "webhook: chat is gone since" in out
    assert "it answered 410 Gone; poterne webhooks resume chat" in out


def test_a_configuration_without_webhooks_says_so(poterne: Poterne, config: Path) -> None:
    with_database(config)

    assert poterne("webhooks", "list", "--json", "-c", config).out == ""
    assert poterne("webhooks", "test", "x", "-c", config).err == (
        "poterne: there is no webhook x; the configuration has none\n"
    )
