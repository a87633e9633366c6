"""The API as clients meet it: cookies, tokens, problems, idempotency keys, files that never become documents."""

from __future__ import annotations

import asyncio
import time

import pytest

from gateway.desk import Scope, Words
from gateway.http.sessions import machine_token
from tests.support.desk import ADA, BEA, KEY, LEA, PASSWORD
from tests.support.site import ORIGIN, browsers

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
PNG = b"\x89PNG\r\n\x1a\n" + bytes(24)


async def bearer(office, principal, *scopes):
    _, text = await office.desk.accounts.add_token(principal, "t", scopes)
    return {"authorization": f"Bearer {text}", "origin": None}


# --- sessions and tokens --------------------------------------------------------------------------------------


async def test_signing_in_sets_a_strict_cookie_that_works_with_its_csrf_token(office, browser):
    stranger = await browser()
    answer = await stranger.ask("POST", "/api/v1/session", json={"address": LEA, "password": PASSWORD})
    cookie = answer.headers["set-cookie"]
    secret = cookie.partition("=")[2].partition(";")[0]
    sent = {"cookie": f"poterne={secret}", "x-csrf-token": answer.json()["csrf"]}
    who = await stranger.ask("GET", "/api/v1/session", sent)
    out = await stranger.ask("DELETE", "/api/v1/session", sent)

    assert answer.status_code == 201
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert "Secure" not in cookie
    assert who.json()["agent"]["address"] == LEA
    assert out.status_code == 204
    assert (await stranger.ask("GET", "/api/v1/session", sent)).status_code == 401


async def test_over_tls_the_cookie_is_secure_and_bound_to_the_host(browser):
    stranger = await browser()
    headers = {"origin": "https://tickets.example.org", "host": "tickets.example.org"}
    answer = await stranger.ask("POST", "/api/v1/session", headers, json={"address": LEA, "password": PASSWORD})

    assert answer.headers["set-cookie"].startswith("__Host-poterne=")
    assert "; Secure" in answer.headers["set-cookie"]


async def test_a_wrong_password_is_401_and_too_many_are_429(browser):
    stranger = await browser()
    body = {"address": LEA, "password": "wrong password"}
    statuses = [(await stranger.ask("POST", "/api/v1/session", json=body)).status_code for _ in range(5)]
    answer = await stranger.ask("POST", "/api/v1/session", json=body)

    assert [*statuses, answer.status_code] == [401] * 5 + [429]
    assert int(answer.headers["retry-after"]) > 0
    assert answer.headers["content-type"] == "application/problem+json"


async def test_tokens_need_no_csrf_and_do_only_what_their_scopes_say(office, browser):
    ticket = await office.ticket()
    stranger = await browser()
    reads = await bearer(office, office.lea, Scope.READ)
    writes = await bearer(office, office.lea, Scope.READ, Scope.WRITE)
    path, body = f"/api/v1/tickets/{ticket}", {"priority": "high"}

    assert (await stranger.ask("GET", path, reads)).status_code == 200
    assert (await stranger.ask("PATCH", path, reads, json=body)).status_code == 403
    assert (await stranger.ask("PATCH", path, writes, json=body)).status_code == 200
    assert (await stranger.ask("GET", path, {"authorization": "Bearer poterne_x"})).status_code == 401
    assert (await stranger.ask("GET", path, {"authorization": "Basic eA=="})).status_code == 401


async def test_this_machines_token_reads_everything_but_only_from_this_machine(office):
    await office.ticket()
    headers = {"authorization": f"Bearer {machine_token(KEY)}", "origin": None}
    async with browsers(office) as near, browsers(office, peer="192.0.2.1") as far:
        here = await (await near()).ask("GET", "/api/v1/intakes", headers)
        away = await (await far()).ask("GET", "/api/v1/intakes", headers)
        write = await (await near()).ask("POST", "/api/v1/tickets/1/notes", headers, json={"text": "x"})

    assert (here.status_code, away.status_code, write.status_code) == (200, 401, 403)


