"""Every command, with canaries wherever a secret can stand: none of them may come out again."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.unit.cli.conftest import Poterne, customer, hold, take, write_configuration

CANARY = "canary-7d1e-hunter2-do-not-print-me"
CALLS = [
    ["check"], ["check", "--json"], ["doctor"], ["doctor", "--json"], ["intakes", "--json"], ["intakes", "trace", "1"],
    ["tickets"], ["outbox", "list", "--json"], ["quarantine", "list"], ["replay"], ["audit"], ["blocklist", "list"],
    ["agent", "list", "--json"], ["postfix", "maps"], ["dkim", "record"], ["dkim", "verify"], ["migrate"],
    ["webhooks", "list", "--json"], ["webhooks", "deliveries", "--json"],
    ["outbox", "pause", "relay"], ["connect", "it"], ["reply", "1"], ["serve", "--nonsense"],
]  # fmt: skip


@pytest.fixture(scope="module")
def canaries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A desk with some mail, whose every secret is the canary."""
    config = write_configuration(tmp_path_factory.mktemp("canaries") / "desk")
    (config.parent / "secret").write_text(CANARY * 2)
    password = config.parent / "password"
    password.write_text(CANARY)
    password.chmod(0o600)
    config.write_text(
        config.read_text()
        + f"""\
channels:
  it: {{type: smtp, host: smtp.abc.example, username: it, password: {{file: {password}}}}}
webhooks:
  chat: {{url: https://chat.example.org/hook, secret: {{env: POTERNE_TEST_SECRET}}}}
dkim:
  - {{domain: example.org, selector: s1, key: {{file: {password}}}}}
"""
    )
    take(config, customer(1))
    hold(config, customer(2))
    return config


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
def test_no_command_prints_a_secret(
    poterne: Poterne, canaries: Path, call: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POTERNE_TEST_SECRET", CANARY)
    monkeypatch.setenv("POTERNE_TRACEBACK", "1")
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"text\n")))
    seen = poterne(*call, "-c", canaries)

    assert CANARY not in seen.out
    assert CANARY not in seen.err
    assert seen.out or seen.err or call[0] == "agent", "there are no agents"
