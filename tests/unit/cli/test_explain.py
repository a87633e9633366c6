from __future__ import annotations

import io
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from gateway.console.again import MOMENTARY
from gateway.model import Disposition, Kind
from tests.unit.cli.conftest import Poterne, customer, take

CUSTOMER = b"""\
Return-Path: <marie@example.net>\r
From: Marie Durand <marie@example.net>\r
To: support@example.org\r
Subject: =?utf-8?q?Facture_n=C2=B0_2231?=\r
Date: Mon, 02 Mar 2026 09:12:00 +0100\r
Message-ID: <one@example.net>\r
MIME-Version: 1.0\r
Content-Type: text/plain; charset=utf-8\r
\r
The total is wrong.\r
\r
-- \r
Marie\r
"""
ABSENT = CUSTOMER.replace(b"Subject:", b"Auto-Submitted: auto-replied\r\nSubject:")


@pytest.fixture
def mails(tmp_path: Path) -> list[Path]:
    found = []
    for name, raw in (("customer.eml", CUSTOMER), ("absent.eml", ABSENT), ("lf.eml", CUSTOMER.replace(b"\r\n", b"\n"))):
        (tmp_path / name).write_bytes(raw)
        found.append(tmp_path / name)
    return found


KEYS = {
    "file", "envelope", "message", "classification", "bounce", "requester", "disposition", "queue",
    "would_acknowledge", "would_send", "why_not",
}  # fmt: skip
MESSAGE_KEYS = {
    "message_id", "subject", "date", "from", "reply_to", "to", "cc", "text", "html", "reply_text", "signature",
    "attachments", "security", "defects",
}  # fmt: skip


def test_a_mail_is_explained_without_a_configuration(poterne: Poterne, mails: list[Path]) -> None:
    seen = poterne("explain", "--json", *mails)
    first, second, third = seen.objects

    assert seen.code == 0
    assert seen.err == ""
    assert set(first) == KEYS
    assert set(first["message"]) == MESSAGE_KEYS
    assert first["file"] == str(mails[0])
    assert first["envelope"] == {"mail_from": "marie@example.net", "rcpt_to": "support@poterne.invalid"}
    assert first["message"]["subject"] == "Facture n° 2231"
    assert first["message"]["date"] == "2026-03-02T09:12:00+01:00"
    assert first["message"]["from"] == {"name": "Marie Durand", "address": "marie@example.net"}
    assert first["message"]["reply_text"].strip() == "The total is wrong."
    assert (first["classification"]["kind"], first["disposition"], first["queue"]) == ("human", "ticket", "support")
    assert first["would_acknowledge"] is True
    assert first["would_send"] == [{"kind": "acknowledgement", "recipient": "marie@example.net"}]
    assert first["why_not"] == []
    assert (second["classification"]["kind"], second["would_acknowledge"]) == ("auto_reply", False)
    assert second["why_not"] != []
    assert {**third, "file": first["file"]} == first, "bare LF line ends change nothing"


def test_the_envelope_can_be_given(poterne: Poterne, config: Path, mails: list[Path]) -> None:
    seen = poterne(
        "explain", "--json", "-c", config, "--mail-from", "<>", "--rcpt", "Billing-In+x@tickets.example.org", mails[0]
    )
    (found,) = seen.objects

    assert found["envelope"] == {"mail_from": "", "rcpt_to": "Billing-In+x@tickets.example.org"}
    assert found["queue"] == "billing"
    assert found["would_acknowledge"] is False


def test_a_queue_that_does_not_acknowledge_says_so(poterne: Poterne, config: Path, mails: list[Path]) -> None:
    seen = poterne("explain", "--json", "-c", config, "--rcpt", "billing-in@tickets.example.org", mails[0])

    assert seen.objects[0]["why_not"] == ["the queue does not acknowledge"]


def test_a_recipient_that_no_queue_owns_is_named(poterne: Poterne, config: Path, mails: list[Path]) -> None:
    seen = poterne("explain", "--json", "-c", config, "--rcpt", "nobody@example.org", mails[0])

    assert seen.err == "warning: no queue owns nobody@example.org; the mail is judged for queue support\n"
    assert seen.objects[0]["queue"] == "support"


