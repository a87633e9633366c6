"""What operators change by hand: outbox, quarantine, blocklist, agents; and what checks the sum."""

from __future__ import annotations

import io
import sqlite3
import sys
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from gateway.cli import connect as connecting
from gateway.cli.frame import run
from gateway.console import accounts
from tests.unit.cli.conftest import Poterne, customer, hold, take, with_database


def states(poterne: Poterne, config: Path) -> dict[int, str]:
    return {line["id"]: line["state"] for line in poterne("outbox", "list", "--json", "-c", config).objects}


def test_the_outbox_is_listed(poterne: Poterne, config: Path) -> None:
    take(config, customer(1))
    (line,) = poterne("outbox", "list", "--json", "-c", config).objects

    assert (line["kind"], line["recipient"], line["channel"]) == ("acknowledgement", "marie1@example.net", "relay")
    assert (line["state"], line["attempts"], line["ticket"]) == ("queued", 0, 1)


def test_a_delivery_is_held_cancelled_and_retried(poterne: Poterne, config: Path) -> None:
    take(config, customer(1))

    assert poterne("outbox", "hold", "1", "-c", config).out == "1 is held\n"
    assert states(poterne, config) == {1: "held"}
    assert poterne("outbox", "cancel", "1", "-c", config).out == "1 is cancelled\n"
    assert states(poterne, config) == {1: "cancelled"}
    assert poterne("outbox", "retry", "1", "-c", config).out == "1 will be sent now\n"
    assert states(poterne, config) == {1: "queued"}
    assert poterne("outbox", "attempts", "1", "--json", "-c", config).objects == []


def test_what_cannot_be_done_does_not_stop_the_rest(poterne: Poterne, config: Path) -> None:
    take(config, customer(1))
    seen = poterne("outbox", "cancel", "99", "1", "-c", config)

    assert seen.code == 66
    assert seen.out == "1 is cancelled\n"
    assert seen.err.splitlines() == [
        "poterne: 99: there is no delivery 99",
        "poterne: 1 of 2 could not be done; see above",
    ]


def test_a_channel_is_paused_and_resumed(poterne: Poterne, config: Path) -> None:
    with_database(config)
    assert poterne("outbox", "pause", "relay", "-c", config).out == "channel relay is paused\n"
    assert "channel relay is paused since" in poterne("doctor", "-c", config).out
    assert poterne("outbox", "resume", "relay", "-c", config).out == "channel relay sends again\n"
    assert poterne("outbox", "resume", "relay", "-c", config).out == "channel relay was not paused\n"
    assert (
        poterne("outbox", "pause", "rely", "-c", config).err == "poterne: there is no channel rely; use one of relay\n"
    )


def test_what_is_held_is_seen_and_released_once(poterne: Poterne, config: Path) -> None:
    raw = customer(1)
    intake = hold(config, raw)
    (line,) = poterne("quarantine", "list", "--json", "-c", config).objects

    assert (line["id"], line["disposition"], line["because"]) == (intake, "quarantine", "the parser died over it")
    assert poterne("quarantine", "release", str(intake), "-c", config).out == f"{intake} is released\n"
    assert poterne("quarantine", "release", str(intake), "-c", config).out == f"{intake} is not held\n"
    assert poterne("quarantine", "list", "--json", "-c", config).objects == []
    take(config, customer(2))
    tickets = poterne("tickets", "--json", "-c", config).objects

    assert sorted(line["subject"] for line in tickets) == ["Invoice 1", "Invoice 2"]


def test_everything_held_is_judged_again(poterne: Poterne, config: Path) -> None:
    held = [hold(config, customer(number)) for number in (1, 2)]
    seen = poterne("quarantine", "replay", "--all", "-c", config)

    assert sorted(seen.out.splitlines()) == sorted(f"{intake} will be judged again" for intake in held)
    assert poterne("quarantine", "replay", "-c", config).code == 64
    assert poterne("quarantine", "release", "1", "--all", "-c", config).code == 64


