"""Every route against everybody: no session, another queue's agent, the agent, an administrator, forged requests.

The routes come from the application itself. One that is not in the table fails, so that nobody forgets it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import pytest
from fastapi.routing import APIRoute

from gateway.http.site import build_site
from tests.support.desk import ADA, BEA, KEY, LEA
from tests.support.site import browsers

UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}
PUBLIC = {  # strangers may ask these; what they answer is tested with them
    ("POST", "/api/v1/session"),
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("GET", "/sign-in/oidc"),
    ("GET", "/sign-in/oidc/callback"),
    ("GET", "/inline/{token}"),
    ("GET", "/static/{mark}/{name}"),
}


@dataclass(frozen=True)
class Case:
    """How a route of the API is asked, and what its reach is: everybody, the ticket's queue, or administrators."""

    reach: str = "all"
    body: dict[str, Any] | None = None
    query: str = ""
    files: dict[str, Any] | None = field(default=None)


ADMIN, TICKET = Case("admin"), Case("ticket")
API: dict[tuple[str, str], Case] = {
    ("GET", "/session"): Case(),
    ("DELETE", "/session"): Case(),
    ("PUT", "/session/password"): Case(body={"old": "x", "new": "y"}),
    ("PUT", "/session/preferences"): Case(body={}),
    ("GET", "/sessions"): Case(),
    ("DELETE", "/sessions/{ident}"): Case(),
    ("GET", "/tokens"): Case(),
    ("POST", "/tokens"): Case(body={"name": "t", "scopes": ["read"]}),
    ("DELETE", "/tokens/{ident}"): Case(),
    ("GET", "/agents"): Case(),
    ("POST", "/agents"): Case("admin", {"address": "new@example.org", "name": "New"}),
    ("PATCH", "/agents/{address}"): Case("admin", {}),
    ("PUT", "/agents/{address}/queues"): Case("admin", {"queues": None}),
    ("GET", "/queues"): Case(),
    ("GET", "/counts"): Case(),
    ("GET", "/tags"): Case(),
    ("GET", "/tickets"): Case(),
    ("GET", "/search"): Case(query="?q=invoice"),
    ("GET", "/tickets/{number}"): TICKET,
    ("GET", "/tickets/{number}/presence"): TICKET,
    ("PUT", "/tickets/{number}/presence"): Case("ticket", {}),
    ("PATCH", "/tickets/{number}"): Case("ticket", {"priority": "high"}),
    ("POST", "/tickets/bulk"): Case(body={"numbers": [1], "status": "open"}),
    ("POST", "/tickets/read"): Case(body={"numbers": [1]}),
    ("POST", "/tickets/{number}/merge"): Case("ticket", {"into": 999}),
    ("POST", "/tickets/{number}/split"): Case("ticket", {"entries": [1], "subject": "x"}),
    ("PUT", "/tickets/{number}/links/{ident}"): TICKET,
    ("DELETE", "/tickets/{number}/links/{ident}"): TICKET,
    ("GET", "/tickets/{number}/entries/{ident}/html"): TICKET,
    ("GET", "/tickets/{number}/entries/{ident}/headers"): TICKET,
    ("GET", "/tickets/{number}/entries/{ident}/raw"): TICKET,
    ("GET", "/tickets/{number}/files/{source}/{ident}/{position}"): TICKET,
    ("POST", "/tickets/{number}/replies"): Case("ticket", {"text": "Hello"}),
    ("POST", "/tickets/{number}/replies/{ident}/undo"): TICKET,
    ("POST", "/tickets/{number}/notes"): Case("ticket", {"text": "Hello"}),
    ("GET", "/drafts"): Case(),
    ("PUT", "/tickets/{number}/drafts/{kind}"): Case("ticket", {"text": "Hello"}),
    ("DELETE", "/tickets/{number}/drafts/{kind}"): TICKET,
    ("POST", "/tickets/{number}/drafts/{kind}/files"): Case("ticket", files={"file": ("a.txt", b"x", "text/plain")}),
    ("DELETE", "/tickets/{number}/drafts/{kind}/files/{position}"): TICKET,
    ("GET", "/views"): Case(),
    ("POST", "/views"): Case(body={"name": "v", "filter": {}}),
    ("PUT", "/views/{ident}"): Case(body={"name": "v", "filter": {}}),
    ("DELETE", "/views/{ident}"): Case(),
    ("GET", "/canned"): Case(),
    ("POST", "/canned"): Case(body={"name": "c", "text": "t", "queue": "support"}),
    ("PUT", "/canned/{ident}"): Case(body={"name": "c", "text": "t", "queue": "support"}),
    ("DELETE", "/canned/{ident}"): Case(),
    ("GET", "/canned/{ident}/filled"): Case(query="?ticket=1"),
    ("GET", "/notices"): Case(),
    ("POST", "/notices/read"): Case(body={"upto": 0}),
    ("GET", "/events"): Case(),
    ("GET", "/intakes"): ADMIN,
    ("GET", "/intakes/{ident}/raw"): ADMIN,
    ("GET", "/trace"): Case("admin", query="?what=1"),
    ("GET", "/quarantine"): ADMIN,
    ("POST", "/quarantine/{ident}/replay"): Case("admin", {}),
    ("GET", "/outbox"): ADMIN,
    ("GET", "/outbox/{ident}/attempts"): ADMIN,
    ("POST", "/outbox/{ident}/retry"): ADMIN,
    ("POST", "/outbox/{ident}/cancel"): ADMIN,
    ("POST", "/outbox/{ident}/hold"): ADMIN,
    ("GET", "/admin/statistics"): ADMIN,
    ("GET", "/admin/queues"): ADMIN,
    ("GET", "/admin/channels"): ADMIN,
    ("POST", "/admin/channels/{name}/pause"): Case("admin", {}),
    ("POST", "/admin/channels/{name}/resume"): ADMIN,
    ("GET", "/admin/inboxes"): ADMIN,
    ("GET", "/admin/forwarders"): ADMIN,
    ("GET", "/admin/configuration"): ADMIN,
    ("GET", "/admin/check"): ADMIN,
    ("GET", "/admin/preview"): Case("admin", query="?queue=support"),
    ("GET", "/admin/blocklist"): ADMIN,
    ("POST", "/admin/blocklist"): Case("admin", {"pattern": "noreply@example.com"}),
    ("DELETE", "/admin/blocklist"): Case("admin", query="?pattern=x"),
    ("GET", "/admin/suppressions"): ADMIN,
    ("DELETE", "/admin/suppressions"): Case("admin", query="?address=x"),
    ("GET", "/admin/limits"): ADMIN,
    ("GET", "/admin/breakers"): ADMIN,
    ("POST", "/admin/breakers/{name}/reset"): ADMIN,
    ("GET", "/webhooks"): ADMIN,
    ("GET", "/webhooks/deliveries"): ADMIN,
    ("GET", "/webhooks/deliveries/{ident}"): ADMIN,
    ("POST", "/webhooks/deliveries/{ident}/retry"): ADMIN,
    ("POST", "/webhooks/deliveries/{ident}/cancel"): ADMIN,
    ("POST", "/webhooks/{name}/pause"): Case("admin", {}),
    ("POST", "/webhooks/{name}/resume"): ADMIN,
    ("POST", "/webhooks/{name}/test"): ADMIN,
}