def test_a_secret_that_cannot_be_read_is_a_warning(poterne: Poterne, config: Path, mails: list[Path]) -> None:
    (config.parent / "secret").unlink()
    seen = poterne("explain", "-c", config, mails[0])

    assert seen.code == 0
    assert "tokens of our own mails are not recognised" in seen.err


def test_people_read_lines(poterne: Poterne, mails: list[Path]) -> None:
    seen = poterne("explain", mails[0])

    assert f"{mails[0]}: ticket in queue support" in seen.out
    assert "would send  acknowledgement to marie@example.net" in seen.out


def test_a_file_that_is_missing_does_not_stop_the_others(poterne: Poterne, mails: list[Path], tmp_path: Path) -> None:
    seen = poterne("explain", "--json", tmp_path / "absent", mails[0])

    assert seen.code == 66
    assert len(seen.objects) == 1
    assert seen.err.startswith(f"poterne: {tmp_path}/absent: No such file or directory")


def test_standard_input_is_read(poterne: Poterne, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(CUSTOMER)))

    assert poterne("explain", "--json", "-").objects[0]["file"] == "-"


@pytest.mark.parametrize(
    "raw", [b"", b"\x00", b"\r\n", b"Subject: \xff\xfe\r\n\r\n\xff", b"From: \xed\xa0\x80\r\n\r\n", b"a" * 100_000]
)
def test_no_octets_break_it(poterne: Poterne, tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "mail"
    path.write_bytes(raw)
    seen = poterne("explain", "--json", path)

    assert seen.code == 0
    assert seen.objects[0]["disposition"] in set(Disposition)
    assert seen.objects[0]["classification"]["kind"] in set(Kind)


def test_with_the_database_a_mail_is_judged_as_the_daemon_would(poterne: Poterne, config: Path, tmp_path: Path) -> None:
    first = customer(1)
    follow_up = customer(2, In_Reply_To="<customer-1@example.net>").replace(b"marie2@", b"marie1@")
    take(config, first)
    poterne("blocklist", "add", "*@example.net", "-c", config)
    files = []
    for name, raw in (("again", first), ("answer", follow_up), ("new", customer(3))):
        (tmp_path / name).write_bytes(raw)
        files.append(tmp_path / name)
    before = (config.parent / "poterne.db").read_bytes()
    without = poterne("explain", "--json", "-c", config, *files).objects
    seen = poterne("explain", "--json", "--database", "-c", config, *files)

    assert seen.code == 0, seen.err
    assert [line["disposition"] for line in without] == ["ticket", "ticket", "ticket"]
    assert [line["disposition"] for line in seen.objects] == ["duplicate", "append", "ticket"]
    assert "blocklist" in [verdict["rule"] for verdict in seen.objects[2]["classification"]["verdicts"]]
    assert len(poterne("intakes", "--json", "-c", config).objects) == 1
    assert (config.parent / "poterne.db").read_bytes() == before, "nothing was written"


def test_what_is_explained_is_what_becomes_of_it(poterne: Poterne, config: Path, tmp_path: Path) -> None:
    """One code path: the same mails, explained on an empty desk and then taken for real."""
    mails = [
        customer(1),
        customer(2, Auto_Submitted="auto-replied"),
        customer(3, List_Id="<news.example.com>", Precedence="bulk"),
        customer(4).replace(b"marie4@example.net", b"support@example.org"),
        customer(5).replace(b"marie5@", b"mailer-daemon@").replace(b"Invoice 5", b"Undelivered Mail"),
    ]
    files = []
    for number, raw in enumerate(mails):
        (tmp_path / str(number)).write_bytes(raw)
        files.append(tmp_path / str(number))
    explained = poterne("explain", "--json", "--mail-from", "marie@example.net", "-c", config, *files).objects
    take(config, *mails)
    taken = poterne("intakes", "--json", "-c", config).objects[::-1]

    assert [line["disposition"] for line in explained] == [line["disposition"] for line in taken]
    assert [[item["rule"] for item in line["classification"]["verdicts"]] for line in explained] == [
        [item["rule"] for item in line["verdicts"] if item["rule"] not in MOMENTARY] for line in taken
    ]
