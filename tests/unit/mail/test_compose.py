"""What we compose is one mail with exactly the fields that we meant, whatever the values hold (T4)."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import NotSendable
from gateway.mail.address import parse_mailboxes
from gateway.mail.compose import MARKERS, compose
from gateway.model import Draft, Mailbox, OutgoingFile, OutgoingKind

DATE = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
TOKEN = "abcdefghijklmnopqrstuvwxyz234567abcdefgh"
LOOP = "hgfedcba765432zyxwvutsrqponmlkjihgfedcba"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


def draft(**changes) -> Draft:
    plain = Draft(
        kind=OutgoingKind.REPLY,
        queue="support",
        channel="relay",
        from_=Mailbox("Example Support", "support@example.org"),
        to=(Mailbox("Ada Example", "ada@example.com"),),
        subject="[#1042] Re: The printer",
        text="Hello,\n\nit is mended.\n",
        message_id=f"{TOKEN}@tickets.example.org",
        loop_token=LOOP,
    )
    return replace(plain, **changes)


def split(octets: bytes) -> tuple[list[tuple[str, str]], bytes]:
    """Split by hand, as a mail server would: fields with their folds, and the body."""
    head, _, body = octets.partition(b"\r\n\r\n")
    fields: list[tuple[str, str]] = []
    for line in head.split(b"\r\n"):
        if line[:1] in b" \t":
            fields[-1] = (fields[-1][0], fields[-1][1] + line.decode())
        else:
            name, _, value = line.decode().partition(":")
            fields.append((name, value))
    return fields, body


def names(octets: bytes) -> list[str]:
    return [name for name, _ in split(octets)[0]]


def read(octets: bytes) -> EmailMessage:
    message = message_from_bytes(octets, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def content(part) -> object:
    assert isinstance(part, EmailMessage)
    return part.get_content()


def test_a_reply_reads_back_as_it_was_drafted() -> None:
    octets = compose(draft(in_reply_to="a1@example.com", references=("a0@example.com", "a1@example.com")), DATE)
    message = read(octets)

    assert message["From"] == "Example Support <support@example.org>"
    assert message["To"] == "Ada Example <ada@example.com>"
    assert message["Subject"] == "[#1042] Re: The printer"
    assert message["Date"] == "Sun, 01 Mar 2026 09:30:00 +0000"
    assert message["Message-ID"] == f"<{TOKEN}@tickets.example.org>"
    assert message["In-Reply-To"] == "<a1@example.com>"
    assert message["References"].split() == [
        f"<{TOKEN}@tickets.example.org>", "<a0@example.com>", "<a1@example.com>"
    ]  # fmt: skip
    assert message["X-Poterne-Loop"] == LOOP
    assert message["X-Poterne-Ref"] == TOKEN
    assert message.get_content().replace("\r\n", "\n") == "Hello,\n\nit is mended.\n"


def test_the_date_is_written_in_utc() -> None:
    east = datetime(2026, 3, 1, 11, 30, tzinfo=timezone(timedelta(hours=2)))

    assert compose(draft(), east) == compose(draft(), DATE)


@pytest.mark.parametrize("kind", OutgoingKind)
def test_markers_follow_the_kind(kind: OutgoingKind) -> None:
    message = read(compose(draft(kind=kind), DATE))
    automatic = kind is not OutgoingKind.REPLY

    assert ("Auto-Submitted" in message) is automatic
    assert message["X-Auto-Response-Suppress"] == ("All" if automatic else "DR, RN, NRN")
    assert message["Precedence"] == ("auto_reply" if automatic else None)
    assert message["X-Loop"] == ("support@example.org" if automatic else None)
    assert set(MARKERS) == set(OutgoingKind)


def test_an_acknowledgement_says_that_it_answers() -> None:
    assert read(compose(draft(kind=OutgoingKind.ACKNOWLEDGEMENT), DATE))["Auto-Submitted"] == "auto-replied"
    assert read(compose(draft(kind=OutgoingKind.ALERT), DATE))["Auto-Submitted"] == "auto-generated"


def test_bcc_is_an_envelope_recipient_and_nothing_else() -> None:
    secret = draft(cc=(Mailbox("", "bob@example.com"),), bcc=("eve@example.net",))

    assert secret.recipients == ("ada@example.com", "bob@example.com", "eve@example.net")
    assert b"eve" not in compose(secret, DATE)
    assert read(compose(secret, DATE))["Cc"] == "bob@example.com"


def test_a_mail_to_bcc_only_shows_a_group_without_members() -> None:
    octets = compose(draft(to=(), bcc=("eve@example.net",)), DATE)

    assert dict(split(octets)[0])["To"] == " undisclosed-recipients:;"


def test_parts_nest_as_alternative_related_and_mixed() -> None:
    full = draft(
        html='<p>mended <img src="cid:logo@tickets.example.org"></p>',
        files=(
            OutgoingFile("logo.png", "image/png", PNG, "logo@tickets.example.org"),
            OutgoingFile("rapport d’été.pdf", "application/pdf", b"%PDF-1.7\r\n" * 40),
            OutgoingFile("old.eml", "message/rfc822", b"Subject: x\n\nFrom me\n"),
        ),
    )
    octets = compose(full, DATE)
    message = read(octets)
    alternative, report, mail = message.iter_parts()
    assert isinstance(alternative, EmailMessage)
    text, related = alternative.iter_parts()
    assert isinstance(related, EmailMessage)
    html, logo = related.iter_parts()

    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/mixed", "multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png",
        "application/pdf", "application/octet-stream",
    ]  # fmt: skip
    assert content(text) == content(message.get_body(("plain",)))
    assert "cid:logo@tickets.example.org" in str(content(html))
    assert logo["Content-ID"] == "<logo@tickets.example.org>"
    assert content(logo) == PNG
    assert report.get_filename() == "rapport d’été.pdf"
    assert content(report) == b"%PDF-1.7\r\n" * 40
    assert content(mail) == b"Subject: x\n\nFrom me\n"
    assert message.defects == []


def test_an_image_without_html_is_an_attachment() -> None:
    octets = compose(draft(files=(OutgoingFile("a.png", "image/png", PNG, "a@b.example"),)), DATE)

    assert [part.get_content_disposition() for part in read(octets).iter_parts()] == [None, "attachment"]


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "a\r\nX-Evil: 1.txt",
        'quote".txt',
        "back\\slash.txt",
        "x" * 400,
        "",
        "\u202egpj.exe",
        "naïve" * 30,
    ],
)
def test_a_file_name_stays_one_parameter_without_a_path(name: str) -> None:
    octets = compose(draft(files=(OutgoingFile(name, "text/plain", b"x"),)), DATE)
    shown = list(read(octets).iter_parts())[1].get_filename()

    assert shown
    assert not re.search(r"[/\r\n\u202e]", shown)
    assert "X-Evil" not in names(octets)
    assert max(map(len, octets.split(b"\r\n"))) <= 76


def test_a_content_type_that_is_none_becomes_plain_octets() -> None:
    octets = compose(draft(files=(OutgoingFile("a", "text/html\r\nX-Evil: 1", b"x"),)), DATE)

    assert list(read(octets).iter_parts())[1].get_content_type() == "application/octet-stream"


def test_foreign_ids_that_are_none_are_left_out() -> None:
    odd = ("fine@example.com", "a b@example.com", "x@y>\r\nX-Evil: 1", "no-at", "é@example.com", "l" * 300 + "@x")
    message = read(compose(draft(in_reply_to=odd[2], references=odd), DATE))

    assert "In-Reply-To" not in message
    assert message["References"].split() == [f"<{TOKEN}@tickets.example.org>", "<fine@example.com>"]


def test_long_threads_keep_the_newest_references() -> None:
    many = tuple(f"n{number}@example.com" for number in range(200))
    references = read(compose(draft(references=many), DATE))["References"].split()

    assert len(references) == 33
    assert references[-1] == "<n199@example.com>"


@pytest.mark.parametrize(
    "changes",
    [
        {"message_id": "no id"},
        {"message_id": "a@b>\r\nX: y"},
        {"loop_token": "a b"},
        {"loop_token": "a\r\nX: y"},
        {"from_": Mailbox("", "support@example.org>\r\nX-Evil: 1")},
        {"to": (Mailbox("", "a@b.example, c@d.example"),)},
        {"to": (Mailbox("", '"a>b"@example.org'),)},
        {"cc": (Mailbox("", "<a@example.org>"),)},
        {"reply_to": Mailbox("", "")},
        {"html": "x", "files": (OutgoingFile("a", "image/png", b"", "a>\r\nX: y"),)},
    ],
)
def test_what_must_be_exact_is_refused_if_it_is_not(changes) -> None:
    with pytest.raises(NotSendable):
        compose(draft(**changes), DATE)


def test_internationalised_domains_travel_in_ascii_and_local_parts_as_they_are() -> None:
    octets = compose(draft(to=(Mailbox("Zoë", "zoe@exämple.example"), Mailbox("", "zoë@example.com"))), DATE)
    value = dict(split(octets)[0])["To"]

    assert "zoe@xn--exmple-cua.example" in value
    assert "zoë@example.com" in value


def test_lines_that_invite_changes_are_hidden() -> None:
    octets = compose(draft(text="From here on\n.\ntrailing  \n\ttab\t\nend"), DATE)

    assert b"\r\nFrom here" not in octets
    assert b"\r\n.\r\n" not in octets
    assert not re.search(rb"[ \t]\r\n", octets)
    assert read(octets).get_content().replace("\r\n", "\n") == "From here on\n.\ntrailing  \n\ttab\t\nend\n"


def test_a_text_in_another_script_takes_the_shorter_encoding() -> None:
    octets = compose(draft(text="こんにちは、世界。" * 30), DATE)

    assert read(octets)["Content-Transfer-Encoding"] == "base64"
    assert read(octets).get_content().strip() == "こんにちは、世界。" * 30


def test_composing_is_deterministic() -> None:
    one = draft(html="<p>x</p>", files=(OutgoingFile("a", "text/plain", b"y"),))

    assert compose(one, DATE) == compose(one, DATE)


# --- properties -----------------------------------------------------------------------------------------------

nasty = st.one_of(
    st.text(max_size=300),
    st.lists(
        st.sampled_from(
            ["\r\n", "\n", "\r", "\0", "\x85", "\u2028", "\u202e", "=?utf-8?q?=0d=0aX:y?=", " ", "a", "é", "\ud800",
             "X-Evil: 1", ".", '"', "\\", "<", ">", ",", "\U0001f600", "x" * 90]
        ),
        max_size=30,
    ).map("".join),
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(subject=nasty, name=nasty, text=nasty, html=st.none() | nasty, filename=nasty, kind=nasty, reference=nasty)
def test_no_value_makes_a_field_or_a_line_that_was_not_meant(  # noqa: PLR0917 - one per place of a mail
    subject, name, text, html, filename, kind, reference
) -> None:
    hostile = draft(
        subject=subject,
        from_=Mailbox(name, "support@example.org"),
        to=(Mailbox(name, "ada@example.com"), Mailbox(name, "bob@example.com")),
        text=text,
        html=html,
        in_reply_to=reference,
        references=(reference,),
        files=(OutgoingFile(filename, kind, text.encode("utf-8", "replace")),),
    )
    octets = compose(hostile, DATE)
    expected = ["Date", "From", "To", "Subject", "Message-ID", "References", "X-Auto-Response-Suppress",
                "X-Poterne-Loop", "X-Poterne-Ref", "MIME-Version", "Content-Type"]  # fmt: skip

    assert [found for found in names(octets) if found != "In-Reply-To"] == expected
    assert max(map(len, octets.split(b"\r\n"))) <= 998
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)|\0", octets)
    assert octets.isascii()
    assert octets.endswith(b"\r\n")
    message = read(octets)
    assert message.defects == []
    assert next(part.get_content_type() for part in message.walk()) == "multipart/mixed"
    assert len(list(message.iter_parts())) == 2


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zl", "Zp"]), max_size=200))
def test_a_subject_reads_back(subject: str) -> None:
    octets = compose(draft(subject=subject), DATE)
    value = dict(split(octets)[0])["Subject"]
    shown = str(make_header(decode_header(value.strip())))

    assert " ".join(shown.split()) == " ".join(subject.split())
    assert max(map(len, octets.split(b"\r\n"))) <= 76


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=400))
def test_a_text_reads_back(text: str) -> None:
    message = read(compose(draft(text=text), DATE))

    assert message.get_content().replace("\r\n", "\n").rstrip("\n") == text.rstrip("\n")


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zl", "Zp"]), max_size=120))
def test_a_display_name_reads_back(name: str) -> None:
    octets = compose(draft(to=(Mailbox(name, "ada@example.com"),)), DATE)
    # The standard library's policy.default puts a blank between encoded words of a phrase; mail programs do not.
    value = dict(split(octets)[0])["To"]
    shown = str(make_header(decode_header(value.rpartition("<")[0].strip()))).strip()
    (box,) = parse_mailboxes(value)

    assert box.address == "ada@example.com"
    assert box.name == " ".join(name.split())
    assert " ".join(shown.replace("\\", "").strip('"').split()) == box.name.replace("\\", "").strip('"')
