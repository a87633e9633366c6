"""Signatures are dkimpy's to the octet, and nothing that is added or changed on the way survives them (T18)."""

from __future__ import annotations

import base64
import stat
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import dkim as dkimpy
import pytest
import time_machine
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.outbound import dkim
from gateway.outbound.dkim import KeyRefused, SigningKey
from tests.support.drafts import make_message, records, signing_keys
from tests.support.opendkim import opendkim_results

KEYS = signing_keys()
AT = 1_772_357_400
NO_ENCRYPTION = serialization.NoEncryption()


def seed(key: SigningKey) -> bytes:
    assert isinstance(key.private, ed25519.Ed25519PrivateKey)
    return base64.b64encode(key.private.private_bytes_raw())


def pem(private, form: serialization.PrivateFormat = serialization.PrivateFormat.PKCS8):
    return private.private_bytes(serialization.Encoding.PEM, form, NO_ENCRYPTION)


def test_both_keys_sign_and_both_implementations_agree(tmp_path: Path) -> None:
    signed = dkim.sign(make_message(), KEYS, AT)

    assert dkim.verify(signed, records(KEYS).get) == ("example.org r1 pass", "example.org e1 pass")
    assert opendkim_results(signed, records(KEYS), tmp_path) == ("rsa-sha256 pass", "ed25519-sha256 pass")


@pytest.mark.parametrize("text", ["plain\n", "", "tabs\tand  blanks  \n\n\n", "é" * 400, "x" * 2000])
def test_an_rsa_signature_equals_dkimpys_own(text: str) -> None:
    message = make_message(text=text, subject=f"[#1042] {text[:60]}")
    reader = dkimpy.DKIM(message)
    include = [name for name in dkim.OVERSIGNED for _ in range(1 + [n.lower() for n, _ in reader.headers].count(name))]
    with time_machine.travel(datetime.fromtimestamp(AT, UTC), tick=False):
        theirs = dkimpy.sign(
            message, b"r1", b"example.org", pem(KEYS[0].private, serialization.PrivateFormat.TraditionalOpenSSL),
            canonicalize=(b"relaxed", b"relaxed"), include_headers=include,
        )  # fmt: skip

    assert dkim.sign(message, KEYS[:1], AT) == theirs + message


def test_an_ed25519_signature_equals_dkimpys_own() -> None:
    message = make_message()
    reader = dkimpy.DKIM(message)
    include = [name for name in dkim.OVERSIGNED for _ in range(1 + [n.lower() for n, _ in reader.headers].count(name))]
    with time_machine.travel(datetime.fromtimestamp(AT, UTC), tick=False):
        theirs = dkimpy.sign(
            message, b"e1", b"example.org", seed(KEYS[1]), signature_algorithm=b"ed25519-sha256",
            canonicalize=(b"relaxed", b"relaxed"), include_headers=include,
        )  # fmt: skip

    assert dkim.sign(message, KEYS[1:], AT) == theirs + message


FIELDS = st.tuples(
    st.sampled_from([b"From", b"TO", b"Subject", b"x-loop", b"X-Other", b"References"]),
    st.lists(st.sampled_from([b"a", b"b:c", b" ", b"\t", b"\r\n ", b"\r\n\t", b"\xc3\xa9"]), max_size=8).map(b"".join),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(FIELDS, max_size=12))
def test_any_header_is_signed_as_dkimpy_signs_it(fields: list[tuple[bytes, bytes]]) -> None:
    head = b"".join(name + b":" + value.rstrip(b"\r\n\t ") + b"\r\n" for name, value in fields)
    message = b"From: support@example.org\r\n" + head + b"\r\nHello.\r\n"
    present = [name.lower().strip() for name, _ in dkimpy.DKIM(message).headers]
    include = [name for name in dkim.OVERSIGNED for _ in range(1 + present.count(name))]
    with time_machine.travel(datetime.fromtimestamp(AT, UTC), tick=False):
        theirs = dkimpy.sign(
            message, b"e1", b"example.org", seed(KEYS[1]), signature_algorithm=b"ed25519-sha256",
            canonicalize=(b"relaxed", b"relaxed"), include_headers=include,
        )  # fmt: skip

    assert dkim.sign(message, KEYS[1:], AT) == theirs + message


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from([b"a", b"bc", b" ", b"\t", b"\r\n", b"\r\n\r\n", b"  "]), max_size=20).map(b"".join))
def test_any_body_is_hashed_as_dkimpy_hashes_it(body: bytes) -> None:
    head = make_message().partition(b"\r\n\r\n")[0]
    message = head + b"\r\n\r\n" + body

    assert dkim.verify(dkim.sign(message, KEYS[1:], AT), records(KEYS).get) == ("example.org e1 pass",)


