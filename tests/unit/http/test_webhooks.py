"""Webhooks over HTTP: the API pages through deliveries, the page shows health and steers, secrets stay out of sight."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.model import DeliveryResult, Outcome
from gateway.store import WebhookBook
from tests.conftest import MovableClock
from tests.support.desk import ADA, CONFIGURATION, LEA, Office, open_office
from tests.support.site import browsers

WEBHOOKS = """
webhooks:
  chat: {url: https://chat.example.org/hook/T0PSECRET?key=T0PSECRET, secret: {env: NOWHERE}, notes: true}
  crm: {url: https://crm.example.org, secret: {env: NOWHERE}, events: ["ticket.*"], queues: [support]}
"""
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def office(migrated_sqlite_url: str, tmp_path: Path, clock: MovableClock) -> AsyncIterator[Office]:
    async with open_office(migrated_sqlite_url, tmp_path, clock, text=CONFIGURATION + WEBHOOKS) as opened:
        yield opened


@pytest.fixture
async def ada(office):
    async with browsers(office) as open_browser:
        yield await open_browser(ADA)


async def attempt(office: Office, result: DeliveryResult, webhook: str = "chat") -> None:
    book = WebhookBook(office.store)
    (claim,) = await book.claim_deliveries(webhook, 1, MINUTE)
    final = result.outcome in {Outcome.SENT, Outcome.FAILED}
    await book.record_delivery(claim, result, None if final else office.store.clock.now() + MINUTE)


async def test_the_api_pages_through_deliveries_and_shows_one_with_its_attempts(office, ada) -> None:
    await office.ticket()
    await attempt(office, DeliveryResult(Outcome.DEFERRED, 500, "HTTP 500 oh no"))

    states = (await ada.get("/api/v1/webhooks")).json()["items"]
    first = (await ada.get("/api/v1/webhooks/deliveries?limit=2")).json()
    second = (await ada.get(f"/api/v1/webhooks/deliveries?limit=2&cursor={first['next']}")).json()
    of_chat = (await ada.get("/api/v1/webhooks/deliveries?webhook=chat&state=queued")).json()["items"]
    trace = (await ada.get(f"/api/v1/webhooks/deliveries/{of_chat[-1]['id']}")).json()

    assert [(row["name"], row["health"], row["waiting"]) for row in states] == [
        ("chat", "trouble", 2),
        ("crm", "ok", 1),
    ]
    assert [row["id"] for row in (*first["items"], *second["items"])] == [3, 2, 1]
    assert second["next"] is None
    assert [row["type"] for row in of_chat] == ["entry.created", "ticket.created"]
    assert [(item["outcome"], item["code"]) for item in trace["attempts"]] == [("deferred", 500)]
    assert json.loads(trace["payload"])["type"] == "ticket.created"


async def test_the_api_steers(office, ada) -> None:
    async def health() -> list[str]:
        return [row["health"] for row in (await ada.get("/api/v1/webhooks")).json()["items"]]

    paused = await ada.ask("POST", "/api/v1/webhooks/chat/pause", json={"because": "moving house"})
    then = await health()
    resumed = [(await ada.ask("POST", "/api/v1/webhooks/chat/resume")).status_code for _ in range(2)]
    tried = await ada.ask("POST", "/api/v1/webhooks/chat/test")
    number = tried.json()["id"]
    cancelled = [(await ada.ask("POST", f"/api/v1/webhooks/deliveries/{number}/cancel")).status_code for _ in range(2)]
    retried = await ada.ask("POST", f"/api/v1/webhooks/deliveries/{number}/retry")
    unknown = await ada.ask("POST", "/api/v1/webhooks/nobody/test")

    assert (paused.status_code, then, resumed) == (204, ["paused", "ok"], [204, 404])
    assert (cancelled, retried.status_code, unknown.status_code) == ([204, 409], 204, 404)


async def test_the_page_shows_health_and_deliveries_and_its_buttons_work(office, ada) -> None:
    ticket = await office.ticket()
    await attempt(office, DeliveryResult(Outcome.FAILED, 410, "HTTP 410 Gone"))
    csrf = {"csrf": ada.signed.principal.csrf}

    page = await ada.get("/admin/webhooks")
    await ada.ask("POST", "/admin/webhooks/chat/resume", data=csrf)
    await ada.ask("POST", "/admin/webhooks/chat/test", data=csrf)
    await ada.ask("POST", "/admin/webhooks/crm/pause", data={**csrf, "because": "too loud"})
    moved = await ada.ask("POST", "/admin/webhooks/deliveries/1/retry", data=csrf)
    after = await ada.get("/admin/webhooks?webhook=chat&state=queued")

    assert "gone: it said so, somebody has to act" in page.text
    assert "HTTP 410 Gone" in page.text
    assert f'href="/tickets/{ticket}"' in page.text
    assert 'action="/admin/webhooks/deliveries/1/retry"' in page.text
    assert (moved.status_code, moved.headers["location"]) == (303, "/admin/webhooks")
    assert "too loud (Ada Admin" in after.text
    assert ">ping<" in after.text
    assert "gone: it said so" not in after.text


async def test_what_is_sent_is_shown_as_text_and_never_as_a_page(office, ada) -> None:
    await office.ticket("<script>alert(1)</script>", "<img src=x onerror=alert(2)>")
    await attempt(office, DeliveryResult(Outcome.DEFERRED, 500, "<b>HTTP</b> 500"))

    pages = [(await ada.get(path)).text for path in ("/admin/webhooks", "/admin/webhooks/deliveries/1")]

    assert "&lt;script&gt;alert(1)" in pages[1]
    assert all("&lt;b&gt;HTTP&lt;/b&gt; 500" in page and "<b>HTTP" not in page for page in pages)
    assert all("<script>alert" not in page and "<img src=x" not in page for page in pages)


async def test_paths_of_webhooks_may_be_secret_and_are_not_shown(office, ada) -> None:
    paths = ("/admin/webhooks", "/api/v1/webhooks", "/admin/configuration", "/api/v1/admin/configuration")
    for path in paths:
        answer = await ada.get(path)
        assert answer.status_code == 200
        assert "chat.example.org" in answer.text, path
        assert "T0PSECRET" not in answer.text, path


async def test_an_empty_house_says_where_webhooks_come_from(migrated_sqlite_url, tmp_path, clock) -> None:
    async with open_office(migrated_sqlite_url, tmp_path, clock) as office, browsers(office) as open_browser:
        ada = await open_browser(ADA)
        lea = await open_browser(LEA)
        page, french = (
            await ada.get("/admin/webhooks"),
            await ada.get("/admin/webhooks", headers={"accept-language": "fr"}),
        )
        refused = await lea.get("/admin/webhooks")

    assert "No webhook is configured." in page.text
    assert "Aucun webhook" in french.text
    assert refused.status_code == 403
