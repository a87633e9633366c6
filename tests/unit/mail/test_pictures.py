"""Pictures inside a reply: what the text names, if it is a picture, and nothing that could be anything else."""

from __future__ import annotations

import pytest
from selectolax.lexbor import LexborHTMLParser

from gateway.mail import letters, parse
from gateway.mail.compose import compose
from gateway.mail.pictures import mark, placed, shown
from gateway.model import Draft, Mailbox, OutgoingFile, OutgoingId, TicketId
from tests.support.drafts import DATE, KEYS
from tests.support.letterheads import make_letterhead

PNG = b"\x89PNG\r\n\x1a\n octets"
PLAN = OutgoingFile("plan 1.png", "image/png", PNG)


def reply(text: str, *files: OutgoingFile, quoted: str = "", subject: str = "The printer") -> Draft:
    return letters.reply(
        make_letterhead(), [Mailbox("Ada", "ada@example.com")], subject, text, ticket=TicketId(1042),
        outgoing=OutgoingId(7), keys=KEYS, files=files,
        history=[letters.Quoted("Ada", DATE, quoted)] if quoted else [],
    )  # fmt: skip


def test_a_picture_that_the_text_names_stands_there_in_both_parts() -> None:
    draft = reply(
        f"Look:\n\n{mark('plan 1.png')}\n\nand the contract.", PLAN, OutgoingFile("c.pdf", "application/pdf", b"%PDF")
    )
    octets = compose(draft, DATE)
    mail = parse(octets)

    assert "Look:\n\n[image: plan 1.png]\n\nand the contract." in draft.text
    assert '<img src="cid:picture1.7@tickets.example.org" alt="plan 1.png"' in str(draft.html)
    assert "[image:" not in str(draft.html)
    assert (
        octets.index(b"multipart/mixed") < octets.index(b"multipart/alternative") < octets.index(b"multipart/related")
    )
    assert [(item.filename, item.inline) for item in mail.attachments] == [("plan 1.png", True), ("c.pdf", False)]


def test_only_the_first_place_and_only_the_agents_own_words_count() -> None:
    draft = reply(f"{mark('plan 1.png')} and again {mark('plan 1.png')}", PLAN, PLAN, quoted=mark("plan 1.png"))

    assert str(draft.html).count("<img") == 1
    assert str(draft.html).count("[image: plan 1.png]") == 2
    assert [file.content_id for file in draft.files] == ["picture1.7@tickets.example.org", None]


def test_a_subject_that_names_the_picture_is_no_place_for_it() -> None:
    page = LexborHTMLParser(reply(mark("plan 1.png"), PLAN, subject=mark("plan 1.png")).html or "")

    assert [node.text() for node in page.css("title")] == ["[#1042] Re: [image: plan 1.png]"]
    assert len(page.css('body img[alt="plan 1.png"]')) == 1


@pytest.mark.parametrize("page", ["<p>{}</p>", "<title>t</title><p>{}</p><svg><title>logo</title></svg>"])
def test_an_operators_page_may_have_no_title_or_more_than_one(page: str) -> None:
    (file,) = placed("[image: a.png]", [OutgoingFile("a.png", "image/png", PNG)], "7@host")

    assert len(LexborHTMLParser(shown(page.format("[image: a.png]"), [file])).css("p img")) == 1


@pytest.mark.parametrize(
    "file",
    [
        OutgoingFile("a.png", "image/png", b"<svg onload=alert(1)>"),
        OutgoingFile("a.png", "image/svg+xml", PNG),
        OutgoingFile("a.png", "text/html", PNG),
        OutgoingFile('a".png', "image/png", PNG),
        OutgoingFile("a<b>.png", "image/png", PNG),
        OutgoingFile("other.png", "image/png", PNG),
        OutgoingFile("a.png", "image/png", b""),
    ],
)
def test_everything_else_stays_an_attachment(file: OutgoingFile) -> None:
    text = f"{mark('a.png')} {mark(file.filename)}" if file.filename != "other.png" else mark("a.png")
    draft = reply(text, file)

    assert draft.files == (file,)
    assert "<img" not in str(draft.html)


def test_a_content_id_that_came_along_is_not_kept() -> None:
    assert placed("", [OutgoingFile("a.png", "image/png", PNG, "logo@evil")], "7@host")[0].content_id is None


def test_no_name_breaks_out_of_its_attribute() -> None:
    html = "<p>[image: été (1).png]</p>"
    (file,) = placed("[image: été (1).png]", [OutgoingFile("été (1).png", "image/png", PNG)], "7@host")
    (image,) = LexborHTMLParser(shown(html, [file])).css("img")

    assert image.attributes["alt"] == "été (1).png"
    assert set(image.attributes) == {"src", "alt", "style"}
