from __future__ import annotations

from pathlib import Path

import pytest

from gateway.console import signing
from tests.unit.cli.conftest import Poterne, customer


@pytest.mark.parametrize("algorithm", ["rsa", "ed25519"])
def test_a_key_is_made_for_its_owner_alone(poterne: Poterne, tmp_path: Path, algorithm: str) -> None:
    path = tmp_path / "key.pem"
    seen = poterne(
        "dkim", "generate", "--algorithm", algorithm, "--out", path, "--domain", "example.org", "--selector", "s1"
    )
    record = poterne("dkim", "record", path)

    assert seen.code == 0
    assert path.stat().st_mode & 0o777 == 0o600
    assert "s1._domainkey.example.org. IN TXT (" in seen.out
    assert f"  - {{domain: example.org, selector: s1, key: {{file: {path}}}}}" in seen.out
    assert record.out.startswith(f"v=DKIM1; k={algorithm}; ")
    assert "PRIVATE" not in seen.out


def test_a_key_is_never_overwritten(poterne: Poterne, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_text("precious")
    seen = poterne("dkim", "generate", "--out", path)

    assert seen.code == 73
    assert path.read_text() == "precious"


def test_a_key_that_others_can_read_gives_no_record(poterne: Poterne, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    poterne("dkim", "generate", "--algorithm", "ed25519", "--out", path)
    path.chmod(0o644)
    seen = poterne("dkim", "record", path)

    assert seen.code == 65
    assert f"chmod 600 {path}" in seen.err


def configured(config: Path, path: Path) -> None:
    config.write_text(config.read_text() + f"dkim: [{{domain: example.org, selector: s1, key: {{file: {path}}}}}]\n")


def test_the_records_of_the_configured_keys_are_printed(poterne: Poterne, config: Path, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    poterne("dkim", "generate", "--algorithm", "ed25519", "--out", path)
    configured(config, path)

    assert poterne("dkim", "record", "-c", config).out.startswith("s1._domainkey.example.org v=DKIM1; k=ed25519; ")
    assert poterne("dkim", "record", "--zone", "-c", config).out.startswith("s1._domainkey.example.org. IN TXT ( ")


def test_configured_keys_are_compared_with_the_dns(
    poterne: Poterne, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "key.pem"
    poterne("dkim", "generate", "--algorithm", "ed25519", "--out", path)
    configured(config, path)
    check = signing.check_record
    monkeypatch.setattr(signing, "check_record", lambda key: check(key, lambda _: key.record))
    assert poterne("dkim", "verify", "-c", config).out == "s1._domainkey.example.org: pass\n"
    monkeypatch.setattr(signing, "check_record", lambda key: check(key, lambda _: None))
    seen = poterne("dkim", "verify", "-c", config)

    assert seen.code == 1
    assert "has no TXT record; publish: s1._domainkey.example.org. IN TXT" in seen.out


def test_without_keys_there_is_nothing_to_compare(poterne: Poterne, config: Path) -> None:
    seen = poterne("dkim", "verify", "-c", config)

    assert seen.code == 66
    assert seen.err == "poterne: no keys are configured; name mails to verify, or add keys under dkim\n"


def test_a_mail_without_signature_does_not_pass(poterne: Poterne, tmp_path: Path) -> None:
    path = tmp_path / "mail.eml"
    path.write_bytes(customer(1))
    seen = poterne("dkim", "verify", path)

    assert seen.code == 1
    assert "the mail has no signature" in seen.out


def test_a_signed_mail_passes_and_a_changed_one_does_not(
    poterne: Poterne, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gateway.outbound.dkim import sign

    key = signing.load_key("example.org", "s1", signing.generate("ed25519"))
    verify = signing.verify
    monkeypatch.setattr(signing, "verify", lambda raw: verify(raw, lambda _: key.record))
    good, bad = tmp_path / "good.eml", tmp_path / "bad.eml"
    signed = sign(customer(1), [key], 1_700_000_000)
    good.write_bytes(signed)
    bad.write_bytes(signed.replace(b"wrong", b"right"))
    passed, failed = poterne("dkim", "verify", "--json", good), poterne("dkim", "verify", "--json", good, bad)

    assert (passed.code, passed.objects[0]["result"]) == (0, "example.org s1 pass")
    assert failed.code == 1
    assert failed.objects[1]["result"].startswith("example.org s1 fail")
