"""Two agents in two browsers, a customer who writes real mail: the whole story of a ticket."""

from __future__ import annotations

import re
from email.message import EmailMessage

import pytest
from playwright.sync_api import Page, Route, expect

pytestmark = pytest.mark.xdist_group("browser")
SUBJECT = "Invoice 2231 is wrong"
TEXT = "Hello,\n\nthe total on page 2 does not match the sum of the lines.\n\nMarie\n"
REPLY = "Hello Marie,\n\nyou are right. The corrected invoice is attached."


def answer_to(mail: EmailMessage, text: str, subject: str, number: int = 1) -> EmailMessage:
    answer = EmailMessage()
    answer["From"] = "Marie Durand <marie.durand@customer.example>"
    answer["To"] = str(mail["Reply-To"] or mail["From"])
    answer["Subject"] = f"Re: {subject}"
    answer["Message-ID"] = f"<answer-{number}@customer.example>"
    answer["In-Reply-To"] = answer["References"] = str(mail["Message-ID"])
    answer.set_content(f"{text}\n\nOn Monday, Example Support wrote:\n> you are right.\n")
    return answer


def open_ticket(page: Page, subject: str) -> str:
    page.get_by_role("link", name=subject).click()
    page.wait_for_url(re.compile(r"/tickets/\d+"))
    return re.search(r"/tickets/(\d+)", page.url)[1]  # type: ignore[index]


def test_two_agents_answer_together(house, sign_in, shot):
    lea, tom = sign_in("lea@example.org"), sign_in("tom@example.org")
    lea.goto("/?queue=billing")
    expect(lea.get_by_text("New mail appears by itself.")).to_be_visible()
    shot(lea, "01-empty-list")
    lea.goto("/")

    # mail in: it appears in both browsers without a reload
    house.deliver(house.mail(SUBJECT, TEXT))
    for page in (lea, tom):
        expect(page.get_by_role("link", name=SUBJECT)).to_be_visible(timeout=10_000)
    shot(lea, "02-list")
    number = open_ticket(lea, SUBJECT)
    open_ticket(tom, SUBJECT)
    expect(tom.get_by_text("Léa Martin is looking at this ticket, too.")).to_be_visible(timeout=10_000)

    # one types, the other is warned; the draft survives a crash of the browser's page
    lea.keyboard.press("r")
    lea.keyboard.type("Hello Marie,")
    expect(tom.get_by_text("Léa Martin is writing a reply.")).to_be_visible(timeout=10_000)
    shot(tom, "03-warned")
    expect(lea.get_by_text("Draft saved")).to_be_visible()
    lea.reload()
    expect(lea.get_by_label("Your reply to Marie Durand")).to_have_value("Hello Marie,")

    # an internal note, which is never mailed and tells the one whom it names
    tom.keyboard.press("n")
    tom.keyboard.type("@léa ask accounting first")
    shot(tom, "04-note")
    tom.get_by_role("button", name="Save note for the team").click()
    expect(lea.locator("article.note", has_text="ask accounting first")).to_be_visible(timeout=10_000)

    # the reply was begun before the note: it is not sent over it, and nothing typed or attached is lost
    sent_before = len(house.relay.mails)
    box = lea.get_by_label("Your reply to Marie Durand")
    box.fill(REPLY)
    lea.get_by_label("Attach files").set_input_files(
        {"name": "invoice.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4 corrected"}
    )
    lea.get_by_role("button", name="Send to Marie Durand").click()
    expect(lea.get_by_role("alert")).to_contain_text("Something happened on this ticket")
    expect(box).to_have_value(REPLY)
    expect(lea.locator(".attached li")).to_contain_text(["invoice.pdf"])
    lea.get_by_role("button", name="Send to Marie Durand").click()
    expect(lea.get_by_text("This will be sent in a moment.")).to_be_visible()
    shot(lea, "05-undo")

    # taken back, it is a draft again; then sent for good
    lea.get_by_role("button", name="Undo").click()
    expect(lea.get_by_label("Your reply to Marie Durand")).to_have_value(REPLY)
    assert len(house.relay.mails) == sent_before
    expect(lea.get_by_text("the reply was taken back · Léa Martin")).to_be_visible()
    lea.get_by_role("button", name="Send to Marie Durand").click()
    mail = house.relay.wait_for(lambda caught: "you are right" in str(caught.message.get_body(("plain",)))).message
    assert [part.get_filename() for part in mail.iter_attachments()] == ["invoice.pdf"]
    assert "ask accounting" not in mail.as_string()
    expect(tom.locator("article.agent", has_text="you are right").last).to_be_visible(timeout=10_000)
    expect(lea.locator("article.agent .delivery.good")).to_be_visible(timeout=15_000)
    shot(lea, "06-sent")

    # the customer's answer comes in live, below the same ticket, its quotation folded
    house.deliver(answer_to(mail, "Thank you, that is it.", SUBJECT))
    expect(lea.locator("article.customer", has_text="Thank you, that is it.")).to_be_visible(timeout=10_000)
    expect(lea.locator("article.customer").last.get_by_text("Quoted text")).to_be_visible()

    # the same customer wrote twice: merge
    house.deliver(house.mail("And the invoice again", "Did you see it?"))
    house.settle()
    tom.goto("/")
    other = open_ticket(tom, "And the invoice again")

    # what is assigned is told, until its ticket is opened
    tom.get_by_label("Assignee").select_option(label="Léa Martin")
    tom.get_by_role("button", name="Save", exact=True).click()
    expect(lea.locator(".notices .count")).to_have_text("1", timeout=10_000)
    lea.get_by_role("link", name="Notices").click()
    expect(lea.get_by_text("assigned to you by Tom Berger")).to_be_visible()
    shot(lea, "07-notices")
    lea.locator("main").get_by_role("link", name="And the invoice again").click()
    expect(lea.locator(".notices .count")).to_have_count(0)
    lea.goto(f"/tickets/{number}")
    tom.keyboard.press("m")
    tom.keyboard.type(number)
    tom.get_by_role("button", name="Merge", exact=True).click()
    tom.wait_for_url(f"**/tickets/{number}")
    expect(tom.locator("article.customer", has_text="Did you see it?")).to_be_visible()
    shot(tom, "08-merged")
    tom.goto(f"/tickets/{other}")
    expect(tom.get_by_role("link", name=f"Go on in #{number}")).to_be_visible()

    # solved with a key, opened again by the customer
    lea.reload()
    lea.keyboard.press("e")
    expect(lea.locator(".heading .status")).to_have_text("solved")
    shot(lea, "09-solved")
    house.deliver(answer_to(mail, "One more question.", SUBJECT, 2))
    expect(lea.locator("article.customer", has_text="One more question.")).to_be_visible(timeout=10_000)
    lea.reload()
    expect(lea.locator(".heading .status")).to_have_text("open")
    shot(lea, "10-reopened")


