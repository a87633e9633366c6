"""The demo's page shows text, runs nothing of what mails contain, and is for this machine only."""

from __future__ import annotations

from dataclasses import replace

from gateway.http.health import Readiness
from gateway.http.page import page_routes
from gateway.http.server import build_application
from tests.unit.http.test_http import ENTRY, TICKET, Cardboard, get

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>{{ 7 * 7 }}"


def page_app(reader):
    readiness = Readiness({"database": reader.check_writable})
    return build_application([page_routes(reader, readiness)], ["tickets.example.org"])


async def test_tickets_and_conversation_are_shown():
    app = page_app(Cardboard())
    listing = await get(app, "/")
    conversation = await get(app, "/tickets/3")

    assert '<a href="/tickets/3">Printer</a>' in listing.text
    assert "It is on fire" in conversation.text
    assert (await get(app, "/page.css")).headers["content-type"].startswith("text/css")
    assert (await get(app, "/tickets/99")).status_code == 404


async def test_what_a_mail_contains_is_shown_and_never_run():
    reader = Cardboard()

    async def find_ticket(_number):
        return replace(TICKET, subject=HOSTILE), [replace(ENTRY, text=HOSTILE, author=HOSTILE)]

    reader.find_ticket = find_ticket  # type: ignore[method-assign]
    answer = await get(page_app(reader), "/tickets/3")

    assert "<script" not in answer.text
    assert "<img" not in answer.text
    assert answer.text.count("{{ 7 * 7 }}") == 4
    assert "script-src" not in answer.headers["content-security-policy"]
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


async def test_strangers_see_nothing():
    assert (await get(page_app(Cardboard()), "/", peer="192.0.2.1")).status_code == 403
    assert (await get(page_app(Cardboard()), "/", base="http://tickets.example.org")).status_code == 403
