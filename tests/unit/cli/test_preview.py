"""`poterne explain --preview`: what would be sent, as text, page and mail; nothing is stored and nothing is sent."""

from __future__ import annotations

import sqlite3
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from gateway.cli import preview as commands
from gateway.mail import preview as letters
from tests.unit.cli.conftest import Poterne
from tests.unit.cli.test_explain import ABSENT, CUSTOMER
from tests.unit.outbound.test_appearance import PNG


@pytest.fixture
def mail(tmp_path: Path) -> Path:
    (tmp_path / "mail.eml").write_bytes(CUSTOMER)
    return tmp_path / "mail.eml"


def test_the_commands_know_the_letters_that_there_are() -> None:
    assert commands.KINDS == letters.KINDS
    assert commands.LOCALES == letters.LOCALES


def test_without_a_kind_it_is_the_acknowledgement(poterne: Poterne, config: Path, mail: Path) -> None:
    seen = poterne("explain", "--preview", mail, "-c", config)
    lines = seen.out.splitlines()

    assert (seen.code, seen.err) == (0, "")
    assert lines[0] == f"{mail}: would be sent, if the bound allows it"
    assert lines[1:3] == ["From: Example Support <support@example.org>", "To: marie@example.net"]
    assert lines[3].startswith("Reply-To: Example Support <support-in+")
    assert lines[4] == "Subject: [#1042] We have received your message"
    assert "A person will read it and answer you." in seen.out


def test_what_would_not_be_sent_says_why_and_shows_it_all_the_same(
    poterne: Poterne, config: Path, tmp_path: Path
) -> None:
    (tmp_path / "absent.eml").write_bytes(ABSENT)
    seen = poterne("explain", tmp_path / "absent.eml", "--preview", "acknowledgement", "-c", config)

    assert "absent.eml: would not be sent: " in seen.out
    assert "auto-submitted" in seen.out.splitlines()[0].lower()


@pytest.mark.parametrize("kind", letters.KINDS)
def test_each_letter_in_each_language_and_queue(poterne: Poterne, config: Path, mail: Path, kind: str) -> None:
    for locale, queue in (("en", "support"), ("fr", "billing")):
        seen = poterne("explain", "--preview", kind, "--queue", queue, "--locale", locale, "--json", mail, "-c", config)
        (found,) = seen.objects

        assert seen.code == 0
        assert found["disposition"] == "ticket"
        assert (found["preview"]["kind"], found["preview"]["queue"]) == (kind, queue)
        assert f"{queue}@example.org" in found["preview"]["from"]
        assert f'<html lang="{locale}">' in found["preview"]["html"]
        assert found["preview"]["text"].strip()


def test_page_and_mail_are_written_where_they_are_wanted(poterne: Poterne, config: Path, mail: Path) -> None:
    logo = config.parent / "logo.png"
    logo.write_bytes(PNG)
    config.write_text(config.read_text() + f"    appearance: {{logo: {logo}}}\n")
    page, out = config.parent / "page.html", config.parent / "letter.eml"
    seen = poterne(
        "explain", "--preview", "reply", "--queue", "billing", "--html", page, "--eml", out, mail, "-c", config
    )
    message = message_from_bytes(out.read_bytes(), policy=policy.default)

    assert (seen.code, seen.err) == (0, "")
    assert 'src="data:image/png;base64,' in page.read_text()
    assert "cid:" not in page.read_text()
    assert message["Subject"] == "[#1042] Re: Facture n° 2231"
    assert {part.get_content_type() for part in message.walk()} >= {"text/plain", "text/html", "image/png"}
    assert poterne("explain", "--preview", "reply", "--html", "-", mail, "-c", config).out.startswith("<!DOCTYPE html>")


def test_nothing_is_stored(poterne: Poterne, config: Path, mail: Path) -> None:
    poterne("explain", "--preview", "--database", mail, "-c", config)
    database = config.parent / "poterne.db"

    with sqlite3.connect(database) as connection:
        counts = [connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in ("tickets", "outgoings")]
    assert counts == [0, 0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--queue", "support", "MAIL"], "--queue goes with --preview; add --preview"),
        (
            ["--preview", "reply", "--queue", "nowhere", "MAIL"],
            "there is no queue nowhere; use one of: support, billing",
        ),
        (["--preview", "reply"], "there is no FILE: name one"),
        (["--preview", "--eml", "/nowhere/x.eml", "MAIL"], "/nowhere/x.eml: no such file or directory"),
        (["--preview", "--eml", "x.eml", "MAIL", "MAIL"], "one letter is written at a time"),
        (["--preview", "poem", "MAIL"], "poem: No such file or directory; name a file that holds one mail"),
    ],
)
def test_what_does_not_fit_says_so(
    poterne: Poterne, config: Path, mail: Path, arguments: list[str], words: str
) -> None:
    seen = poterne("explain", *[str(mail) if word == "MAIL" else word for word in arguments], "-c", config)

    assert seen.code != 0
    assert words in seen.err
