"""Every directory tests/config/c-NN-name/ holds a configuration and the exact words that refuse it.

GOLDEN=write in the environment writes the words anew; read them before you commit them.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from gateway.config import examine
from gateway.config.load import load
from gateway.errors import ConfigError

CASES = sorted((Path(__file__).parents[2] / "config").glob("c-*"))


@pytest.fixture(scope="session")
def key_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the secrets and keys, good and bad, that the cases name."""
    directory = tmp_path_factory.mktemp("keys")
    private = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    rsa2048 = rsa.generate_private_key(65537, 2048)
    content = {
        "secret": b"k" * 48 + b"\n",
        "short": b"too short\n",
        "webhook": b"whsec_" + b"a2tr" * 10 + b"\n",
        "open": b"k" * 48,
        "empty": b"\n",
        "rsa2048.pem": rsa2048.private_bytes(*private),
        "open.pem": rsa2048.private_bytes(*private),
        "public.pem": rsa2048.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "rsa1024.pem": rsa.generate_private_key(65537, 1024).private_bytes(*private),
        "p256.pem": ec.generate_private_key(ec.SECP256R1()).private_bytes(*private),
        "ed25519.pem": ed25519.Ed25519PrivateKey.generate().private_bytes(*private),
    }
    for name, octets in content.items():
        path = directory / name
        path.write_bytes(octets)
        path.chmod(0o640 if name.startswith("open") else 0o600)
    return directory


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_each_bad_configuration_is_refused_with_its_words(
    case: Path, key_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(key_files)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    seen = examine(case / "poterne.yaml", {})
    lines = [str(problem) for problem in (*seen.problems, *seen.elsewhere)]
    lines += [f"warning: {problem}" for problem in seen.warnings]
    found = "".join(f"{line}\n" for line in lines).replace(f"{case}/", "")
    expected = case / "expected.txt"
    if os.environ.get("GOLDEN") == "write":
        expected.write_text(found, encoding="utf-8")

    assert found == expected.read_text(encoding="utf-8")
    assert found, "a case that is not refused proves nothing"


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_only_warnings_let_the_daemon_start(case: Path, key_files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(key_files)
    expected = (case / "expected.txt").read_text(encoding="utf-8").splitlines()
    problems = [line for line in expected if not line.startswith("warning: ")]
    if not problems:
        assert load(case / "poterne.yaml", {}).queues
        return
    with pytest.raises(ConfigError) as refused:
        load(case / "poterne.yaml", {})

    assert len(refused.value.problems) == len(problems)


def test_cases_are_numbered_once() -> None:
    numbers = [path.name.split("-")[1] for path in CASES]

    assert len(numbers) == len(set(numbers)) >= 30