def test_without_keys_the_message_stays_as_it_is() -> None:
    assert dkim.sign(make_message(), (), AT) == make_message()


ADDED = [
    b"From: evil@example.net", b"Subject: other", b"To: eve@example.net", b"Cc: eve@example.net", b"Date: now",
    b"Message-ID: <x@y>", b"Reply-To: eve@example.net", b"In-Reply-To: <x@y>", b"References: <x@y>",
    b"Content-Type: text/html", b"MIME-Version: 1.0", b"Content-Transfer-Encoding: base64", b"Sender: eve@example.net",
    b"Auto-Submitted: auto-replied", b"Precedence: bulk", b"X-Auto-Response-Suppress: All", b"List-Id: <l.example>",
    b"List-Unsubscribe: <https://example.net>", b"X-Loop: x", b"X-Poterne-Loop: x", b"X-Poterne-Ref: x",
]  # fmt: skip


def tampered(signed: bytes) -> dict[str, bytes]:
    head, _, body = signed.partition(b"\r\n\r\n")
    return {
        **{f"{field.decode()} in front": field + b"\r\n" + signed for field in ADDED},
        **{f"{field.decode()} behind": head + b"\r\n" + field + b"\r\n\r\n" + body for field in ADDED},
        "body with more": signed + b"more\r\n",
        "body with less": signed[:-20],
        "other subject": signed.replace(b"The printer", b"The scanner"),
        "other token": signed.replace(b"X-Poterne-Loop: ", b"X-Poterne-Loop: a"),
    }


@pytest.mark.parametrize("key", KEYS, ids=["rsa", "ed25519"])
def test_whatever_is_added_or_changed_fails_in_dkimpy(key: SigningKey) -> None:
    cases = tampered(dkim.sign(make_message(), (key,), AT))
    survived = [name for name, octets in cases.items() if dkim.verify(octets, records(KEYS).get)[-1].endswith("pass")]

    assert survived == []
    assert len(cases) == 46


def test_whatever_is_added_or_changed_fails_in_opendkim(tmp_path: Path) -> None:
    cases = tampered(dkim.sign(make_message(), KEYS[:1], AT))
    results = {name: opendkim_results(octets, records(KEYS), tmp_path) for name, octets in cases.items()}

    # Whatever was cut short in the last line is not even considered; everything else was verified, and failed.
    assert {name: found for name, found in results.items() if found != ("rsa-sha256 fail",)} == {"body with less": ()}


def test_trace_fields_and_folding_on_the_way_do_no_harm(tmp_path: Path) -> None:
    signed = dkim.sign(make_message(), KEYS, AT)
    moved = b"Received: from a by b; Sun, 1 Mar 2026 09:30:00 +0000\r\nReturn-Path: <x@example.org>\r\n" + signed
    moved = moved.replace(b"Subject: [#1042] Re: The", b"subject:  [#1042]\r\n\tRe: The")

    assert dkim.verify(moved, records(KEYS).get) == ("example.org r1 pass", "example.org e1 pass")
    assert opendkim_results(moved, records(KEYS), tmp_path) == ("rsa-sha256 pass", "ed25519-sha256 pass")


@pytest.mark.parametrize(
    ("domain", "selectors"),
    [
        ("example.org", ["r1", "e1"]),
        ("Tickets.Example.org", ["r1", "e1"]),
        ("example.com", []),
        ("badexample.org", []),
        ("org", []),
    ],
)
def test_only_our_own_domain_is_signed(domain: str, selectors: list[str]) -> None:
    assert [key.selector for key in dkim.keys_for(KEYS, domain)] == selectors


def test_the_nearest_domain_signs() -> None:
    below = replace(KEYS[0], domain="desk.example.org", selector="near")

    assert [key.selector for key in dkim.keys_for((*KEYS, below), "a.desk.example.org")] == ["near"]


