"""Every letter before strangers: SpamAssassin, HTML Tidy, Python's strict parser; and its two parts say the same."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser

from gateway.mail.compose import compose
from gateway.mail.letters import Look
from gateway.mail.preview import KINDS, LOCALES, SAMPLE, preview
from gateway.model import Draft, OutgoingFile
from gateway.outbound import dkim
from tests.e2e.test_outbound_screens import make_png
from tests.support.drafts import DATE, signing_keys
from tests.support.letterheads import make_letterhead

pytestmark = pytest.mark.xdist_group("letters-linted")
LOGO = OutgoingFile("logo.png", "image/png", make_png(220, 48), "logo@tickets.example.org")
FULL = Look(
    accent="#2e8b57", signature="L’équipe\nExample SA", header="Example", footer="1 rue de l'Exemple", logo=LOGO
)
LOOKS = {"plain": Look(), "full": FULL, "without history": replace(FULL, history=False)}

# What SpamAssassin says that is no fault: it is HTML, it came from nowhere yet, and a short text may stand by a logo.
HARMLESS = frozenset({"HTML_MESSAGE", "NO_RECEIVED", "NO_RELAYS"})
BY_A_LOGO = frozenset({"HTML_IMAGE_ONLY_16", "HTML_IMAGE_ONLY_20", "HTML_IMAGE_ONLY_24", "HTML_IMAGE_ONLY_28"})
# Attributes that HTML 5 has no more and by which Outlook, which draws with Word, lays out tables.
FOR_OUTLOOK = re.compile(r'<(table|td)> attribute "(align|width|cellpadding|cellspacing|border)" not allowed for HTML5')
REPORT = re.compile(r"^X-Spam-Status: .*?tests=(.*?)\s+autolearn=", re.MULTILINE | re.DOTALL)


def letters_of(look: Look) -> dict[tuple[str, str], Draft]:
    """Return each letter in each language."""
    heads = {locale: make_letterhead(replace(look, locale=locale)) for locale in LOCALES}
    return {(kind, locale): preview(kind, heads[locale], SAMPLE, SAMPLE.from_) for kind in KINDS for locale in LOCALES}


def octets_of(draft: Draft) -> bytes:
    return dkim.sign(compose(draft, DATE), signing_keys(), int(DATE.timestamp()))


def spamassassin(mails: Iterable[bytes], folder: Path) -> list[set[str]]:
    """Return the names of the rules that match each mail, with Debian's rules and without the network."""
    box, preferences = folder / "mails.mbox", folder / "preferences"
    preferences.touch()
    lines = (mail.replace(b"\r\n", b"\n") for mail in mails)
    box.write_bytes(b"".join(b"From x@example.org Sun Mar  1 09:30:00 2026\n%s\n" % mail for mail in lines))
    command = ["spamassassin", "--local", "--test-mode", "--prefspath", str(preferences), "--mbox", str(box)]
    done = subprocess.run(command, capture_output=True, timeout=120, check=True)
    return [set(re.split(r"[,\s]+", found)) for found in REPORT.findall(done.stdout.decode("utf-8", "replace"))]


@pytest.mark.parametrize("name", LOOKS)
def test_spamassassin_finds_nothing_but_that_it_is_a_mail_with_a_logo(name: str, tmp_path: Path) -> None:
    drafts = letters_of(LOOKS[name])
    reports = spamassassin(map(octets_of, drafts.values()), tmp_path)

    assert len(reports) == len(drafts)
    allowed = HARMLESS | (BY_A_LOGO if LOOKS[name].logo else frozenset())
    assert [found - allowed for found in reports if found - allowed] == []


@pytest.mark.parametrize("name", LOOKS)
def test_tidy_finds_nothing_but_what_outlook_needs(name: str) -> None:
    for key, draft in letters_of(LOOKS[name]).items():
        done = subprocess.run(
            ["tidy", "-quiet", "-errors", "-utf8", "--show-warnings", "yes"],
            input=(draft.html or "").encode(), capture_output=True, timeout=20, check=False,
        )  # fmt: skip
        said = [line for line in done.stderr.decode().splitlines() if line and not FOR_OUTLOOK.search(line)]
        assert said == [], key


@pytest.mark.parametrize("name", LOOKS)
def test_the_structure_is_what_the_standards_say(name: str) -> None:
    for key, draft in letters_of(LOOKS[name]).items():
        octets = octets_of(draft)
        message = message_from_bytes(octets, policy=policy.strict)  # raises for every defect
        assert isinstance(message, EmailMessage)
        header = octets.partition(b"\r\n\r\n")[0]

        assert octets.isascii(), key
        assert b"\n" not in octets.replace(b"\r\n", b""), key
        assert b"\r" not in octets.replace(b"\r\n", b""), key
        assert max(map(len, octets.split(b"\r\n"))) <= 78, key  # RFC 5322 §2.1.1: more would be allowed
        for field in ("From", "Date", "Message-ID", "Subject", "MIME-Version", "To"):
            assert len(message.get_all(field, [])) == 1, (key, field)
        assert not {"bcc", "return-path", "received"} & {field.casefold() for field in message}, key
        assert b"=?" not in header or re.search(rb"=\?utf-8\?[bq]\?[!-~]+\?=", header), key
        for part in message.walk():
            assert part.defects == [], key
            assert part.get_content_maintype() == "multipart" or part.get_payload(decode=True), key
        alternative = next(part for part in message.walk() if part.get_content_type() == "multipart/alternative")
        kinds = [part.get_content_type() for part in alternative.iter_parts()]
        assert kinds == ["text/plain", "multipart/related" if draft.files else "text/html"], key
        named = set(re.findall(r'src="cid:([^"]+)"', draft.html or ""))
        held = {str(part["Content-ID"]).strip("<>") for part in message.walk() if part["Content-ID"]}
        assert named == held, key


def words_of_text(text: str) -> list[str]:
    """Return the words of the text part, without the marks of quotes and of the signature."""
    lines = [line.removeprefix(">") for line in text.split("\n") if line != "-- "]
    return " ".join(lines).split()


def words_of_html(html: str) -> list[str]:
    body = LexborHTMLParser(html).body
    assert body is not None
    return body.text(separator=" ").split()


@pytest.mark.parametrize("name", LOOKS)
def test_both_parts_say_the_same_words_in_the_same_order(name: str) -> None:
    for key, draft in letters_of(LOOKS[name]).items():
        said = words_of_text(draft.text)
        assert len(said) > 10, key
        assert said == words_of_html(draft.html or ""), key


def test_the_linters_would_notice(tmp_path: Path) -> None:
    draft = letters_of(FULL)["reply", "en"]
    other = replace(draft, text="Win MONEY now: click here.\n", html="<p>Nothing of the kind, see http://1.2.3.4/x")
    (found,) = spamassassin([octets_of(other)], tmp_path)
    tidy = subprocess.run(["tidy", "-quiet", "-errors"], input=b"<p><b>open", capture_output=True, check=False)

    assert found - HARMLESS - BY_A_LOGO
    assert tidy.returncode
    assert words_of_text(draft.text.replace("asking", "")) != words_of_html(draft.html or "")
