"""500 payloads in eight fields of mails, shown by every page that shows mails: nothing runs, nothing is fetched."""

from __future__ import annotations

import re
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice

import httpx
import pytest
from playwright.sync_api import Dialog, Page, Route

from tests.support.payloads import CANARY_CALL, CANARY_URL, payloads

pytestmark = pytest.mark.xdist_group("browser")
COUNT, TOGETHER, ON_A_LIST = 500, 25, 50
BREAKOUTS = ("\"'>", "</textarea>", "</title></style></script>", "--><!-- -->", "{{ 7*7 }}{% raw %}", "\u202e</option>")

OPEN_ALL = """async () => {
    const frames = [...document.querySelectorAll("iframe")];
    const loaded = frames.map((one) => new Promise((done) => {
        one.addEventListener("load", done, { once: true });
        setTimeout(done, 5000);
    }));
    for (const one of document.querySelectorAll("details")) one.open = true;
    for (const one of frames) one.loading = "eager";
    await Promise.all(loaded);
}"""


def hostile() -> list[str]:
    """Return 500 payloads: the known ones, and the first of them behind what ends the place where they stand."""
    known = ["".join(sign for sign in text if sign.isprintable()) for text in payloads()]
    combined = (breakout + text for breakout in BREAKOUTS for text in known[::5])
    return list(islice(dict.fromkeys(chain(known, combined)), COUNT))


def encoded(text: str) -> str:
    """Return encoded words (RFC 2047) of at most 75 characters, folded."""
    octets = [text[start : start + 8] for start in range(0, len(text), 8)]
    return "\r\n ".join(f"=?utf-8?B?{b64encode(part.encode()).decode()}?=" for part in octets)


def hostile_mail(index: int, payload: str) -> bytes:
    """Return a mail with the payload in subject, name, both bodies, file name, type and content id."""
    ascii_only = payload.encode("ascii", "replace").decode()
    name = b64encode(payload.encode()).decode()
    return (
        f"From: {encoded(payload)}\r\n <c{index}@c{index}.example>\r\n"
        f"To: support@example.org\r\nSubject: {encoded(f'{index} {payload}')}\r\n"
        f"Message-ID: <hostile-{index}@c{index}.example>\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/mixed; boundary="m"\r\n\r\n'
        '--m\r\nContent-Type: multipart/alternative; boundary="a"\r\n\r\n'
        f"--a\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{payload}\r\n"
        f"--a\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>x</p>{payload}\r\n--a--\r\n"
        f'--m\r\nContent-Type: image/png; x="{ascii_only}"\r\nContent-ID: <{ascii_only}>\r\n'
        f'Content-Disposition: attachment; filename="=?utf-8?B?{name}?="\r\n\r\nnot a picture\r\n'
        f"--m\r\nContent-Type: text/{ascii_only}\r\nContent-Disposition: attachment; filename=page.html\r\n\r\n"
        f"{payload}\r\n--m--\r\n"
    ).encode()


def test_no_payload_runs_or_fetches(house, sign_in):
    wanted = hostile()
    assert len(wanted) == COUNT
    first = max((row["number"] for row in house.daemon.rows("tickets")), default=0) + 1
    with ThreadPoolExecutor(4) as hands:
        list(hands.map(lambda item: house.deliver(hostile_mail(*item)), enumerate(wanted)))
    house.settle()

    page: Page = sign_in("lea@example.org")
    foreign: list[str] = []
    ran: list[str] = []
    served: list[str] = []

    def stop(route: Route) -> None:
        foreign.append(route.request.url)
        route.abort()

    page.context.route(re.compile(f"^(?!{re.escape(house.address)}/)"), stop)
    page.on("requestfinished", lambda request: served.append(request.url))

    def refuse(dialog: Dialog) -> None:
        ran.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", refuse)
    mail_tickets = [row["number"] for row in house.daemon.rows("tickets") if row["number"] >= first]
    assert len(mail_tickets) == COUNT

    headers = {"Origin": house.address, "X-CSRF-Token": str(page.locator("meta[name=csrf]").get_attribute("content"))}
    headers["Cookie"] = "; ".join(f"{one['name']}={one['value']}" for one in page.context.cookies())

    http = httpx.Client(base_url=house.address, headers=headers, timeout=60)

    def post(path: str, **form: str) -> int:
        return http.post(path, data=form).status_code

    with ThreadPoolExecutor(4) as hands:
        tags = hands.map(
            lambda item: post(f"/tickets/{item[0]}/change", add=item[1]), zip(mail_tickets, wanted, strict=True)
        )
        assert set(tags) <= {303, 422}

    def look() -> None:
        if page.evaluate("'pwned' in window"):
            ran.append(page.url)

    # subject, name, first words and tag in lists
    lines = 0
    page.goto("/?queue=support&show=all&order=created")
    while True:
        lines += page.locator(".line").count()
        look()
        older = page.locator("a[rel=next]")
        if not older.count():
            break
        older.click()
        page.wait_for_load_state()
    assert lines >= COUNT
    page.goto("/search?q=script")
    look()

    # the rest on tickets, twenty-five mails on each; every mail's own HTML in its frame
    groups = [mail_tickets[start : start + TOGETHER] for start in range(0, COUNT, TOGETHER)]
    with ThreadPoolExecutor(4) as hands:
        moves = [(other, home) for home, *others in groups for other in others]
        assert set(hands.map(lambda move: post(f"/tickets/{move[0]}/merge", other=str(move[1])), moves)) == {303}
    http.close()
    shown = 0
    for home, *_ in groups:
        page.goto(f"/tickets/{home}")
        shown += page.locator("article.customer").count()
        page.evaluate(OPEN_ALL)
        look()
    page.goto("/admin/trace")
    look()

    assert shown == COUNT
    assert sum(url.endswith("/html") for url in served) > COUNT * 0.5
    assert ran == []
    assert foreign == []


def test_the_watch_would_see_an_execution_and_a_request(sign_in):
    """The two traps are good ones: a page without our policy runs the first payloads, and asks for what it names."""
    page = sign_in("lea@example.org")
    asked: list[str] = []

    def note(route: Route) -> None:
        asked.append(route.request.url)
        route.abort()

    page.context.route("**/*", note)
    page.goto("about:blank")
    page.set_content(f"<script>{CANARY_CALL}</script><img src='{CANARY_URL}x.gif'>")
    assert page.evaluate("'pwned' in window")
    assert any(url.startswith(CANARY_URL) for url in asked)
