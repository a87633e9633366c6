"""Pages over a real store: what they show, what they refuse, and how much they weigh."""

from __future__ import annotations

import gzip
import re

from structlog.testing import capture_logs

from gateway.desk.nouns import Agent, Principal
from tests.support.desk import ADA, LEA, TOM

ADMIN = ("", "/outbox", "/quarantine", "/trace", "/trace?q=1", "/limits", "/blocklist", "/suppressions", "/agents")
OWN = (
    "/",
    "/?show=all",
    "/?assignee=me",
    "/search?q=invoice",
    "/search",
    "/notices",
    "/canned",
    "/account",
    "/password",
)


def found(pattern: str, text: str) -> str:
    """Return the first group, or the whole, of what must be there."""
    match = re.search(pattern, text)
    assert match, pattern
    return match[match.lastindex or 0]


PAYLOAD = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7*7 }}"


async def test_every_page_opens(office, browser):
    number = await office.ticket()
    ada = await browser(ADA)
    for path in (*OWN, *(f"/admin{path}" for path in ADMIN), "/admin/configuration", f"/tickets/{number}"):
        answer = await ada.get(path)
        assert answer.status_code == 200, path
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'nonce-")
        assert "unsafe" not in policy


async def test_a_hit_of_a_search_stands_beside_the_name_of_its_own_author(office, browser):
    number = await office.ticket(text="The zebra is late.")
    await office.desk.writing.note(office.tom, number, "Ask the giraffe department.")
    lea = await browser(LEA)

    words = {
        path: found(r'<span class="words">(.*?)</span>', (await lea.get(path)).text)
        for path in ("/", "/search?q=zebra", "/search?q=giraffe")
    }

    assert "<bdi>Tom Weber:</bdi> <bdi>Ask the giraffe department.</bdi>" in words["/"]
    assert words["/search?q=giraffe"] == words["/"]
    assert words["/search?q=zebra"].endswith("<b><bdi>Marie Durand</bdi></b> <bdi>The zebra is late.</bdi>")


async def test_a_long_conversation_is_folded_in_its_middle(office, browser):
    number = await office.ticket(files=(("plan.txt", "text/plain", b"plan"), ("run.js", "text/javascript", b"x()")))
    for index in range(30):
        await office.desk.writing.note(office.lea, number, f"note {index}")
    page = (await (await browser(LEA)).get(f"/tickets/{number}")).text
    before, fold, rest = page.partition('<details class="earlier"><summary>')
    folded, _, after = rest.partition("note 18")

    assert fold
    assert "18 earlier entries" in folded
    assert "The total on page 2." in before
    assert "note 17" in folded
    assert "</details>" in folded[folded.index("note 17") :]
    assert after.count("note 29") == 1
    assert page.count(">can run a program<") == 1


async def test_a_change_stands_beside_another_one_and_never_over_it(office, browser):
    number = await office.ticket()
    lea, tom = await browser(LEA), await browser(TOM)
    seen = dict(re.findall(r'name="(version|was-\w+)" value="([^"]*)"', (await lea.get(f"/tickets/{number}")).text))
    form = {name.removeprefix("was-"): value for name, value in seen.items() if name != "version"}

    async def save(who, **changed):
        return (await who.ask("POST", f"/tickets/{number}/change", data=seen | form | changed)).status_code

    async def line():
        return (await office.desk.tickets.page(office.lea, number)).line

    assert await save(tom, priority="high") == 303
    assert await save(lea, assignee=LEA, due="2026-03-09T10:00") == 303  # Tom's priority stands
    assert (await line()).priority == "high"
    assert (await line()).assignee == LEA
    assert await save(tom, assignee=TOM) == 409
    assert await save(tom, due="") == 303  # as Tom saw it: nothing to do
    assert await save(tom, due="2026-03-10T10:00") == 409
    assert await save(tom, status="solved") == 409  # something happened on the ticket: judge again
    assert (await line()).assignee == LEA
    assert (await line()).status == "new"


async def test_a_list_says_whose_the_last_words_are(office, browser):
    number = await office.ticket()
    lea = await browser(LEA)
    first = (await lea.get("/")).text
    await office.desk.writing.note(office.tom, number, "Ask accounting")
    second = (await lea.get("/")).text

    assert "<bdi>Marie Durand</bdi></b> <bdi>The total on page 2.</bdi>" in first
    assert "<bdi>Marie Durand</bdi></b> <bdi>Tom Weber:</bdi> <bdi>Ask accounting</bdi>" in second


async def test_what_does_not_fit_leads_back_to_its_list(browser):
    ada = await browser(ADA)
    backs = {"/admin/blocklist": "/admin/blocklist", "/admin/channels/relay/resume": "/admin", "/admin": "/admin"}
    for path, back in backs.items():
        answer = await ada.ask("POST", path, data={"pattern": "*"})
        assert answer.status_code in {404, 405, 422}
        assert f'href="{back}">Back</a>' in answer.text


