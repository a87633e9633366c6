"""One daemon and one Chromium for all tests of the pages; each test has browser contexts of its own.

Modules run in the order of their names; mails full of payloads, which are no sight, come last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser.house import FIRST, PASSWORD, House, Relay

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
SHOTS = Path(__file__).parents[2] / "build" / "screenshots"


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with Relay() as relay:
        house = House(tmp_path_factory.mktemp("house"), relay)
        try:
            yield house.open()
        finally:
            house.daemon.kill()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(FLAGS))
        yield chromium
        chromium.close()


SignIn = Callable[..., Page]


@pytest.fixture
def sign_in(house: House, browser: Browser) -> Iterator[SignIn]:
    """Return a function that opens a browser of its own for an agent, signed in; only the first has to type."""
    contexts: list[BrowserContext] = []

    def open_page(address: str, *, script: bool = True, **options: Any) -> Page:
        context = browser.new_context(
            base_url=house.address,
            java_script_enabled=script,
            storage_state=house.cookies.get(address),
            **{"viewport": {"width": 1360, "height": 900}, **options},
        )
        contexts.append(context)
        context.set_default_timeout(15_000)
        page = context.new_page()
        if address in house.cookies:
            page.goto("/")
            return page
        page.goto("/sign-in")
        page.locator("#address").fill(address)
        page.locator("#password").fill(FIRST)
        page.locator("main button").click()
        page.locator("#old").fill(FIRST)
        page.locator("#new").fill(PASSWORD)
        page.locator("main button").click()
        page.wait_for_url("**/")
        house.cookies[address] = context.storage_state()
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def shot() -> Callable[[Page, str], None]:
    """Return a function that keeps a picture of a page under build/screenshots."""
    SHOTS.mkdir(parents=True, exist_ok=True)

    def keep(page: Page, name: str) -> None:
        page.screenshot(path=SHOTS / f"{name}.png", full_page=True)

    return keep
