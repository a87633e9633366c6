"""Every payload, sanitised, in a real browser without any other guard: nothing runs and nothing is fetched."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Route, sync_playwright

from gateway.mail import parse
from gateway.mail.html import sanitise
from tests.fuzz.seeds import mail
from tests.support.payloads import payloads

CHROMIUM = "/usr/bin/chromium"
PAYLOADS = list(payloads())
PROVOKE = """
() => {
  for (const node of document.querySelectorAll('*')) {
    for (const name of ['click', 'focus', 'mouseover', 'load', 'error', 'toggle', 'wheel']) {
      const event = new Event(name, {bubbles: true, cancelable: true});
      node.addEventListener(name, one => one.preventDefault());
      node.dispatchEvent(event);
    }
  }
  return window.pwned === undefined;
}
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


def shown(browser: Browser, markup: str) -> tuple[bool, list[str]]:
    """Show `markup` as the body of a page; tell whether it stayed quiet, and what it asked for."""
    asked: list[str] = []
    page = browser.new_page()

    def refuse(route: Route) -> None:
        asked.append(route.request.url)
        route.abort()

    page.route("**/*", refuse)
    page.set_content(f"<!doctype html><body>{markup}</body>", wait_until="domcontentloaded")
    quiet = bool(page.evaluate(PROVOKE))
    page.wait_for_timeout(100)
    quiet = quiet and bool(page.evaluate("() => window.pwned === undefined"))
    page.close()
    return quiet, asked


def test_the_browser_would_have_run_them(browser: Browser) -> None:
    """Unsanitised, a script and an image do what they want: the test can see both."""
    quiet, asked = shown(browser, "<script>window.pwned=1</script><img src='http://canary.test/a.gif'>")
    assert not quiet
    assert asked == ["http://canary.test/a.gif"]


@pytest.mark.parametrize("start", range(0, len(PAYLOADS), 60))
def test_sanitised_payloads_do_nothing(browser: Browser, start: int) -> None:
    pieces = [sanitise(payload).html for payload in PAYLOADS[start : start + 60]]
    quiet, asked = shown(browser, "".join(f"<div>{piece}</div>" for piece in pieces))
    assert quiet
    assert asked == []


def test_payloads_as_whole_mails_do_nothing(browser: Browser) -> None:
    markup = []
    for payload in PAYLOADS:
        found = parse(mail("Content-Type: text/html; charset=utf-8", body=f"<p>Hello</p>{payload}".encode()))
        markup.append(f"<div>{found.html}</div><div>{found.reply_html or ''}</div>")
    assert shown(browser, "".join(markup)) == (True, [])