class NoDesk:
    """Stands for a desk while routes are only listed."""

    def __getattr__(self, name):
        return NoDesk()

    def __call__(self, *_args, **_kwargs):
        return NoDesk()


def all_routes():
    """Return (method, path) of every route of the site, pages and API."""
    desk: Any = NoDesk()
    return sorted(
        (method, route.path)
        for routes in build_site(desk, KEY).routers
        for route in routes.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    )


ROUTES = all_routes()
API_ROUTES = [route for route in ROUTES if route[1].startswith("/api/v1") and route not in PUBLIC]
PAGE_ROUTES = [route for route in ROUTES if not route[1].startswith("/api/v1") and route not in PUBLIC]
FILLERS = {"number": "1", "kind": "reply", "source": "mail", "position": "0", "address": BEA, "name": "relay"}


def filled(path: str) -> str:
    """Return a path with something in every place; nobody's own session is ended, no ticket linked to itself."""
    path = path.replace("/sessions/{ident}", "/sessions/99").replace("/links/{ident}", "/links/99")
    path = path.replace("/account/sessions/{session}", "/account/sessions/99")
    return re.sub(r"\{(\w+)\}", lambda match: FILLERS.get(match[1], "1"), path)


def test_every_route_of_the_api_is_in_the_table_and_every_line_of_it_is_a_route():
    assert {(method, path.removeprefix("/api/v1")) for method, path in API_ROUTES} == set(API)
    assert set(ROUTES) >= PUBLIC


