"""The wire form: what comes out is what went in, the text travels once, and nothing else is taken for a mail."""

from __future__ import annotations

import json

import pytest

from gateway.mail import parse, wire
from gateway.model import ParsedMail


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("", ""),
        ("Hello\n", "Hello"),
        ("Hello", "Hello"),
        ("Yes.\n\n> May I?\n", "Yes."),
        ("> May I?\n\nYes.\n", "Yes."),
        ("Grüße 😀\n> x\n", "Grüße 😀"),
        ("7", "7"),
    ],
)
def test_text_and_what_is_new_in_it_come_out_as_they_went_in(text, reply):
    mail = ParsedMail(text=text, reply_text=reply, fingerprint="0f", words="may i")
    read = wire.loads(wire.dumps(mail))

    assert read == mail
    assert (read.fingerprint, read.words) == ("0f", "may i")


@pytest.mark.parametrize("html", [None, "", "<p>é\n</p>", "\ud800 😀"])
@pytest.mark.parametrize("text", ["", "a\nb\n", "\ud800 é\x00"])
def test_texts_of_any_signs_travel_beside_the_rest(text, html):
    mail = ParsedMail(text=text, html=html, reply_html=html, words=text, subject="a\nb")
    read = wire.loads(wire.dumps(mail))

    assert (read, read.words) == (mail, mail.words)


def test_a_text_that_begins_with_what_is_new_travels_once():
    mail = parse(b"Subject: x\r\n\r\n" + b"All work and no play makes the postman a dull boy.\r\n" * 400)

    assert mail.reply_text
    assert len(wire.dumps(mail)) < len(mail.text) * 1.2


WHOLE = wire.dumps(ParsedMail(text="Hello", html="<p>Hello</p>"))


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[]", b"[1]", b"null", json.dumps([7] * 40).encode(), WHOLE[:-1], WHOLE + b"x", WHOLE[:-1] + b"\xff",
     WHOLE.replace(b",5,", b",-5,"), WHOLE.replace(b",5,", b",true,"), WHOLE.replace(b"\n", b"")],
)  # fmt: skip
def test_anything_else_is_refused(data):
    with pytest.raises(ValueError, match=r"."):
        wire.loads(data)