def test_a_draft_survives_the_death_of_the_daemon(house, sign_in):
    house.deliver(house.mail("Before the crash", "Please."))
    house.settle()
    page = sign_in("tom@example.org")
    number = open_ticket(page, "Before the crash")
    page.keyboard.press("r")
    page.keyboard.type("Half of what I want to say")
    expect(page.get_by_text("Draft saved")).to_be_visible()
    house.daemon.kill9()
    try:
        page.keyboard.type(", and the other half.")
        expect(page.get_by_text("The draft could not be saved yet.")).to_be_visible()
        expect(page.get_by_text("Not connected")).to_be_visible(timeout=15_000)
    finally:
        house.daemon.start()
    expect(page.get_by_text("Draft saved")).to_be_visible(timeout=15_000)
    expect(page.get_by_text("Not connected")).to_have_count(0, timeout=15_000)

    page.goto(f"/tickets/{number}")
    expect(page.locator("#reply-text")).to_have_value("Half of what I want to say, and the other half.")


def test_a_keyboard_is_enough(house, sign_in):
    house.deliver(house.mail("Keys only", "Please."))
    house.settle()
    page = sign_in("tom@example.org")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("o")
    page.wait_for_url(re.compile(r"/tickets/\d+"))
    sent = len(house.relay.mails)
    for key in "rnaslm":
        page.keyboard.press(key)
        focused = page.evaluate("document.activeElement.id")
        assert focused, key
        page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("u")
    page.wait_for_url("**/?assignee=nobody")
    assert len(house.relay.mails) == sent


def test_mail_that_comes_before_the_page_listens_is_shown(house, sign_in):
    lea = sign_in("lea@example.org")
    held: list[Route] = []
    lea.route("**/live*", lambda route: held.append(route))  # noqa: PLW0108 - playwright marks what it is given
    lea.goto("/")
    expect(lea.locator("#tickets")).to_be_visible()
    house.deliver(house.mail("Between the page and its stream", "The gate does not open."))
    house.settle()
    for _ in range(100):
        if held:
            break
        lea.wait_for_timeout(50)
    expect(lea.get_by_role("link", name="Between the page and its stream")).to_have_count(0)
    held[0].continue_()

    expect(lea.get_by_role("link", name="Between the page and its stream")).to_be_visible(timeout=10_000)
