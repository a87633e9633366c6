"""Our letters in a browser engine, narrow and wide: nothing sticks out, nothing is fetched, the queue's look shows."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, sync_playwright

from gateway.mail import letters
from gateway.mail.letters import Look, Quoted
from gateway.mail.preview import KINDS, LOCALES, SAMPLE, preview
from gateway.model import Draft, Mailbox, OutgoingFile, OutgoingId, ParsedMail, TicketId
from tests.support.drafts import DATE, KEYS
from tests.support.letterheads import make_letterhead

pytestmark = pytest.mark.xdist_group("outbound-screens")
ACCENT = "#c2185b"
WIDTHS = (320, 600, 1280)
SHOTS = Path(__file__).parents[2] / "build" / "letters"
Scheme = Literal["light", "dark"]
OF_PAGES = ("region", "landmark-one-main", "page-has-heading-one")  # rules of web pages; a letter is no page


def make_png(width: int, height: int) -> bytes:
    """Return a picture of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + b"\x20\x60\xa0" * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


LOGO = OutgoingFile("logo.png", "image/png", make_png(900, 120), "logo@tickets.example.org")
SMALL = OutgoingFile("logo.png", "image/png", make_png(220, 48), "logo@tickets.example.org")


def every_letter(locale: str) -> dict[str, Draft]:
    head = make_letterhead(
        Look(accent=ACCENT, signature="The team", header="Example", footer="1 Street", locale=locale, logo=LOGO)
    )
    ada, ticket = Mailbox("Ada", "ada@example.com"), TicketId(1042)
    long = "Unbroken" * 60 + "\n\nhttps://example.org/" + "path/" * 60
    return {
        "acknowledgement": letters.acknowledgement(head, ada, ParsedMail(), ticket, OutgoingId(1), KEYS),
        "reply": letters.reply(
            head, [ada], "The printer", f"Hello Ada,\n\nit is mended.\n\n{long}", ticket=ticket, outgoing=OutgoingId(2),
            keys=KEYS, history=[Quoted("Ada", DATE, f"It burns.\n\n{long}"), Quoted("Example", DATE, "Which one?")],
        ),
        "solved": letters.notice(head, ada, "solved", ticket=ticket, outgoing=OutgoingId(3), keys=KEYS),
        "alert": letters.alert(
            head, ada, "New mail", ticket=ticket, outgoing=OutgoingId(4), keys=KEYS, subject="The printer",
            author="Ada <ada@example.com>", text=long, url="https://tickets.example.org/t/1042",
        ),
    }  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(java_script_enabled=True)
    yield page
    page.close()


def show(page: Page, draft: Draft, width: int) -> list[str]:
    """Show a letter as a mail program would, its inline pictures filled in; return what it asked the network for."""
    asked: list[str] = []

    def refuse(route: Route) -> None:
        asked.append(route.request.url)
        route.abort()

    page.route("**/*", refuse)
    html = draft.html or ""
    for file in draft.files:
        data = f"data:{file.content_type};base64,{base64.b64encode(file.content).decode()}"
        html = html.replace(f"cid:{file.content_id}", data)
    page.set_viewport_size({"width": width, "height": 800})
    page.set_content(html)
    return asked


@pytest.mark.parametrize("locale", ["en", "fr"])
@pytest.mark.parametrize("kind", ["acknowledgement", "reply", "solved", "alert"])
def test_a_letter_looks_right_in_narrow_and_wide_windows(page: Page, kind: str, locale: str) -> None:
    draft = every_letter(locale)[kind]
    for width in WIDTHS:
        asked = show(page, draft, width)
        sizes = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        logo = page.locator("img").evaluate("img => [img.naturalWidth, img.clientWidth, img.clientHeight]")
        card = page.locator("table table").first.evaluate("t => [t.clientWidth, getComputedStyle(t).borderTopColor]")
        shot = page.screenshot()

        assert asked == []
        assert sizes[0] <= sizes[1] == width
        assert logo[0] == 900
        assert 0 < logo[1] <= card[0] <= 600
        assert logo[2] <= 64
        assert card[1] == "rgb(194, 24, 91)"
        assert len(shot) > 2000
        assert page.get_by_text("The team").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
def test_letters_are_kept_as_pictures_in_light_and_dark(browser: Browser, width: int, scheme: Scheme) -> None:
    """Kept under build/letters, to be looked at. Dark readers get a dark letter, whatever the queue's background."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    page = browser.new_page(color_scheme=scheme)
    look = Look(accent="#2e8b57", signature="The team", header="Example", footer="https://example.org/", logo=SMALL)
    for locale in LOCALES:
        head = make_letterhead(replace(look, locale=locale))
        for kind in KINDS:
            assert show(page, preview(kind, head, SAMPLE, SAMPLE.from_), width) == []
            shown = page.evaluate(
                "[...document.querySelectorAll('.page, .card')].map(e => getComputedStyle(e).background)"
            )
            page.screenshot(path=str(SHOTS / f"{kind}-{locale}-{width}-{scheme}.png"), full_page=True)

            light = ["rgb(244, 245, 247)", "rgb(244, 245, 247)", "rgb(255, 255, 255)"]
            dark = ["rgb(21, 24, 28)", "rgb(21, 24, 28)", "rgb(33, 38, 45)"]
            expected = light if scheme == "light" else dark
            assert all(part.startswith(colour) for part, colour in zip(shown, expected, strict=True))
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["en", "fr"])
def test_letters_pass_the_rules_of_accessibility(page: Page, locale: str, scheme: Scheme) -> None:
    page.emulate_media(color_scheme=scheme)
    for kind, draft in every_letter(locale).items():
        show(page, draft, 600)
        found = Axe().run(page, options={"rules": {rule: {"enabled": False} for rule in OF_PAGES}})

        assert found.violations_count == 0, (kind, found.generate_report())


def test_what_people_write_runs_no_script(page: Page) -> None:
    evil = "<script>document.title='evil'</script><img src=x onerror=\"document.title='evil'\">"
    draft = letters.reply(
        make_letterhead(Look(signature=evil, header=evil, footer=evil)), [Mailbox(evil, "ada@example.com")], evil, evil,
        ticket=TicketId(1), outgoing=OutgoingId(1), keys=KEYS, history=[Quoted(evil, DATE, evil)],
    )  # fmt: skip
    asked = show(page, draft, 600)

    assert asked == []
    assert page.title().startswith("[#1] Re:")
    assert page.locator("script, img").count() == 0