async def test_a_proxys_word_counts_only_if_configured_and_from_this_machine(office, monkeypatch):
    agents = office.settings.agents.model_copy(update={"trusted_proxy_header": "X-Agent"})
    trusting = office.settings.model_copy(update={"agents": agents})
    named = {"x-agent": LEA}
    async with browsers(office) as near:
        assert (await (await near()).ask("GET", "/api/v1/session", named)).status_code == 401
    object.__setattr__(office.desk, "settings", lambda: trusting)
    async with browsers(office) as near, browsers(office, peer="192.0.2.1") as far:
        stranger = await near()
        who = await stranger.ask("GET", "/api/v1/session", named)
        forged = await stranger.ask("POST", "/api/v1/tokens", named, json={"name": "t", "scopes": ["read"]})
        meant = await stranger.ask(
            "POST",
            "/api/v1/tokens",
            named | {"x-csrf-token": who.json()["csrf"]},
            json={"name": "t", "scopes": ["read"]},
        )
        assert (await (await far()).ask("GET", "/api/v1/session", named)).status_code == 401
        assert (await stranger.ask("GET", "/api/v1/session", {"x-agent": "x@example.org"})).status_code == 401

    assert who.json()["agent"]["address"] == LEA
    assert (forged.status_code, meant.status_code) == (403, 201)


# --- idempotency ----------------------------------------------------------------------------------------------


async def test_a_write_that_is_repeated_with_its_key_happens_once(office, browser):
    ticket = await office.ticket()
    lea = await browser(LEA)
    path = f"/api/v1/tickets/{ticket}/replies"
    key = {"idempotency-key": "abc"}
    first = await lea.ask("POST", path, key, json={"text": "Hello"})
    second = await lea.ask("POST", path, key, json={"text": "Hello"})
    other = await lea.ask("POST", path, key, json={"text": "Something else"})
    third = await lea.ask("POST", path, {"idempotency-key": "abd"}, json={"text": "Hello"})

    assert first.status_code == second.status_code == 202
    assert second.json() == first.json()
    assert second.headers["idempotency-replayed"] == "true"
    assert other.status_code == 422
    assert third.json()["outgoing"] != first.json()["outgoing"]
    page = await office.desk.tickets.page(office.lea, ticket)
    assert sum(moment.kind == "agent" for moment in page.moments) == 2


async def test_repeats_at_the_same_time_happen_once(office, browser):
    ticket = await office.ticket()
    lea = await browser(LEA)
    asked = [
        lea.ask("POST", f"/api/v1/tickets/{ticket}/notes", {"idempotency-key": "k"}, json={"text": "Once"})
        for _ in range(5)
    ]
    statuses = {answer.status_code for answer in await asyncio.gather(*asked)}

    assert statuses <= {201, 409}
    page = await office.desk.tickets.page(office.lea, ticket)
    assert sum(moment.kind == "note" for moment in page.moments) == 1


async def test_a_write_that_failed_may_be_tried_again_with_its_key(office, browser):
    ticket = await office.ticket()
    lea = await browser(LEA)
    path, key = f"/api/v1/tickets/{ticket}/notes", {"idempotency-key": "k"}

    assert (await lea.ask("POST", path, key, json={"text": " "})).status_code == 422
    assert (await lea.ask("POST", path, key, json={"text": "Now"})).status_code == 201
    for bad in ("", "x" * 201, "a\tb"):
        answer = await lea.ask("POST", path, {"idempotency-key": bad}, json={"text": "x"})
        assert answer.status_code == 422


# --- tickets --------------------------------------------------------------------------------------------------


async def test_a_ticket_is_read_changed_and_answered(office, browser):
    ticket = await office.ticket()
    lea = await browser(LEA)
    shown = (await lea.get(f"/api/v1/tickets/{ticket}")).json()
    version = shown["ticket"]["version"]
    changed = await lea.ask("PATCH", f"/api/v1/tickets/{ticket}", json={"assignee": "me", "version": version})
    stale = await lea.ask("PATCH", f"/api/v1/tickets/{ticket}", json={"priority": "low", "version": version})
    reply = await lea.ask("POST", f"/api/v1/tickets/{ticket}/replies", json={"text": "Hello", "status": "solved"})
    undone = await lea.ask("POST", f"/api/v1/tickets/{ticket}/replies/{reply.json()['outgoing']}/undo")
    mine = (await lea.get("/api/v1/tickets?assignee=me&status=new&status=open")).json()

    assert [entry["text"] for entry in shown["entries"]] == ["The total on page 2."]
    assert changed.json() == {"version": version + 1}
    assert stale.status_code == 409
    assert stale.json()["detail"]
    assert undone.json() == {"text": "Hello"}
    assert [line["number"] for line in mine["items"]] == [ticket]