async def test_a_refused_reply_keeps_all_that_was_given(office, browser):
    number = await office.ticket()
    lea = await browser(LEA)
    form = {"text": "Hello", "to": "marie@customer.example", "cc": "", "bcc": "archive@example.net", "version": "1"}
    await office.desk.writing.note(office.tom, number, "wait")
    files = {"file": ("a.txt", b"x", "text/plain")}
    refused = await lea.ask("POST", f"/tickets/{number}/reply", data=form, files=files)
    assert refused.status_code == 409
    assert 'value="archive@example.net"' in refused.text
    assert ">Hello</textarea>" in refused.text
    assert "a.txt" in refused.text

    version = found(r'name="version" value="(\d+)"', refused.text)
    sent = await lea.ask("POST", f"/tickets/{number}/reply", data=form | {"version": version})
    assert sent.status_code == 303
    rows = await office.store.list_outbox()
    assert sorted(row.recipient for row in rows) == ["archive@example.net", "marie@customer.example"]
    assert "download><bdi>a.txt</bdi>" in (await lea.get(f"/tickets/{number}")).text


async def test_each_answer_has_a_nonce_of_its_own(office, browser):
    lea = await browser(LEA)
    nonces = {found(r"nonce-([\w-]+)", (await lea.get("/")).headers["content-security-policy"]) for _ in range(5)}
    assert len(nonces) == 5


async def test_an_agent_sees_no_administration(office, browser):
    lea = await browser(LEA)
    assert "/admin" not in (await lea.get("/")).text
    for path in (*ADMIN, "/configuration"):
        answer = await lea.get(f"/admin{path}")
        assert answer.status_code == 403
        assert "only administrators may do this" in answer.text or "scope" in answer.text


async def test_strangers_are_asked_to_sign_in_and_come_back(office, browser):
    nobody = await browser()
    answer = await nobody.get("/tickets/3?x=1")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=%2Ftickets%2F3%3Fx%3D1"
    page = await nobody.get("/sign-in?next=//evil.test")
    assert 'name="next" value="/"' in page.text


async def test_what_mails_contain_is_shown_and_never_run(office, browser):
    number = await office.ticket(PAYLOAD, PAYLOAD, author='"<script>alert(3)</script>" <marie@customer.example>')
    lea = await browser(LEA)
    await lea.ask("POST", f"/tickets/{number}/change", data={"add": "<script>tag</script>"})
    for path in (f"/tickets/{number}", "/", "/search?q=alert"):
        text = (await lea.get(path)).text
        assert "<script>" not in text
        assert "<img src=x" not in text
        assert "{{ 7*7 }}" in text


async def test_a_reply_that_cannot_be_sent_is_not_lost(office, browser):
    number = await office.ticket()
    lea = await browser(LEA)
    answer = await lea.ask("POST", f"/tickets/{number}/reply", data={"text": "My <b>words</b>", "version": "999"})
    assert answer.status_code == 409
    assert "My &lt;b&gt;words&lt;/b&gt;" in answer.text
    assert "Something happened on this ticket while you were writing" in answer.text
    empty = await lea.ask("POST", f"/tickets/{number}/note", data={"text": "  "})
    assert empty.status_code == 422
    assert "the note is empty" in empty.text


async def test_a_reply_can_be_taken_back_and_is_a_draft_again(office, browser):
    number = await office.ticket()
    lea = await browser(LEA)
    sent = await lea.ask("POST", f"/tickets/{number}/reply", data={"text": "Dear Marie"})
    assert sent.status_code == 303
    page = (await lea.get(f"/tickets/{number}")).text
    undo = re.search(rf"/tickets/{number}/outgoing/(\d+)/undo", page)
    assert undo
    assert (await lea.ask("POST", undo[0])).status_code == 303
    page = (await lea.get(f"/tickets/{number}")).text
    assert ">Dear Marie</textarea>" in page
    assert "taken back, was never sent" in page


async def test_the_page_says_who_gets_a_reply_and_how(office, browser):
    number = await office.ticket()
    page = (await (await browser(LEA)).get(f"/tickets/{number}")).text
    assert "Send to Marie Durand" in page
    assert "marie@customer.example" in page
    assert "via relay" in page
    assert "Save note for the team" in page
    assert "never mailed to anybody" in page
    assert "Why was this not acknowledged?" in page


async def test_times_are_exact_for_those_who_ask(office, browser, clock):
    number = await office.ticket()
    lea = await browser(LEA)
    await lea.ask("POST", "/account/preferences", data={"locale": "fr", "zone": "Europe/Paris", "signature": ""})
    clock.move(minutes=5)
    page = (await lea.get(f"/tickets/{number}")).text
    assert '<html lang="fr">' in page
    assert "Envoyer à Marie Durand" in page
    assert re.search(r'<time datetime="2026-03-02T09:00:00\+00:00" title="2026-03-02 10:00 CET">5 min</time>', page)


