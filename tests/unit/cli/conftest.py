from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.frame import run

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


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration that can be used."""
    folder = tmp_path / "desk"
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
