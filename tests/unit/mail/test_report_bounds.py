"""The report readers on hostile input: they never raise, and their time grows with the size of a mail only."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.mail import report, report_second, tree
from gateway.model import Report
from tests.support.growth import assert_linear, seconds

HEAD = b"From: MAILER-DAEMON@example.net\r\nTo: desk@example.org\r\nSubject: failure notice\r\nReturn-Path: <>\r\n"
SHAPES = {
    "plain": (b"text/plain", b"%b"),
    "html": (b"text/html", b"%b"),
    "dsn": (b"multipart/report; boundary=b", b"--b\r\nContent-Type: message/delivery-status\r\n\r\n%b\r\n--b--\r\n"),
    "arf": (
        b"multipart/report; report-type=feedback-report; boundary=b",
        b"--b\r\nContent-Type: message/feedback-report\r\n\r\n%b\r\n--b--\r\n",
    ),
    "mdn": (
        b"multipart/report; boundary=b",
        b"--b\r\nContent-Type: message/disposition-notification\r\n\r\n%b\r\n--b--\r\n",
    ),
    "calendar": (b"text/calendar", b"METHOD:REPLY\r\n%b"),
}
PIECES = [
    b"a@example.org\r\n",
    b"<x@example.org>:\r\n",
    b"550 5.1.1 x\r\n",
    b"a",
    b"@",
    b"Message-ID: <a@b>\r\n",
    b"References: <a@b>\r\n <c@d>\r\n",
    b"\r\n",
    b"<a ",
    b"(",
    b'ATTENDEE"',
    b"Final-Recipient: rfc822; a@example.org\r\n",
    b"Action: failed\r\n\r\n",
    b"x" * 70 + b"@",
    b"<style>",
]


def addresses(root):
    found = report.read_report(root)
    return [item.recipient for item in found.recipients] if found else None


def mail(shape, body):
    kind, frame = SHAPES[shape]
    return tree.split(HEAD + b"Content-Type: " + kind + b"\r\n\r\n" + frame.replace(b"%b", body))


PAIRS = [(shape, piece) for shape in ("plain", "html") for piece in PIECES]
PAIRS += [
    ("dsn", piece) for piece in (b"\r\n", b"Action: failed\r\n\r\n", b"Final-Recipient: rfc822; a@example.org\r\n")
]
PAIRS += [("calendar", b'ATTENDEE"'), ("arf", b"Original-Rcpt-To: a@example.org\r\n"), ("mdn", b"(")]


@pytest.mark.parametrize(("shape", "piece"), PAIRS)
def test_time_grows_with_size_only(shape, piece):
    def make(size):
        return mail(shape, piece * (size // len(piece)))

    assert_linear(report.read_report, make, 30_000)
    assert seconds(report.read_report, make(1_000_000)) < 4


FIELDS = st.sampled_from(
    [
        b"Final-Recipient: rfc822; bob@example.org",
        b"Original-Recipient: rfc822;<>",
        b"Action: failed",
        b"Action:",
        b"Status: 5.1.1",
        b"Status: 9.9.9",
        b"Diagnostic-Code: smtp; 550 no",
        b"Feedback-Type: abuse",
        b"Disposition: x; displayed",
        b"METHOD:REPLY",
        b"ATTENDEE:mailto:bob@example.org",
        b"<bob@example.org>: unknown",
        b"--b",
        b"Content-Type: message/rfc822",
        b"Content-Transfer-Encoding: base64",
        b"",
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(SHAPES)), st.lists(st.one_of(FIELDS, st.binary(max_size=30)), max_size=25))
def test_nothing_raises(shape, lines):
    root = mail(shape, b"\r\n".join(lines))
    parts = list(root.walk())
    for reader in report.READERS:
        found = reader(root, parts)

        assert found is None or isinstance(found, Report)


def test_the_second_reader_survives_what_it_cannot_read(monkeypatch):
    def breaks(message):
        raise UnicodeError(message)

    monkeypatch.setattr(report_second, "all_failures", breaks)

    assert report_second.second_opinion(mail("plain", b"hello")) == ()


def test_the_second_reader_is_not_shown_towers():
    tower = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(100))

    assert report_second.second_opinion(tree.split(HEAD + tower)) == ()


def test_a_reader_that_breaks_has_no_opinion(monkeypatch):
    def breaks(root, parts):
        raise RuntimeError(root, parts)

    monkeypatch.setattr(report, "READERS", (breaks, *report.READERS))

    assert addresses(mail("plain", b"<bob@example.org>: user unknown")) == ["bob@example.org"]


def test_the_second_reader_finds_what_the_first_does_not():
    body = b"Your mail to the following recipients could not be delivered because =\r\n"
    body += b"they are not accepting mail from desk@example.org:\r\nbob\r\n"
    root = tree.split(
        b"From: MAILER-DAEMON@aol.com\r\nTo: desk@example.org\r\nSubject: Mail Delivery Problem\r\n"
        b"Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + body
    )

    assert addresses(root) == ["bob@aol.com"]