async def test_views_and_many_at_once(office, browser):
    first, second = await office.ticket("One"), await office.ticket("Two")
    lea = await browser(LEA)
    done = await lea.ask(
        "POST",
        "/tickets/bulk",
        data={"number": [str(first), str(second)], "status": "solved", "tag": "vip", "back": "/"},
    )
    assert done.status_code == 303
    kept = await lea.ask("POST", "/views", data={"name": "My VIPs", "address": "/?show=solved&tag=vip"})
    page = (await lea.get(kept.headers["location"])).text
    assert "My VIPs" in page
    assert f"/tickets/{first}" in page
    assert f"/tickets/{second}" in page
    failed = await lea.ask("POST", "/tickets/bulk", data={"number": "99999", "status": "open", "back": "//evil.test"})
    assert failed.status_code == 200
    assert "evil.test" not in failed.text


async def test_a_full_list_weighs_little(office, browser):
    for index in range(50):
        await office.ticket(
            f"A subject of a usual length, number {index}",
            "Some words of the message. " * 20,
            author=f"Customer {index} <c{index}@customer{index}.example>",
        )
    lea = await browser(LEA)
    page = (await lea.get("/")).content
    assert page.count(b'<li class="line') == 50
    style = await lea.get(found(r"/static/\w+/style\.css", page.decode()))
    script = await lea.get(found(r"/static/\w+/desk\.js", page.decode()))
    parts = (page, style.content, script.content)
    weight = sum(len(gzip.compress(part)) for part in parts)
    assert weight < 60_000, weight
    assert weight < 25_000, "the list has grown; look at what was added"


async def test_mail_html_is_a_document_of_nobody(office, browser):
    html = '<p onclick="alert(1)">Hello<img src="https://tracker.test/x.png"><script>alert(2)</script></p>'
    number = await office.ticket(html=html)
    lea = await browser(LEA)
    page = (await lea.get(f"/tickets/{number}")).text
    frame = found(r"<iframe[^>]*>", page)
    assert "allow-scripts" not in frame
    assert "allow-same-origin" not in frame
    address = found(r'src="([^"]+)"', frame)
    body = await lea.get(address)
    policy = body.headers["content-security-policy"]
    assert "sandbox allow-popups" in policy
    assert "img-src 'self'" in policy
    assert "https:" not in policy
    assert "onclick" not in body.text
    assert "<script" not in body.text
    assert ' src="https://tracker.test' not in body.text
    asked = await lea.get(address + "?remote=true")
    assert ' src="https://tracker.test' in asked.text


async def test_a_failure_of_ours_is_a_calm_page_with_the_id_of_its_cause(office, browser, monkeypatch):
    async def broken(*_args: object) -> None:
        raise RuntimeError("secret cause")

    for name in ("side", "views"):
        monkeypatch.setattr(office.desk.shelf, name, broken)
    lea = await browser(LEA)
    with capture_logs() as logged:
        page = await lea.get("/", headers={"accept-language": "fr"})
        problem = await lea.get("/api/v1/views")

    on_page, on_api = [event["error_id"] for event in logged if event["event"] == "http.failed"]
    assert (page.status_code, problem.status_code) == (500, 500)
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["content-security-policy"].startswith("default-src 'none'; script-src 'nonce-")
    assert f"<code>{on_page}</code>" in page.text
    assert "L'erreur vient de nous" in page.text
    assert problem.headers["content-type"] == "application/problem+json"
    assert problem.json() == {"title": "internal error", "status": 500, "instance": on_api}
    assert "secret cause" not in page.text + problem.text


async def test_a_failure_of_the_page_about_failures_leaves_a_problem(office, browser, monkeypatch):
    def broken() -> None:
        raise RuntimeError("secret cause")

    lea = await browser(LEA)
    monkeypatch.setattr(office.desk.clock, "now", broken)
    answer = await lea.get("/")

    assert answer.status_code == 500
    assert answer.json()["title"] == "internal error"
    assert "secret cause" not in answer.text


async def test_static_files_are_kept_by_their_content(office, browser):
    nobody = await browser()
    address = found(r"/static/\w+/style\.css", (await nobody.get("/sign-in")).text)
    answer = await nobody.get(address, headers={"accept-encoding": "gzip"})
    assert answer.headers["cache-control"].endswith("immutable")
    assert (await nobody.get("/static/old/style.css")).headers["cache-control"] == "no-cache"
    assert (await nobody.get("/static/x/secret")).status_code == 404


def test_an_account_without_a_list_of_queues_sees_all():
    assert Principal(Agent(1, "a@example.org", "A", "agent"), frozenset()).reach.queues is None
    assert Principal(Agent(1, "a@example.org", "A", "agent", ()), frozenset()).reach.queues == ()
