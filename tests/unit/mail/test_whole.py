"""The mail as a whole: its digest, its labels, its JSON, its description, and the fuzzers' short runs."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.mail import parse, wire
from gateway.mail.describe import describe
from gateway.model import Action, Field, Mailbox, ParsedMail, Report, ReportedRecipient, ReportKind
from tests.fuzz import doubling, doubling_public
from tests.fuzz.doubling_subjects import Subject, repeat_text
from tests.fuzz.oracle import BrokenPromiseError, check
from tests.fuzz.run import run
from tests.fuzz.seeds import DELIVERY_STATUS, PDF, RECEIVED, b64, mail, multipart, part, seeds

# --- I6: the digest ---------------------------------------------------------------------------------------------

HEAD = (
    b"From: Jane <jane@example.org>\r\nTo: s@example.net\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    b"Date: Tue, 3 Mar 2026 09:14:05 +0100\r\n"
)
PLAIN = HEAD + b"Content-Type: text/plain; charset=utf-8\r\n"


def test_a_redelivery_has_the_same_digest() -> None:
    body = "Grüße, wie geht es?\r\nzweite Zeile\r\n".encode()
    one = parse(PLAIN + b"Content-Transfer-Encoding: 8bit\r\n\r\n" + body)
    again = [
        RECEIVED
        + b"Return-Path: <x@example.org>\r\nX-Spam-Status: No\r\n"
        + PLAIN
        + b"Content-Transfer-Encoding: 8bit\r\n\r\n"
        + body,
        b"DKIM-Signature: v=1\r\n" + PLAIN + b"Content-Transfer-Encoding: base64\r\n\r\n" + b64(body),
        PLAIN
        + b"Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe, wie geht=\r\n es?\r\nzweite Zeile\r\n",
        PLAIN.replace(b"=?utf-8?q?Gr=C3=BC=C3=9Fe?=", b"=?utf-8?b?R3LDvMOfZQ==?=") + b"\r\n" + body,
        PLAIN.replace(b"Subject: ", b"Subject:\r\n ") + b"\r\n" + body,
        PLAIN + b"\r\n" + body + b"\r\n",
        PLAIN + b"\r\n" + body.replace(b"?\r\n", b"? \r\n"),
    ]
    assert {item.digest for item in map(parse, again)} == {one.digest}
    assert re.fullmatch("[0-9a-f]{64}", one.digest)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"wie geht", b"wie steht"),
        (b"jane@example.org", b"joan@example.org"),
        (b"R3LDvA", b"R3LDtg"),
        (b"s@example.net", b"t@example.net"),
        (b"09:14:05", b"09:14:06"),
    ],
)
def test_another_mail_has_another_digest(old: bytes, new: bytes) -> None:
    raw = PLAIN.replace(b"=?utf-8?q?Gr=C3=BC=C3=9Fe?=", b"=?utf-8?b?R3LDvA==?=") + b"\r\nwie geht es?\r\n"
    assert old in raw
    assert parse(raw).digest != parse(raw.replace(old, new)).digest


def test_the_digest_covers_attachments() -> None:
    def of(content: bytes, encoding: str, encoded: bytes) -> str:
        body = multipart(
            "b",
            part("Content-Type: text/plain", body=b"see file"),
            part("Content-Type: application/pdf; name=a.pdf", f"Content-Transfer-Encoding: {encoding}", body=encoded),
        )
        assert content
        return parse(mail('Content-Type: multipart/mixed; boundary="b"', body=body)).digest

    assert of(PDF, "base64", b64(PDF)) == of(PDF, "binary", PDF)
    assert of(PDF, "base64", b64(PDF)) != of(PDF + b"x", "base64", b64(PDF + b"x"))


# --- labels -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content_type", "body", "smime", "pgp"),
    [
        ('multipart/signed; protocol="application/pkcs7-signature"; boundary=b', b"", "signed (not verified)", None),
        ('multipart/signed; protocol="application/x-pkcs7-signature"; boundary=b', b"", "signed (not verified)", None),
        ('multipart/signed; protocol="application/pgp-signature"; boundary=b', b"", None, "signed (not verified)"),
        ('multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b', b"", None, "encrypted"),
        ("application/pkcs7-mime; smime-type=enveloped-data", b"", "encrypted", None),
        ("application/x-pkcs7-mime; smime-type=authEnveloped-data", b"", "encrypted", None),
        (
            "application/pkcs7-mime; smime-type=signed-data",
            b"",
            "signed, the content is inside the signature (not verified)",
            None,
        ),
        (
            "application/pkcs7-mime",
            b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02",
            "signed, the content is inside the signature (not verified)",
            None,
        ),
        (
            "application/pkcs7-mime; name=smime.p7m",
            b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03",
            "encrypted",
            None,
        ),
        ("text/plain", b"Hi\r\n-----BEGIN PGP MESSAGE-----\r\nx\r\n", None, "encrypted"),
        ("text/plain", b"-----BEGIN PGP SIGNED MESSAGE-----\r\nx\r\n", None, "signed (not verified)"),
        ("text/plain", b"> -----BEGIN PGP MESSAGE-----\r\n", None, None),
        ("text/plain", b"Hello\r\n", None, None),
    ],
)
def test_cryptography_is_labelled(content_type: str, body: bytes, smime: str | None, pgp: str | None) -> None:
    found = parse(mail(f"Content-Type: {content_type}", body=body)).security
    assert (found.smime, found.pgp) == (smime, pgp)


@pytest.mark.parametrize(
    ("content_type", "body", "method"),
    [
        ("text/calendar; method=REPLY", b"BEGIN:VCALENDAR\r\nMETHOD:REPLY\r\n", "REPLY"),
        ("text/calendar", b"BEGIN:VCALENDAR\r\nmethod: cancel \r\n", "CANCEL"),
        ("text/calendar; method=request", b"BEGIN:VCALENDAR\r\n", "REQUEST"),
        ("text/plain", b"METHOD:REPLY\r\n", ""),
    ],
)
def test_the_method_of_a_calendar_part(content_type: str, body: bytes, method: str) -> None:
    assert parse(mail(f"Content-Type: {content_type}", body=body)).calendar_method == method


# --- the wire ---------------------------------------------------------------------------------------------------


def test_every_seed_survives_the_wire() -> None:
    for raw in seeds():
        found = parse(raw)
        assert wire.loads(wire.dumps(found)) == found


def test_every_field_travels() -> None:
    """The fields whose types are no plain text, none at its default."""
    recipient = ReportedRecipient("a@example.org", Action.DELAYED, "4.2.2", permanent=False, diagnostic="full")
    found = ParsedMail(
        fields=(Field("x", "ü😀", 3),),
        date=datetime(2026, 3, 3, tzinfo=UTC),
        from_=Mailbox("J", "a@example.org"),
        sender=Mailbox("K", "b@example.org"),
        report=Report(ReportKind.DELIVERY, (recipient,), ("id@x",), "d", standard=False),
        html="<p>",
        signature="s",
        reply_html="r",
    )
    again = wire.loads(wire.dumps(found))
    assert again == found
    assert again.report is not None
    assert isinstance(again.report.recipients[0].action, Action)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b"null",
        b"[1]",
        b'"x"',
        b"\xff",
        wire.dumps(ParsedMail()).replace(b'""', b"1", 1),
        wire.dumps(ParsedMail())[:-1] + b",1]",
        b"[" * 100_000,
    ],
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        wire.loads(data)


# --- the description --------------------------------------------------------------------------------------------


def test_the_description_has_the_keys_of_the_contract() -> None:
    report = multipart(
        "r",
        part("Content-Type: text/plain", body=b"failed"),
        part("Content-Type: message/delivery-status", body=DELIVERY_STATUS),
    )
    found = describe(
        parse(
            mail(
                'Content-Type: multipart/report; report-type=delivery-status; boundary="r"',
                "From: postmaster",
                body=report,
            )
        )
    )
    assert set(found) == {"message", "bounce"}
    keys = "message_id subject date from reply_to to cc text html reply_text signature attachments security defects"
    assert set(found["message"]) == set(keys.split())
    assert found["message"]["from"] == {"name": "postmaster", "address": ""}
    assert {"filename", "content_type", "size", "sha256", "content_id", "inline", "from_tnef"} <= set(
        found["message"]["attachments"][0]
    )
    assert found["bounce"] == [
        {
            "recipient": "bob@example.net",
            "action": "failed",
            "status": "5.1.1",
            "permanent": True,
            "diagnostic": found["bounce"][0]["diagnostic"],
        }
    ]


# --- fuzzing ----------------------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=600))
def test_any_octets(raw: bytes) -> None:
    assert check(raw).size == len(raw)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(seeds()), st.integers(0, 3000), st.integers(0, 200), st.binary(max_size=20))
def test_any_damage(raw: bytes, at: int, length: int, put: bytes) -> None:
    damaged = raw[:at] + put + raw[at + length :]
    assert check(damaged).size == len(damaged)


def test_mutants() -> None:
    """A short run of `make fuzz`, another one in each test run."""
    seed = int(datetime.now(UTC).timestamp())
    result = run(seed, 20_000, 15, 1)
    assert result.faults == [], f"seed {seed}"
    assert result.mutants >= 500
    assert result.memory < 400 << 20


def test_the_oracle_sees_what_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.mail.charset._UNSHOWN_ASCII", b"")
    with pytest.raises(BrokenPromiseError):
        check(b"From: a@example.org\r\n\r\na\x07b\r\n")


def test_doubling() -> None:
    """The subjects of the long run that hurt readers most, at sizes for which there is time."""
    wanted = (
        "parse one line",
        "parse quoted lines",
        "parse attributions",
        "parse html quotes",
        "parse lines of dashes",
        "words",
        "parameters, quotes",
        "extract yEnc",
        "parse_mailboxes quotes",
    )
    subjects = [subject for subject in doubling.SUBJECTS if subject.name in wanted]
    assert len(subjects) == len(wanted)
    assert doubling.run(subjects, 600_000, loud=False) == []


def test_every_public_function_is_measured() -> None:
    measured = {subject.name for subject in doubling_public.PUBLIC}
    assert measured == doubling_public.public_functions()
    assert len(measured) > 100


def test_every_measured_function_has_work_that_grows() -> None:
    for subject in doubling_public.PUBLIC:
        small, large = subject.make(2_000), subject.make(20_000)
        subject.run(small)
        assert len(repr(large)) > 2 * len(repr(small)), subject.name


def test_the_stopwatch_sees_quadratic_readers() -> None:
    def quadratic(text: str) -> int:
        return sum(1 for at in range(0, len(text), 64) for _ in range(0, at, 64))

    subject = Subject("quadratic", quadratic, repeat_text("a"))
    assert doubling.run([subject], 200_000, loud=False)