@pytest.fixture
async def desk(office):
    assert await office.ticket() == 1
    async with browsers(office) as open_browser:
        people = {name: await open_browser(name) for name in ("", LEA, BEA, ADA)}
        yield people


async def test_nobody_without_a_session_gets_anything(desk):
    wrong = []
    for method, path in [*API_ROUTES, *PAGE_ROUTES]:
        answer = await desk[""].ask(method, filled(path))
        page = answer.status_code == 303 and answer.headers["location"].startswith("/sign-in")
        if answer.status_code != 401 and not (page and not path.startswith("/api/")):
            wrong.append((method, path, answer.status_code))
    assert wrong == []


async def test_every_unsafe_route_refuses_what_was_not_meant(desk):
    forged: dict[str, dict[str, str | None]] = {
        "no token": {"x-csrf-token": None},
        "foreign token": {"x-csrf-token": desk[BEA].signed.principal.csrf},
        "foreign origin": {"origin": "https://evil.example"},
        "origin of another program here": {"origin": "http://127.0.0.1:9999"},
        "null origin": {"origin": "null"},
        "no origin": {"origin": None},
        "cross-site": {"sec-fetch-site": "cross-site"},
        "foreign host": {"host": "evil.example"},
        "no cookie": {"cookie": None},
    }
    wrong = []
    for method, path in [*API_ROUTES, *PAGE_ROUTES]:
        if method not in UNSAFE:
            continue
        for what, headers in forged.items():
            answer = await desk[ADA].ask(method, filled(path), headers)
            expected = {"foreign host": {421}, "no cookie": {401, 303}}.get(what, {403})
            if answer.status_code not in expected:
                wrong.append((method, path, what, answer.status_code))
    assert wrong == []


async def test_foreign_hosts_are_refused_for_reading_too(desk):
    wrong = [
        (method, path)
        for method, path in ROUTES
        if (await desk[ADA].ask(method, filled(path), {"host": "evil.example"})).status_code != 421
    ]
    assert wrong == []


async def test_agents_are_no_administrators_anywhere(desk):
    wrong = []
    for (method, path), case in API.items():
        if case.reach == "admin":
            answer = await desk[LEA].ask(method, "/api/v1" + filled(path) + case.query, json=case.body)
            if answer.status_code != 403:
                wrong.append((method, path, answer.status_code))
    for method, path in PAGE_ROUTES:
        if path.startswith("/admin"):
            form = {"data": {"address": BEA, "disabled": "1", "role": "admin"}} if method == "POST" else {}
            answer = await desk[LEA].ask(method, filled(path), **form)
            if answer.status_code not in {403, 422}:
                wrong.append((method, path, answer.status_code))
    assert wrong == []


async def test_tickets_of_others_look_like_tickets_that_do_not_exist(desk):
    wrong = []
    for (method, path), case in API.items():
        if case.reach != "ticket":
            continue
        options: dict[str, Any] = {"files": case.files} if case.files else {"json": case.body}
        theirs = await desk[BEA].ask(method, "/api/v1" + filled(path), **options)
        missing = await desk[BEA].ask(method, "/api/v1" + filled(path.replace("{number}", "4711")), **options)
        if (theirs.status_code, theirs.content) != (404, missing.content) or missing.status_code != 404:
            wrong.append((method, path, theirs.status_code, theirs.text))
    assert wrong == []


async def test_pages_of_others_tickets_look_missing_too(desk):
    wrong = []
    for method, path in PAGE_ROUTES:
        if method == "GET" and path.startswith("/tickets/{number}"):
            answer = await desk[BEA].ask(method, filled(path))
            if answer.status_code != 404:
                wrong.append((method, path, answer.status_code))
    assert wrong == []


@pytest.mark.parametrize("who", [LEA, ADA])
async def test_who_may_ask_gets_an_answer_and_never_an_error_of_ours(desk, who):
    wrong = []
    for (method, path), case in sorted(API.items(), key=lambda item: item[0] == ("DELETE", "/session")):
        if path == "/events" or (case.reach == "admin" and who == LEA):
            continue
        options: dict[str, Any] = {"files": case.files} if case.files else {"json": case.body}
        answer = await desk[who].ask(method, "/api/v1" + filled(path) + case.query, **options)
        if (
            answer.status_code >= 500
            or answer.status_code in {403, 405}
            or (answer.status_code == 401 and path != "/session/password")
        ):
            wrong.append((method, path, answer.status_code, answer.text))
    assert wrong == []
