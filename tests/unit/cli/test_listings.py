from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from gateway.cli import listings
from gateway.cli.output import cell
from tests.unit.cli.conftest import Poterne, customer, take


def test_intakes_are_listed_as_the_contract_says(poterne: Poterne, config: Path) -> None:
    raw = customer(1)
    take(config, raw)
    (line,) = poterne("intakes", "--json", "-c", config).objects

    assert list(line) == [
        "id", "received_at", "mail_from", "rcpt_to", "message_id", "sha256", "size", "state", "disposition", "ticket",
        "verdicts", "attempts",
    ]  # fmt: skip
    assert line["rcpt_to"] == "support-in@tickets.example.org"
    assert line["sha256"] == hashlib.sha256(raw).hexdigest()
    assert (line["size"], line["state"], line["disposition"], line["ticket"]) == (len(raw), "done", "ticket", 1)
    assert line["message_id"] == "customer-1@example.net"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+\+00:00", line["received_at"])


def test_tickets_are_listed_as_the_contract_says(poterne: Poterne, config: Path) -> None:
    take(config, customer(1))
    (line,) = poterne("tickets", "--json", "-c", config).objects

    assert list(line) == [
        "number", "queue", "type", "subject", "status", "requester", "assignee", "created_at", "updated_at", "entries",
    ]  # fmt: skip
    assert (line["number"], line["queue"], line["subject"]) == (1, "support", "Invoice 1")
    assert (line["status"], line["requester"], line["assignee"]) == ("new", "marie1@example.net", None)


def test_long_listings_are_read_page_by_page(poterne: Poterne, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listings, "PAGE", 2)
    take(config, *(customer(number) for number in range(1, 6)))

    assert [line["number"] for line in poterne("tickets", "--json", "-c", config).objects] == [5, 4, 3, 2, 1]
    assert [line["number"] for line in poterne("tickets", "--json", "-n", "3", "-c", config).objects] == [5, 4, 3]


def test_people_see_a_table_that_is_not_too_long(
    poterne: Poterne, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listings, "ON_SCREEN", 2)
    take(config, *(customer(number) for number in range(1, 4)))
    lines = poterne("tickets", "-c", config).out.splitlines()

    assert lines[0].split()[:3] == ["number", "queue", "status"]
    assert [line.split()[0] for line in lines[1:]] == ["3", "2"]
    assert "T" not in lines[1].split()[3], "times are written for people"


def test_a_cell_is_one_line_of_printable_text() -> None:
    assert cell("a\x1b[31m\r\nb\u202ec") == "a\ufffd[31m\ufffd\ufffdb\ufffdc"
    assert [cell(None), cell(""), cell(()), cell(0)] == ["-", "-", "-", "0"]


def test_a_subject_cannot_write_to_the_terminal(poterne: Poterne, config: Path) -> None:
    take(config, customer(1).replace(b"Invoice 1", b"=?utf-8?q?red_=1B[31m_alert?="))
    seen = poterne("tickets", "-c", config)

    assert "\x1b" not in seen.out
    assert "alert" in seen.out


@pytest.mark.parametrize("what", ["1", "customer-1@example.net", "<customer-1@example.net>", "marie1@example.net"])
def test_one_mail_is_traced_by_number_id_or_address(poterne: Poterne, config: Path, what: str) -> None:
    take(config, customer(1), customer(2))
    seen = poterne("intakes", "trace", what, "--json", "-c", config)

    assert seen.code == 0
    assert [line["row"]["message_id"] for line in seen.objects] == ["customer-1@example.net"]
    assert seen.objects[0]["deliveries"][0]["kind"] == "acknowledgement"


def test_a_trace_says_why(poterne: Poterne, config: Path) -> None:
    take(config, customer(1, Auto_Submitted="auto-replied"))
    seen = poterne("intakes", "trace", "1", "-c", config)

    assert "intake 1: " in seen.out
    assert "auto-replied" in seen.out


def test_a_mail_that_is_not_there_is_named(poterne: Poterne, config: Path) -> None:
    seen = poterne("intakes", "trace", "nobody@example.org", "-c", config)

    assert seen.code == 66
    assert seen.err == "poterne: no intake has nobody@example.org; give a number, a Message-ID or an address\n"
