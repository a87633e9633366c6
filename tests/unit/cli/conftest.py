from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from gateway.cli.frame import run
from gateway.config import load_without_secrets
from gateway.console import open_desk
from gateway.mail import parse
from gateway.model import Envelope
from gateway.pipeline import settle
from gateway.store import migrate

CONFIGURATION = """\
hostname: tickets.example.org
database: sqlite:///{folder}/poterne.db
secret: {{file: "{folder}/secret"}}
queues:
  support:
    creation_addresses: [support-in@tickets.example.org, {{address: incident@tickets.example.org, type: incident}}]
    inboxes: [support@example.org]
    forwarders: [support@example.org]
    from: Example Support <support@example.org>
  billing:
    creation_addresses: [billing-in@tickets.example.org]
    inboxes: [billing@example.org]
    from: Example Billing <billing@example.org>
    acknowledge: false
"""


@dataclass(frozen=True, slots=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


Poterne = Callable[..., Result]


@pytest.fixture(autouse=True)
def own_umask() -> Iterator[None]:
    """Commands keep what they write private; in this process, that must not outlive them."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration that can be used."""
    return write_configuration(tmp_path / "desk")


def write_configuration(folder: Path) -> Path:
    """Write a configuration that can be used, and its secret."""
    folder.mkdir()
    secret = folder / "secret"
    secret.write_bytes(b"0123456789abcdef" * 3)
    secret.chmod(0o600)
    path = folder / "poterne.yaml"
    path.write_text(CONFIGURATION.format(folder=folder), encoding="utf-8")
    return path


@pytest.fixture
def poterne(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Poterne:
    """Runs `poterne` in this process, as the command would."""
    monkeypatch.delenv("POTERNE_CONFIG", raising=False)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)

    def call(*arguments: str | Path) -> Result:
        capsys.readouterr()
        words: Sequence[str] = [str(argument) for argument in arguments]
        code = run(words)
        seen = capsys.readouterr()
        return Result(code, seen.out, seen.err)

    return call


def customer(number: int, **extra: str) -> bytes:
    """A person's mail. `extra` adds header fields, `_` standing for a hyphen."""
    lines = [
        f"From: Marie Durand <marie{number}@example.net>",
        "To: support@example.org",
        f"Subject: Invoice {number}",
        f"Message-ID: <customer-{number}@example.net>",
        "Date: Mon, 02 Mar 2026 09:12:00 +0100",
        *(f"{name.replace('_', '-')}: {value}" for name, value in extra.items()),
        "",
        f"The total of invoice {number} is wrong.",
        "",
    ]
    return "\r\n".join(lines).encode()


@lru_cache
def empty_database() -> bytes:
    """A database of the present schema, as octets: migrating one for every test takes longer than the tests."""
    with TemporaryDirectory() as folder:
        migrate(f"sqlite:///{folder}/poterne.db")
        return (Path(folder) / "poterne.db").read_bytes()


def with_database(config: Path) -> None:
    """Put an empty database beside the configuration, if there is none."""
    path = config.parent / "poterne.db"
    if "sqlite:" in config.read_text() and not path.exists():
        path.write_bytes(empty_database())
        path.chmod(0o600)


def take(config: Path, *mails: bytes, rcpt_to: str = "support-in@tickets.example.org") -> None:
    """Take mails and judge them, as the daemon would."""
    with_database(config)

    async def work() -> None:
        async with open_desk(load_without_secrets(config)) as desk:
            for raw in mails:
                now = datetime.now(UTC)
                queue = desk.policy.routes.route(rcpt_to)
                assert queue is not None
                mail_from = parse(raw).first("return-path").strip("<>") or "marie@example.net"
                await desk.books.accept(raw, [Envelope(mail_from, rcpt_to, now)], [queue.queue])
                for claim in await desk.books.claim_intakes(10, timedelta(minutes=1)):
                    mail = parse(claim.raw)
                    await desk.books.transact(partial(settle, claim=claim, mail=mail, policy=desk.policy, now=now))

    asyncio.run(work())


def hold(config: Path, raw: bytes) -> int:
    """Take one mail that ends in quarantine; return its intake."""
    with_database(config)

    async def work() -> int:
        async with open_desk(load_without_secrets(config)) as desk:
            now = datetime.now(UTC)
            envelope = Envelope("marie@example.net", "support-in@tickets.example.org", now)
            (intake,) = await desk.books.accept(raw, [envelope], ["support"])
            (claim,) = await desk.books.claim_intakes(1, timedelta(minutes=1))
            await desk.books.hold_intake(claim, "parser-died", "the parser died over it")
            return intake

    return asyncio.run(work())