async def test_a_file_goes_out_through_a_draft(office, browser):
    ticket = await office.ticket()
    lea = await browser(LEA)
    upload = {"file": ("offer.pdf", b"%PDF-1.4", "application/pdf")}
    made = await lea.ask("POST", f"/api/v1/tickets/{ticket}/drafts/reply/files", files=upload)
    reply = await lea.ask("POST", f"/api/v1/tickets/{ticket}/replies", json={"text": "See there"})
    file = await lea.get(f"/api/v1/tickets/{ticket}/files/sent/{reply.json()['outgoing']}/0")

    assert (made.status_code, made.json()["filename"]) == (201, "offer.pdf")
    assert file.content == b"%PDF-1.4"


async def test_files_are_downloads_whatever_they_claim_to_be(office, browser):
    names = {
        "page.html": ("text/html", b"<script>1</script>"),
        "x.svg": ("image/svg+xml", SVG),
        "p.png": ("image/png", PNG),
    }
    names["fake.png"] = ("image/png", b"<html><script>1</script>")
    ticket = await office.ticket(files=tuple((name, kind, content) for name, (kind, content) in names.items()))
    lea = await browser(LEA)
    shown = (await lea.get(f"/api/v1/tickets/{ticket}")).json()
    seen = {}
    for file in shown["entries"][0]["files"]:
        for wish in ("false", "true"):
            answer = await lea.get(f"/api/v1/tickets/{ticket}/files/mail/{file['id']}/0?inline={wish}")
            seen[file["filename"], wish] = answer
            assert answer.content == names[file["filename"]][1]
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "sandbox" in answer.headers["content-security-policy"]

    for (name, wish), answer in seen.items():
        inline = answer.headers["content-disposition"].startswith("inline")
        assert inline == (name == "p.png" and wish == "true")
        assert answer.headers["content-type"] == ("image/png" if inline else "application/octet-stream")


async def test_inline_images_have_signed_addresses_that_end(office, browser, monkeypatch):
    html = '<p>Hi <img src="cid:p.png"><img src="cid:x.svg"></p>'
    files = (("p.png", "image/png", PNG), ("x.svg", "image/svg+xml", SVG))
    ticket = await office.receive(office.mail(html=html, files=files))
    lea, stranger = await browser(LEA), await browser()
    entry = (await lea.get(f"/api/v1/tickets/{ticket}")).json()["entries"][0]
    frame = await lea.get(f"/api/v1/tickets/{ticket}/entries/{entry['id']}/html")
    address = frame.text.partition('src="')[2].partition('"')[0]
    image = await stranger.get(address)
    # not the last character of the signature: some of its bits are padding
    forged = address[:-5] + ("A" if address[-5] != "A" else "B") + address[-4:]

    assert "sandbox" in frame.headers["content-security-policy"]
    assert frame.text.count("src=") == 1
    assert (image.status_code, image.content) == (200, PNG)
    assert image.headers["content-type"] == "image/png"
    assert (await stranger.get(forged)).status_code in {303, 404}
    later = time.time() + 601
    monkeypatch.setattr("time.time", lambda: later)
    assert (await stranger.get(address)).status_code in {303, 404}


async def test_listings_of_administrators_are_paged(office, browser):
    for number in range(3):
        ticket = await office.ticket(f"T{number}")
        await office.desk.writing.reply(office.lea, ticket, Words("Hello"))
    ada = await browser(ADA)
    for listing in ("intakes", "outbox"):
        seen, cursor = [], ""
        while True:
            page = (await ada.get(f"/api/v1/{listing}?limit=2{cursor}")).json()
            seen += [row["id"] for row in page["items"]]
            if page["next"] is None:
                break
            cursor = f"&cursor={page['next']}"
        assert seen == [3, 2, 1]


async def test_the_document_names_every_problem_and_type(browser):
    document = (await (await browser()).get("/api/v1/openapi.json")).json()

    assert document["info"]["title"] == "Poterne"
    reply = document["paths"]["/api/v1/tickets/{number}/replies"]["post"]
    assert set(reply["responses"]) >= {"202", "401", "403", "404", "409", "422", "503"}
    assert document["components"]["schemas"]["TicketLine"]["properties"]["created_at"]["format"] == "date-time"
    assert not [path for path in document["paths"] if path.startswith("/tickets")]


@pytest.mark.parametrize(
    "path", ["/api/v1/nowhere", "/api/v1/tickets/0", "/api/v1/tickets/x", "/api/v1/tickets?limit=0"]
)
async def test_errors_are_problem_details(browser, path):
    answer = await (await browser(BEA)).get(path)

    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code in {404, 422}
    assert ORIGIN not in answer.text
