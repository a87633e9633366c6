from __future__ import annotations

import copy
import json
import logging
import pickle
from pathlib import Path

import pytest

from gateway.config import Hidden, SecretUnavailable, examine, read_key, read_secret
from gateway.config.settings import Secret

CANARY = "canary-0b5f1a-hunter2-never-print-this"


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(CANARY + "\n")
    path.chmod(0o600)
    return path


def test_a_secret_is_read_from_each_source(secret_file: Path) -> None:
    environment = {"NAME": CANARY, "CREDENTIALS_DIRECTORY": str(secret_file.parent)}
    sources = [Secret(file=secret_file), Secret(env="NAME"), Secret(credential="secret")]

    assert [read_secret(source, environment).text() for source in sources] == [CANARY] * 3


def test_only_the_final_newline_is_taken_off(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b" two \n\n")
    path.chmod(0o600)

    assert read_secret(Secret(file=path)).value == b" two \n"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610])
def test_a_file_that_others_can_open_is_refused(secret_file: Path, mode: int) -> None:
    secret_file.chmod(mode)
    with pytest.raises(SecretUnavailable, match=f"has mode {mode:04o}, open to others; chmod 0600"):
        read_secret(Secret(file=secret_file))


def test_a_directory_is_no_secret(tmp_path: Path) -> None:
    with pytest.raises(SecretUnavailable):
        read_secret(Secret(file=tmp_path))


@pytest.mark.parametrize("name", ["../secret", "a/b", "..", "."])
def test_a_credential_cannot_climb_out(secret_file: Path, name: str) -> None:
    inside = secret_file.parent / "credentials"
    inside.mkdir()
    with pytest.raises(SecretUnavailable, match="not a plain name"):
        read_secret(Secret(credential=name), {"CREDENTIALS_DIRECTORY": str(inside)})


def test_a_short_key_is_refused_without_showing_it(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("hunter2")
    path.chmod(0o600)
    with pytest.raises(SecretUnavailable, match="7 octets long") as refused:
        read_key(Secret(file=path))

    assert "hunter2" not in str(refused.value)


def test_a_secret_shows_itself_nowhere(secret_file: Path, caplog: pytest.LogCaptureFixture) -> None:
    secret = read_secret(Secret(file=secret_file))
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("test").warning("secret %s %r", secret, secret)
    shown = [repr(secret), str(secret), f"{secret}", f"{secret:>60}", f"{secret!r}", f"{[secret]}", caplog.text]
    shown += [repr({"secret": secret}), json.dumps({"secret": secret}, default=str)]

    assert not [text for text in shown if CANARY in text]


def test_a_secret_is_neither_pickled_nor_lost_by_copying(secret_file: Path) -> None:
    secret = read_secret(Secret(file=secret_file))
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(secret)

    assert copy.copy(secret) is secret
    assert copy.deepcopy([secret])[0] is secret
    assert secret == Hidden(CANARY.encode())


def test_no_message_about_a_configuration_shows_a_secret(secret_file: Path, tmp_path: Path) -> None:
    """Every secret of this file is wrong in some way; what is said about it must not hold the canary."""
    path = tmp_path / "poterne.yaml"
    path.write_text(
        f"hostname: tickets.example.org\n"
        f"secret: {CANARY}\n"
        f"database: mysql://root:{CANARY}@localhost/poterne\n"
        f"queues:\n  support: {{creation_addresses: [in@tickets.example.org]}}\n"
        f"channels:\n  it: {{type: smtp, host: h.example.org, username: it, password: {CANARY}}}\n"
        f"webhooks:\n  chat: {{url: 'https://user:{CANARY}@chat.example.org/', secret: [{CANARY}]}}\n"
        f"  more: {{url: 'https://user:{CANARY}@chat.example.org/', secret: {{file: {secret_file}}}}}\n"
        f"agents: {{oidc_issuer: 'http://x:{CANARY}@login.example.org', oidc_client_secret: {CANARY}}}\n"
        f"dkim:\n  - {{domain: example.org, selector: p2026, key: {{file: {secret_file}}}}}\n"
    )
    seen = examine(path, {})
    said = "\n".join(str(problem) for problem in (*seen.problems, *seen.warnings, *seen.elsewhere))

    assert len(seen.problems) >= 7
    assert CANARY not in said
