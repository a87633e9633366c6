from __future__ import annotations

import sqlite3
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from gateway.cli import doctor_checks
from gateway.cli.doctor_checks import PYTHON_FLAWS, SQLITE_WAL_RESET, Grade, is_affected, newest_fix, parsed
from gateway.config import Settings
from gateway.model import InboxHealth, InboxRow
from tests.unit.cli.conftest import Poterne, customer, take


@pytest.mark.parametrize(
    ("version", "affected"),
    [
        ((3, 7, 0), True), ((3, 40, 1), True), ((3, 44, 5), True), ((3, 44, 6), False), ((3, 44, 9), False),
        ((3, 45, 0), True), ((3, 50, 6), True), ((3, 50, 7), False), ((3, 51, 2), True), ((3, 51, 3), False),
        ((3, 52, 0), False), ((4, 0, 0), False),
    ],
)  # fmt: skip
def test_the_sqlite_bug_is_known_by_version(version: tuple[int, ...], affected: bool) -> None:
    assert is_affected(version, SQLITE_WAL_RESET.fixed) is affected


@pytest.mark.parametrize(
    ("version", "names"),
    [
        ((3, 11, 2), ["CVE-2023-27043", "CVE-2024-6923", "CVE-2026-1299"]),
        ((3, 11, 14), ["CVE-2026-1299"]),
        ((3, 11, 15), []),
        ((3, 12, 5), ["CVE-2023-27043", "CVE-2026-1299"]),
        ((3, 13, 0), ["CVE-2026-1299"]),
        ((3, 13, 12), []),
        ((3, 14, 2), ["CVE-2026-1299"]),
        ((3, 15, 0), []),
    ],
)
def test_pythons_flaws_are_known_by_version(version: tuple[int, ...], names: list[str]) -> None:
    assert [flaw.name for flaw in PYTHON_FLAWS if is_affected(version, flaw.fixed)] == names


def test_the_cure_is_of_the_same_series() -> None:
    assert newest_fix((3, 11, 2)) == (3, 11, 15)
    assert newest_fix((3, 12, 1)) == (3, 12, 13)
    assert parsed("1.4.6.post1+local.7") == (1, 4, 6)


def test_what_is_installed_is_shown(poterne: Poterne, config: Path) -> None:
    seen = poterne("doctor", "--json", "-c", config)
    about = {line["about"]: line for line in seen.objects}

    assert seen.code == 0, seen.out
    assert ".".join(map(str, sys.version_info[:3])) in about["python"]["seen"]
    assert sqlite3.sqlite_version in about["sqlite"]["seen"]
    assert about["aiosmtpd"]["grade"] == "fine"
    assert about["database"]["seen"].endswith("is made when the daemon starts")


def test_an_old_library_is_bad(poterne: Poterne, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda name: "1.4.5" if name == "aiosmtpd" else "99")
    seen = poterne("doctor", "-c", config)

    assert seen.code == 1
    assert "bad       aiosmtpd: 1.4.5 has a known flaw: SMTP smuggling" in seen.out


def test_files_that_others_can_reach_are_bad(poterne: Poterne, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take(config, customer(1))
    monkeypatch.setattr(doctor_checks, "closed_above", lambda _: False)
    (config.parent / "poterne.db").chmod(0o644)
    config.chmod(0o666)
    seen = poterne("doctor", "-c", config)

    assert seen.code == 1
    assert f"database: {config.parent}/poterne.db is open to every user (mode 0644); chmod o=" in seen.out
    assert f"configuration: {config} can be changed by others (mode 0666); chmod go-w" in seen.out


def test_a_closed_folder_protects_what_lies_in_it(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o700)
    path = tmp_path / "closed" / "poterne.db"
    path.touch(mode=0o644)

    assert list(doctor_checks.readable_by_others("database", path)) == []
    assert doctor_checks.closed_above(path)


def test_a_forwarder_that_mail_would_go_back_to_is_named(poterne: Poterne, config: Path) -> None:
    config.write_text(config.read_text().replace("forwarders: [support@example.org]", "forwarders: [old@example.com]"))
    seen = poterne("doctor", "-c", config)
    assert (
        "loop blocklist: old@example.com forwards to queue support, and mail of ours to it would come back" in seen.out
    )
    poterne("blocklist", "add", "*@example.com", "-c", config)

    assert "loop blocklist" not in poterne("doctor", "-c", config).out


def test_a_forwarder_that_is_not_configured_is_named_with_its_line(poterne: Poterne, config: Path) -> None:
    forwarded = customer(1, Return_Path="<help+caf_=support-in=tickets.example.org@gmail.com>")
    raw = forwarded.replace(b"From:", b"X-Forwarded-For: help@gmail.com support-in@tickets.example.org\r\nFrom:", 1)
    config.write_text(config.read_text().replace("    forwarders: [support@example.org]\n", ""))
    take(config, raw)
    seen = poterne("doctor", "-c", config)

    said = "help@gmail.com forwards to us (1 of the last mails of queue support)"
    assert f"doubtful  forwarder: {said}; set queues.support.forwarders: [help@gmail.com]\n" in seen.out

    inboxes = "    inboxes: [support@example.org]\n"
    config.write_text(config.read_text().replace(inboxes, f"{inboxes}    forwarders: [help@gmail.com]\n"))
    assert "forwards to us (" not in poterne("doctor", "-c", config).out


def test_problems_of_the_configuration_come_first(poterne: Poterne, config: Path) -> None:
    config.write_text(config.read_text() + "plugins: []\n")
    seen = poterne("doctor", "-c", config)

    assert seen.code == 1
    assert seen.out.startswith(f"bad       configuration: {config}:15:1: plugins: is not a key")


def test_a_database_that_is_gone_is_bad(poterne: Poterne, config: Path) -> None:
    text = config.read_text()
    config.write_text(text.replace(text.split("database: ")[1].split("\n")[0], "postgresql+psycopg://x@127.0.0.1:9/x"))
    seen = poterne("doctor", "--json", "-c", config)

    assert seen.code == 1
    assert [line["grade"] for line in seen.objects if line["about"] == "database"] == [Grade.BAD]


def test_direct_inboxes_that_nobody_reads_are_named_with_the_cure() -> None:
    settings = cast("Settings", SimpleNamespace(connections=dict.fromkeys(("well", "new", "shut", "shaky"))))
    since = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    rows = [
        InboxRow("well", InboxHealth.OK, "read up to UID 7", since),
        InboxRow("shut", InboxHealth.REFUSED, "revoked; run `poterne connect` again", since),
        InboxRow("shaky", InboxHealth.RETRYING, "timed out; next try in 5 s", since),
        InboxRow("gone", InboxHealth.REFUSED, "no connection of this name any more", since),
    ]
    found = {item.seen.split()[0]: item for item in doctor_checks.direct_inboxes(settings, rows)}

    assert {name: item.grade for name, item in found.items()} == {
        "new": Grade.DOUBTFUL,
        "shut": Grade.BAD,
        "shaky": Grade.DOUBTFUL,
    }
    assert found["shut"].seen.endswith("since 2026-03-01 09:30 UTC: revoked; run `poterne connect` again")
