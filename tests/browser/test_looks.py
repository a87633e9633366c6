"""For everyone: axe on every page, light and dark, phone to wide, in French, and without a script."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Dialog, Page, Route, expect

pytestmark = pytest.mark.xdist_group("browser")
SUBJECT = "A question about the second floor"
PATHS = (
    "/",
    "/?assignee=me",
    "/search?q=question",
    "/search?q=nothingofthekind",
    "/notices",
    "/canned",
    "/account",
    "/password",
    "/admin",
    "/admin/outbox",
    "/admin/quarantine",
    "/admin/webhooks",
    "/admin/trace",
    "/admin/trace?q=1",
    "/admin/limits",
    "/admin/blocklist",
    "/admin/suppressions",
    "/admin/agents",
    "/admin/letters",
    "/admin/configuration",
    "/tickets/999999",
)
WIDTHS = (1920, 768, 360, 320)
IN_THE_DARK = ("/", "/search?q=question", "/account", "/admin", "/admin/outbox", "/tickets/999999")
HTML = '<p>The <b>printer</b> on the second floor is offline.</p><p><img src="https://tracker.example.net/x.png"></p>'

PDF = b"""%PDF-1.4
1 0 obj
<< /Type /Catalog /Pages 2 0 R >>
endobj
2 0 obj
<< /Type /Pages /Kids [3 0 R] /Count 1 >>
endobj
3 0 obj
<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents 4 0 R >>
endobj
4 0 obj
<< /Length 44 >>
stream
0.9 0.3 0.1 rg 20 20 260 160 re f 0 0 0 RG S
endstream
endobj
trailer
<< /Root 1 0 R >>
%%EOF
"""


@pytest.fixture(scope="module")
def number(house) -> int:
    """Return the number of a ticket with a message of every sort."""
    mail = house.mail(SUBJECT, "The printer on the second floor is offline.\n", From="Ida Holm <ida@firm.example>")
    mail.add_alternative(HTML, subtype="html")
    mail.add_attachment(b"MZ" + b"\0" * 200, maintype="application", subtype="octet-stream", filename="update.exe")
    mail.add_attachment(PDF, maintype="application", subtype="pdf", filename="floor.pdf")
    loud = PDF.replace(b"/Pages 2 0 R", b"/Pages 2 0 R /OpenAction << /S /JavaScript /JS (app.alert(1)) >>")
    mail.add_attachment(loud, maintype="application", subtype="pdf", filename="alert.pdf")
    house.deliver(mail)
    house.settle()
    return next(int(row["number"]) for row in house.daemon.rows("tickets") if row["subject"] == SUBJECT)


def faults(page: Page) -> list[str]:
    """Return what axe finds serious or worse."""
    options = {
        "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
        "resultTypes": ["violations"],  # what passes is counted and not described, which takes longest
    }
    found = Axe().run(page, options=options).response["violations"]
    return [
        f"{page.url} {item['id']}: {item['nodes'][0]['html'][:200]} {item['nodes'][0]['failureSummary'][:300]}"
        for item in found
        if item["impact"] in {"serious", "critical"}
    ]


def sticking_out(page: Page) -> list[str]:
    """Return what makes a page scroll sideways; tables scroll in boxes of their own."""
    script = """() => document.documentElement.scrollWidth <= innerWidth + 1 ? [] :
        [...document.querySelectorAll("body *")].filter(one => one.getBoundingClientRect().right > innerWidth + 1
            && !one.closest(".wide")).map(one => one.outerHTML.slice(0, 90))"""
    return [f"{page.url}: {text}" for text in page.evaluate(script)[:3]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(house, sign_in, shot, number, scheme):
    page = sign_in("lea@example.org", color_scheme=scheme)
    found = []
    paths = PATHS if scheme == "light" else IN_THE_DARK
    for path in (*paths, f"/tickets/{number}"):
        page.goto(path)
        found += faults(page)
        name = re.sub(r"\W+", "-", path).strip("-") or "list"
        if scheme == "light" or path in {"/", f"/tickets/{number}"}:
            shot(page, f"{scheme}-{name}")
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    found += faults(page)
    assert found == []


def test_axe_finds_nothing_serious_at_the_door(house, browser, shot):
    context = browser.new_context(base_url=house.address)
    page = context.new_page()
    page.goto("/sign-in")
    found = faults(page)
    shot(page, "sign-in")
    context.close()
    assert found == []


def test_nothing_sticks_out_at_any_width(sign_in, shot, number):
    page = sign_in("lea@example.org")
    wide = []
    for path in (*PATHS, f"/tickets/{number}"):
        page.goto(path)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            wide += sticking_out(page)
            if path in {"/", f"/tickets/{number}"}:
                shot(page, f"{width}-{'list' if path == '/' else 'ticket'}")
    assert wide == []


def test_french_and_the_zone_of_the_browser(sign_in, shot, number):
    page = sign_in("tom@example.org", locale="fr-FR", timezone_id="Europe/Paris")
    page.goto(f"/tickets/{number}")
    expect(page.get_by_role("button", name="Envoyer à Ida Holm")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    assert re.match(r"\d\d/\d\d/\d{4}", page.locator("article time").first.get_attribute("title") or "")
    shot(page, "french-ticket")


def test_mails_of_strangers_stay_in_their_frame(sign_in, shot, number, house):
    page = sign_in("lea@example.org")
    asked: list[str] = []

    def note(route: Route) -> None:
        asked.append(route.request.url)
        route.abort()

    page.context.route("https://tracker.example.net/**", note)
    page.goto(f"/tickets/{number}")
    expect(page.get_by_text("This kind of file can run a program.")).to_be_visible()
    page.get_by_text("As it was formatted").click()
    frame = page.frame_locator("iframe").first
    expect(frame.get_by_text("printer")).to_be_visible()
    assert asked == []
    page.get_by_role("link", name="Load them").click()
    page.wait_for_timeout(1000)
    assert asked == ["https://tracker.example.net/x.png"]
    shot(page, "formatted")


def test_a_pdf_is_shown_in_the_browsers_viewer_unless_it_holds_a_script(sign_in, shot, number):
    page = sign_in("lea@example.org")
    asked: list[str] = []

    def refuse(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    page.context.on("dialog", refuse)
    page.goto(f"/tickets/{number}")
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Look at floor.pdf").click()
    viewer = opened.value
    viewer.wait_for_load_state()
    assert viewer.evaluate("document.contentType") == "application/pdf"
    for _ in range(50):
        if any(frame.url.startswith("chrome-extension://") for frame in viewer.frames):
            break  # the viewer took it; one that is blocked has no frame
        viewer.wait_for_timeout(200)
    else:
        pytest.fail(f"no viewer: {[frame.url for frame in viewer.frames]}")
    viewer.wait_for_timeout(1000)
    shot(viewer, "pdf")

    with page.context.expect_page() as empty, page.expect_event("download") as saved:
        page.get_by_role("link", name="Look at alert.pdf").click()
    assert saved.value.suggested_filename == "alert.pdf"
    assert empty.value.url in {"", "about:blank"}
    assert asked == []


def test_reading_and_answering_need_no_script(house, sign_in, shot, number):
    page = sign_in("tom@example.org", script=False)
    page.get_by_role("link", name=SUBJECT).click()
    expect(page.locator("article.customer")).to_contain_text("The printer on the second floor is offline.")
    page.get_by_label("Your reply to Ida Holm").fill("It prints again, without any script.")
    page.get_by_role("button", name="Send to Ida Holm").click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    page.get_by_text("Internal note").first.click()
    page.get_by_label("Your note for the team").fill("Done without a script.")
    page.get_by_role("button", name="Save note for the team").click()
    expect(page.locator("article.note")).to_contain_text("Done without a script.")
    shot(page, "without-script")
    house.relay.wait_for(lambda caught: "without any script" in str(caught.message.get_body(("plain",))))


def test_views_bulk_tags_and_canned_answers(sign_in, number):
    page = sign_in("lea@example.org")
    page.goto(f"/tickets/{number}")
    page.get_by_label("Add tag").fill("second-floor")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("aside .tag")).to_contain_text("second-floor")
    page.goto("/canned")
    page.get_by_label("Name").last.fill("Thanks")
    page.get_by_label("Text").last.fill("Dear {customer.first_name},\n\nthank you.")
    page.get_by_role("button", name="Keep").last.click()
    page.goto(f"/tickets/{number}")
    page.get_by_text("Canned answers").last.click()
    page.get_by_role("link", name="Thanks").click()
    expect(page.get_by_label("Your reply to Ida Holm")).to_have_value("Dear Ida,\n\nthank you.")
    expect(page.get_by_text("Draft saved")).to_be_visible()
    page.locator("[data-canned]").evaluate("link => location.assign(link.href)")  # as without a script
    expect(page.get_by_label("Your reply to Ida Holm")).to_have_value(
        "Dear Ida,\n\nthank you.\n\nDear Ida,\n\nthank you."
    )
    page.get_by_role("button", name="Throw the draft away").click()
    expect(page.get_by_label("Your reply to Ida Holm")).to_have_value("")
    page.goto("/?tag=second-floor&show=all")
    page.get_by_label(f"Choose ticket {number}").check()
    page.locator("#bulk").get_by_label("Assignee").select_option(label="Tom Berger")
    page.locator("#bulk").get_by_role("button", name="Change").click()
    expect(page.locator(".line .who")).to_have_text("Tom Berger")


def test_axe_would_find_a_fault(sign_in):
    page = sign_in("lea@example.org")
    page.evaluate("document.querySelector('h1').style.color = '#ddd'")
    page.evaluate("document.querySelector('#q').labels[0].remove()")
    page.evaluate("document.querySelector('#q').removeAttribute('placeholder')")
    assert {fault.split(" ")[1] for fault in faults(page)} == {"color-contrast:", "label:"}
