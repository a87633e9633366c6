"""Letters say the same in text and HTML, name their ticket, and an acknowledgement repeats nothing (T6, T12)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from gateway.mail import letters, parse
from gateway.mail.compose import compose
from gateway.mail.letters import Answered, Look, Quoted
from gateway.mail.token import read_tokens
from gateway.model import (
    Draft,
    Envelope,
    Mailbox,
    OutgoingFile,
    OutgoingId,
    OutgoingKind,
    ParsedMail,
    TicketId,
    Token,
    TokenPurpose,
)
from tests.support.drafts import DATE, KEYS
from tests.support.letterheads import make_letterhead

TICKET, OUTGOING = TicketId(1042), OutgoingId(7)
ADA = Mailbox("Ada Example", "ada@example.com")
MAIL = ParsedMail(
    message_id="a2@example.com",
    references=("a1@example.com", "a0@example.com"),
    subject="BUY NOW at evil.example",
    text="BUY NOW",
    from_=ADA,
)


def acknowledgement(mail: ParsedMail = MAIL, **changes) -> Draft:
    return letters.acknowledgement(make_letterhead(**changes), ADA, mail, TICKET, OUTGOING, KEYS)


def reply(text: str = "It is mended.", subject: str = "The printer", look: Look | None = None, **changes) -> Draft:
    return letters.reply(
        make_letterhead(look), [ADA], subject, text, ticket=TICKET, outgoing=OUTGOING, keys=KEYS, **changes
    )


def every_letter(look: Look) -> list[Draft]:
    head = make_letterhead(look)
    numbers: dict[str, Any] = {"ticket": TICKET, "outgoing": OUTGOING, "keys": KEYS}
    return [
        letters.acknowledgement(head, ADA, MAIL, TICKET, OUTGOING, KEYS),
        letters.reply(
            head, [ADA], "The <printer>", "Hello & welcome,\n\nsee https://example.org/?a=1&b=2.\nBye", **numbers,
            history=[Quoted("Ada", DATE, "It <burns>\n\nhelp"), Quoted("Example", DATE, "> quoted")],
        ),
        letters.notice(head, ADA, "solved", **numbers),
        letters.alert(
            head, Mailbox("Bob", "bob@example.org"), "New mail", **numbers, subject="The printer", text="It burns",
            author="Ada <ada@example.com>", agent=3, url="https://tickets.example.org/t/1042",
        ),
    ]  # fmt: skip


def words(text: str) -> list[str]:
    return re.findall(r"[\w&<?=]+", text)


# --- all letters ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("locale", ["en", "fr"])
def test_text_and_html_say_the_same(locale: str) -> None:
    look = Look(signature="The team <3", header="Example & Co", footer="1 Example Street", locale=locale)
    for draft in every_letter(look):
        body = LexborHTMLParser(draft.html or "").body
        assert body is not None
        plain = "\n".join(line.removeprefix("> ") for line in draft.text.split("\n") if line not in {"-- ", ">"})

        assert words(body.text(separator=" ")) == words(plain)
        assert "gateway" not in (draft.html or "")
        assert compose(draft, DATE).isascii()


@pytest.mark.parametrize("locale", ["en", "fr"])
def test_subjects_begin_with_the_ticket(locale: str) -> None:
    assert [draft.subject.split(" ")[0] for draft in every_letter(Look(locale=locale))] == ["[#1042]"] * 4


def test_languages_differ() -> None:
    english, french = (acknowledgement(look=Look(locale=locale)) for locale in ("en", "fr"))

    assert english.subject == "[#1042] We have received your message"
    assert french.subject == "[#1042] Nous avons bien reçu votre message"
    assert 'lang="fr"' in (french.html or "")


def test_every_letter_carries_its_tokens() -> None:
    for draft in every_letter(Look()):
        automatic = draft.kind is not OutgoingKind.REPLY
        envelope = Envelope("", draft.reply_to.address if draft.reply_to else "", DATE)
        agent = 3 if draft.kind is OutgoingKind.ALERT else 0
        sent = ParsedMail(
            message_id=draft.message_id, references=(draft.message_id,), text=draft.text, fields=()
        )  # fmt: skip
        found = read_tokens(sent, envelope, KEYS)

        assert found.message == Token(TokenPurpose.MESSAGE, 1042, 7, automatic)
        assert found.recipient == Token(TokenPurpose.REPLY, 1042, agent)
        assert KEYS.verify(draft.loop_token, TokenPurpose.LOOP) == Token(TokenPurpose.LOOP, 1042, 7, automatic)
        assert (found.body is None) is (draft.kind is OutgoingKind.ALERT)


@pytest.mark.parametrize("locale", ["en", "fr"])
def test_our_own_reader_takes_our_letters_for_what_they_are(locale: str) -> None:
    logo = OutgoingFile("logo.png", "image/png", b"\x89PNG\r\n\x1a\n" + bytes(40), "logo@tickets.example.org")
    for draft in every_letter(Look(locale=locale, logo=logo, signature="L’équipe")):
        read = parse(compose(draft, DATE))
        found = read_tokens(read, Envelope("", "support@example.org", DATE), KEYS)

        assert read.defects == ()
        assert (read.subject, read.message_id, read.date) == (draft.subject, draft.message_id, DATE)
        assert read.text.split() == draft.text.split()
        assert [(item.filename, item.inline) for item in read.attachments] == [("logo.png", True)]
        assert found.message is not None
        assert found.loop is not None
        assert found.references == (found.message,)
        assert found.message.automatic is draft.kind.automatic


# --- acknowledgements -----------------------------------------------------------------------------------------


def test_an_acknowledgement_repeats_nothing_that_its_reader_wrote() -> None:
    octets = compose(acknowledgement(), DATE)

    assert b"BUY" not in octets
    assert b"evil" not in octets
    assert b"Ada" not in octets
    assert acknowledgement().recipients == ("ada@example.com",)
    assert acknowledgement().kind is OutgoingKind.ACKNOWLEDGEMENT


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=100), st.text(max_size=100), st.text(max_size=60))
def test_an_acknowledgement_is_the_same_whatever_was_written(subject: str, text: str, name: str) -> None:
    other = ParsedMail(message_id="a2@example.com", subject=subject, text=text, from_=Mailbox(name, "ada@example.com"))
    to = Mailbox(name, "ada@example.com")
    one, two = (
        letters.acknowledgement(make_letterhead(), who, mail, TICKET, OUTGOING, KEYS)
        for who, mail in ((to, other), (ADA, ParsedMail(message_id="a2@example.com")))
    )

    assert compose(one, DATE) == compose(two, DATE)


def test_an_acknowledgement_answers_the_mail() -> None:
    draft = acknowledgement()

    assert draft.in_reply_to == "a2@example.com"
    assert draft.references == ("a0@example.com", "a1@example.com", "a2@example.com")


def test_a_substitute_id_is_not_referred_to() -> None:
    draft = acknowledgement(ParsedMail(message_id="substitute", message_id_missing=True))

    assert draft.in_reply_to == ""
    assert draft.references == ()


# --- replies --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("subject", "shown"),
    [
        ("The printer", "[#1042] Re: The printer"),
        ("Re: AW: [#1042] re: The printer", "[#1042] Re: The printer"),
        ("[#1041] The printer", "[#1042] Re: [#1041] The printer"),
        ("The\r\nX-Evil: printer", "[#1042] Re: The X-Evil: printer"),
        ("{{ 7*7 }} %(x)s {0.__class__}", "[#1042] Re: {{ 7*7 }} %(x)s {0.__class__}"),
        ("", "[#1042] Re:"),
    ],
)
def test_a_subject_is_cleaned_and_never_a_template(subject: str, shown: str) -> None:
    assert reply(subject=subject).subject == shown


def test_what_an_agent_writes_is_text_everywhere() -> None:
    draft = reply('<script>alert(1)</script> {{ 7*7 }} & \N{SNOWMAN}\nhttps://example.org/"onclick=x')

    assert "<script>" in draft.text
    assert "{{ 7*7 }}" in draft.text
    assert "<script>" not in (draft.html or "")
    assert 'href="https://example.org/"' in (draft.html or "")
    assert "onclick" not in re.sub(r">[^<]*<", "><", draft.html or "")


def test_history_is_quoted_newest_first_if_the_queue_wants_it() -> None:
    history = [Quoted(f"Ada {n}", DATE, f"text {n}\n\n\n\nmore") for n in range(15)]
    draft = reply(history=history)

    assert draft.text.index("text 0") < draft.text.index("text 9")
    assert "text 10" not in draft.text
    assert "On 2026-03-01 09:30 UTC, Ada 0 wrote:\n> text 0\n>\n> more\n" in draft.text
    assert "text 0" not in reply(history=history, look=Look(history=False)).text


def test_somebody_elses_links_are_not_made_ours() -> None:
    draft = reply("see https://example.org/ours", history=[Quoted("Ada", DATE, "see https://evil.example/theirs\n<b>")])

    assert re.findall(r'href="([^"]*)"', draft.html or "") == ["https://example.org/ours"]
    assert "https://evil.example/theirs<br>\n&lt;b&gt;" in (draft.html or "")


def test_bcc_and_cc_and_files_stay_where_they_belong() -> None:
    file = OutgoingFile("a.txt", "text/plain", b"x")
    draft = reply(cc=[Mailbox("", "bob@example.com")], bcc=["eve@example.net"], files=[file])

    assert draft.recipients == ("ada@example.com", "bob@example.com", "eve@example.net")
    assert "eve@" not in draft.text + (draft.html or "")
    assert draft.files == (file,)


def test_a_logo_goes_inline() -> None:
    logo = OutgoingFile("logo.png", "image/png", b"\x89PNG\r\n\x1a\n", "logo@tickets.example.org")
    draft = acknowledgement(look=Look(logo=logo))

    assert draft.files == (logo,)
    assert 'src="cid:logo@tickets.example.org"' in (draft.html or "")
    assert "http" not in (draft.html or "")


# --- where answers go -----------------------------------------------------------------------------------------


def test_plain_reply_addresses_leave_answers_to_from() -> None:
    draft = acknowledgement(reply_token=False)

    assert draft.reply_to is None
    assert "ref:" not in draft.text


def test_an_address_without_room_for_a_token_falls_back_to_from() -> None:
    draft = acknowledgement(creation_address="a-very-long-name-for-a-queue@tickets.example.org")

    assert draft.reply_to is None
    assert "ref:" in draft.text


def test_answered_takes_the_ids_of_a_mail() -> None:
    assert Answered.of(MAIL) == Answered("a2@example.com", ("a0@example.com", "a1@example.com", "a2@example.com"))
