from __future__ import annotations

import asyncio
import io
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from gateway.config import load_without_secrets
from gateway.console import open_desk
from gateway.mail.compose import compose
from gateway.model import Draft, OutgoingId
from tests.unit.cli.conftest import Poterne, customer, take


def write(monkeypatch: pytest.MonkeyPatch, octets: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(octets)))


def replies(poterne: Poterne, config: Path) -> list[dict[str, object]]:
    lines = poterne("outbox", "list", "--json", "-c", config).objects
    return [line for line in lines if line["kind"] == "reply"]


def test_a_reply_goes_to_the_requester_and_those_in_copy(
    poterne: Poterne, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(config, customer(1, Cc="Bob <bob@example.net>, support@example.org"))
    write(monkeypatch, b"Merci, nous regardons.\n")
    seen = poterne("reply", "1", "--as", "Léa", "-c", config)

    assert (seen.code, seen.err) == (0, "")
    assert seen.out.startswith("ticket 1: the reply is queued as outgoing ")
    assert sorted(str(line["recipient"]) for line in replies(poterne, config)) == [
        "bob@example.net",
        "marie1@example.net",
    ]
    assert poterne("tickets", "--json", "-c", config).objects[0]["status"] == "waiting"


def test_a_reply_can_spare_those_in_copy(poterne: Poterne, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take(config, customer(1, Cc="Bob <bob@example.net>"))
    write(monkeypatch, b"Only for you.\n")
    seen = poterne("reply", "1", "--no-cc", "--json", "-c", config)

    assert seen.objects[0]["ticket"] == 1
    assert [line["recipient"] for line in replies(poterne, config)] == ["marie1@example.net"]


def test_a_reply_continues_the_customers_mail_and_quotes_no_note(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gateway.console import answer as answering

    take(config, customer(1, References="<older@example.net>"))
    drafts: list[Draft] = []

    async def work() -> None:
        async with open_desk(load_without_secrets(config)) as desk:
            await desk.books.add_note(1, "lea", "the customer is a SECRET-NOTE")
            made = desk.books.transact

            async def transact(job: object) -> object:
                def spy(writer: object) -> object:
                    def queue_reply(ticket: object, make: object, author: str) -> object:
                        assert callable(make)
                        drafts.append(make(OutgoingId(77)))
                        return OutgoingId(77)

                    assert callable(job)
                    return job(SimpleNamespace(queue_reply=queue_reply))

                return await made(spy)

            monkeypatch.setattr(desk.books, "transact", transact)
            await answering.answer(desk, 1, "We look at it.", "lea")

    asyncio.run(work())
    (draft,) = drafts
    text = draft.text + (draft.html or "")

    assert draft.in_reply_to == "customer-1@example.net"
    assert "older@example.net" in draft.references
    assert draft.references[-1] == "customer-1@example.net"
    assert [box.address for box in draft.to] == ["marie1@example.net"]
    assert "We look at it." in text
    assert "The total of invoice 1 is wrong." in text
    assert "SECRET-NOTE" not in text
    assert b"\r\nIn-Reply-To: <customer-1@example.net>\r\n" in compose(draft, datetime.now(UTC))


@pytest.mark.parametrize(
    ("number", "octets", "code", "said"),
    [
        ("1", b"  \n", 65, "the reply is empty; write its text on standard input"),
        ("1", b"caf\xe9\n", 65, "the text is not UTF-8; convert it, as by: iconv -t UTF-8"),
        ("1", b"x" * ((1 << 20) + 1), 65, "the text is larger than 1048576 octets"),
        ("99", b"text\n", 66, "99"),
        ("0", b"text\n", 64, "Invalid value for 'NUMBER'"),
    ],
)
def test_a_reply_that_cannot_go_says_why(  # noqa: PLR0917 - fixtures and one case
    poterne: Poterne, config: Path, monkeypatch: pytest.MonkeyPatch, number: str, octets: bytes, code: int, said: str
) -> None:
    take(config, customer(1))
    write(monkeypatch, octets)
    seen = poterne("reply", number, "-c", config)

    assert seen.code == code
    assert said in seen.err
    assert replies(poterne, config) == []


def test_a_reply_to_a_blocked_address_does_not_leave(
    poterne: Poterne, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(config, customer(1))
    poterne("blocklist", "add", "*@example.net", "-c", config)
    write(monkeypatch, b"text\n")
    seen = poterne("reply", "1", "-c", config)

    assert seen.code == 65
    assert replies(poterne, config) == []


def test_a_reply_needs_the_secret(poterne: Poterne, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take(config, customer(1))
    (config.parent / "secret").chmod(0o644)
    write(monkeypatch, b"text\n")
    seen = poterne("reply", "1", "-c", config)

    assert seen.code == 78
    assert "open to others" in seen.err