def test_the_octets_of_a_mail_come_out_as_they_came(config: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    raw = customer(1).replace(b"wrong", b"\xff\x00wrong")
    intake = hold(config, raw)

    assert run(["quarantine", "raw", str(intake), "-c", str(config)]) == 0
    assert capfdbinary.readouterr().out == raw


def test_the_sum_is_checked(poterne: Poterne, config: Path) -> None:
    take(config, customer(1), customer(2))
    hold(config, customer(3))
    seen = poterne("audit", "--json", "-c", config)

    assert seen.code == 0
    assert seen.objects[0]["intakes"] == 3
    assert seen.objects[0]["dispositions"]["ticket"] == 2
    assert seen.objects[0]["problems"] == []


def test_a_mail_that_was_changed_on_disk_is_found(poterne: Poterne, config: Path) -> None:
    take(config, customer(1))
    with sqlite3.connect(config.parent / "poterne.db") as database:
        (table,) = database.execute(
            "select name from sqlite_master where sql like '%sha256%' and name like 'raw%'"
        ).fetchone()
        database.execute(f"update {table} set sha256 = replace(sha256, substr(sha256, 1, 4), '0000')")
    database.close()
    seen = poterne("audit", "-c", config)

    assert seen.code == 1
    assert "poterne: " in seen.err
    assert poterne("audit", "--fast", "-c", config).code == 0


def test_the_blocklist_is_kept(poterne: Poterne, config: Path) -> None:
    with_database(config)
    config.write_text(config.read_text() + 'loop_protection: {blocklist: ["noreply@*"]}\n')
    assert poterne("blocklist", "add", "*@lists.example.org", "--reason", "a list", "-c", config).code == 0
    found = {line["pattern"]: line["source"] for line in poterne("blocklist", "list", "--json", "-c", config).objects}

    assert found["*@lists.example.org"] == "stored"
    assert found["noreply@*"] == "configuration"
    assert found["support@example.org"] == "own address"
    assert poterne("blocklist", "remove", "*@lists.example.org", "-c", config).code == 0
    assert poterne("blocklist", "remove", "*@lists.example.org", "-c", config).code == 66


@pytest.mark.parametrize("pattern", ["", "*", "a b", "a@b.org\nx"])
def test_nonsense_is_not_blocked(poterne: Poterne, config: Path, pattern: str) -> None:
    seen = poterne("blocklist", "add", pattern, "-c", config)

    assert seen.code == 65
    assert "is not a usable pattern" in seen.err


def with_input(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_agents_are_added_listed_and_disabled(poterne: Poterne, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_database(config)
    with_input(monkeypatch, "correct horse battery\n")
    added = poterne("agent", "add", "lea@example.org", "--name", "Léa", "--password-stdin", "-c", config)
    (line,) = poterne("agent", "list", "--json", "-c", config).objects

    assert added.out == "agent lea@example.org has number 1\n"
    assert (line["address"], line["name"], line["role"], line["disabled_at"]) == (
        "lea@example.org",
        "Léa",
        "agent",
        None,
    )
    assert "password" not in line
    assert poterne("agent", "disable", "lea@example.org", "-c", config).code == 0
    assert poterne("agent", "list", "--json", "-c", config).objects[0]["disabled_at"] is not None
    assert poterne("agent", "disable", "lea@example.org", "--undo", "-c", config).code == 0
    assert poterne("agent", "list", "--json", "-c", config).objects[0]["disabled_at"] is None
    with_input(monkeypatch, "another horse battery\n")
    assert poterne("agent", "add", "Lea@example.org", "--name", "Léa", "--password-stdin", "-c", config).code == 65


def test_passwords_are_kept_as_argon2_only(poterne: Poterne, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_database(config)
    with_input(monkeypatch, "correct horse battery\n")
    poterne("agent", "add", "lea@example.org", "--name", "Léa", "--password-stdin", "-c", config)
    with_input(monkeypatch, "new horse, new battery\n")
    assert poterne("agent", "password", "lea@example.org", "--password-stdin", "-c", config).code == 0
    stored = b"".join(path.read_bytes() for path in config.parent.iterdir() if path.name.startswith("poterne.db"))
    with sqlite3.connect(config.parent / "poterne.db") as database:
        (hashed,) = database.execute("select password from agents").fetchone()
    database.close()

    assert b"horse" not in stored
    assert PasswordHasher().verify(hashed, "new horse, new battery")


@pytest.mark.parametrize(
    ("arguments", "password", "said"),
    [
        (["lea", "--name", "x"], "correct horse battery", "'lea' is not an address"),
        (["lea@example.org", "--name", " "], "correct horse battery", "the name is empty"),
        (["lea@example.org", "--name", "a\nb"], "correct horse battery", "holds control characters"),
        (["lea@example.org", "--name", "Léa"], "short", "the password has 5 characters; use at least 10"),
    ],
)
def test_an_account_needs_sense(  # noqa: PLR0917 - fixtures and one case
    poterne: Poterne, config: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], password: str, said: str
) -> None:
    with_input(monkeypatch, password + "\n")
    seen = poterne("agent", "add", *arguments, "--password-stdin", "-c", config)

    assert seen.code == 65
    assert said in seen.err


def test_an_unknown_agent_is_named(poterne: Poterne, config: Path) -> None:
    with_database(config)
    seen = poterne("agent", "disable", "nobody@example.org", "-c", config)

    assert seen.code == 66
    assert "nobody@example.org" in seen.err


def test_migrating_twice_changes_nothing(poterne: Poterne, config: Path) -> None:
    assert poterne("migrate", "-c", config).code == 0
    assert poterne("migrate", "-c", config).out == "the database has the present schema\n"
    assert (config.parent / "poterne.db").stat().st_mode & 0o077 == 0


def test_a_database_of_another_age_is_refused(poterne: Poterne, config: Path) -> None:
    poterne("migrate", "-c", config)
    with sqlite3.connect(config.parent / "poterne.db") as database:
        database.execute("update alembic_version set version_num = 'ffff'")
    database.close()
    seen = poterne("tickets", "-c", config)

    assert seen.code == 78
    assert len(seen.err.splitlines()) == 1


def test_only_accounts_of_office_365_sign_in(poterne: Poterne, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def sign_in(_settings: object, name: str, say: object) -> str:
        assert callable(say)
        say("enter CODE at https://login.example.org")
        return f"{name}@example.net"

    monkeypatch.setattr(accounts, "sign_in", sign_in)
    assert poterne("connect", "help", "-c", config).code == 66
    config.write_text(
        config.read_text() + "connections:\n"
        "  help: {type: office365, queue: support, account: help@example.net, tenant: t, client_id: c}\n"
    )
    seen = poterne("connect", "help", "-c", config)

    assert (seen.code, seen.out) == (0, "help is signed in as help@example.net\n")
    assert seen.err == "enter CODE at https://login.example.org\n"
    assert connecting.connect.name == "connect"