# --- keys -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_a_generated_key_is_readable_for_its_owner_only_and_loads(kind, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    dkim.write_key_file(path, dkim.generate(kind))
    dkim.check_key_file(path)
    key = dkim.load_key("Example.org.", "p2026", path.read_bytes())

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert key.name == "p2026._domainkey.example.org"
    assert key.record.startswith(f"v=DKIM1; k={kind}; h=sha256; s=email; p=")
    assert "private" not in repr(key)
    with pytest.raises(FileExistsError):
        dkim.write_key_file(path, b"")


def test_openssl_reads_the_same_public_key_as_the_record_shows(tmp_path: Path) -> None:
    (tmp_path / "k").write_bytes(pem(KEYS[0].private))
    shown = subprocess.run(
        ["openssl", "pkey", "-in", tmp_path / "k", "-pubout"], capture_output=True, check=True
    ).stdout

    assert KEYS[0].record.rpartition("p=")[2].encode() == b"".join(shown.splitlines()[1:-1])


def test_every_form_of_a_key_loads(tmp_path: Path) -> None:
    traditional = pem(KEYS[0].private, serialization.PrivateFormat.TraditionalOpenSSL)

    assert dkim.load_key("example.org", "r1", traditional).record == KEYS[0].record
    assert dkim.load_key("example.org", "e1", seed(KEYS[1]).decode() + "\n").record == KEYS[1].record


@pytest.mark.parametrize(
    ("octets", "problem"),
    [
        (b"", "is not an RSA or Ed25519"),
        (b"nonsense", "is not an RSA or Ed25519"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "is not an RSA or Ed25519"),
        (pem(rsa.generate_private_key(65537, 1024)), "only 1024 bit"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "is not an RSA or Ed25519"),
    ],
    ids=["empty", "nonsense", "broken", "weak", "curve"],
)
def test_a_key_that_must_not_sign_is_refused_with_the_cure(octets: bytes, problem: str) -> None:
    with pytest.raises(KeyRefused, match=problem) as caught:
        dkim.load_key("example.org", "x", octets)

    assert "poterne dkim generate" in caught.value.cure


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_key_file_that_others_can_read_is_refused(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    dkim.write_key_file(path, b"x")
    path.chmod(mode)

    with pytest.raises(KeyRefused, match=rf"mode 0{mode:o}\); chmod 600"):
        dkim.check_key_file(path)


def test_a_key_file_must_be_a_file_of_sane_size(tmp_path: Path) -> None:
    (tmp_path / "empty").touch(0o600)
    with pytest.raises(KeyRefused, match="0 octets"):
        dkim.check_key_file(tmp_path / "empty")
    with pytest.raises(KeyRefused, match="no regular file"):
        dkim.check_key_file(tmp_path)
    with pytest.raises(KeyRefused, match="cannot read"):
        dkim.check_key_file(tmp_path / "absent")


# --- what DNS shows -------------------------------------------------------------------------------------------


def test_the_zone_line_holds_the_record_in_strings_of_at_most_255_octets() -> None:
    strings = KEYS[0].zone_line.split('"')[1::2]

    assert "".join(strings) == KEYS[0].record
    assert max(map(len, strings)) <= 255


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        (KEYS[0].record, "pass"),
        (KEYS[0].record.replace("; k=rsa", ""), "pass"),
        (KEYS[0].record.replace("p=", "p= "), "pass"),
        (None, "fail: r1._domainkey.example.org has no TXT record"),
        ("v=DKIM1; p=", "fail: r1._domainkey.example.org is revoked"),
        (KEYS[1].record, "fail: r1._domainkey.example.org shows another key"),
        (KEYS[0].record.replace("k=rsa", "k=ed25519"), "fail: r1._domainkey.example.org names the wrong kind"),
    ],
    ids=["same", "no-kind", "blank", "absent", "revoked", "other", "wrong-kind"],
)
def test_the_published_record_is_compared_with_the_key(text: str | None, outcome: str) -> None:
    assert dkim.check_record(KEYS[0], lambda _name: text).startswith(outcome)


def test_verify_explains_what_is_wrong() -> None:
    signed = dkim.sign(make_message(), KEYS, AT)

    assert "fail" in dkim.verify(signed, lambda _name: None)[0]
    assert dkim.verify(make_message()) == ()
    assert dkim.verify(b"DKIM-Signature: nonsense\r\n" + signed, records(KEYS).get)[0].startswith("- ")
