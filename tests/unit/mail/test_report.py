"""What machines say about mail, and what people say about machines."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.mail import headers, report, tree
from gateway.model import ReportKind

FOLDER = Path(__file__).parent / "samples_report"
OURS = ("m.token4711@tickets.example.org", "first@example.net", "m.older4710@tickets.example.org")

# sample: recipient, action, status, permanent; one row a recipient
STANDARD = {
    "dsn-five-actions": [
        ("failed@example.net", "failed", "5.1.1", True),
        ("late@example.net", "delayed", "4.4.1", False),
        ("there@example.net", "delivered", "2.1.5", False),
        ("on@example.net", "relayed", "2.1.5", False),
        ("list@example.net", "expanded", "2.1.5", False),
    ],
    "dsn-original-first": [("info@example.net", "failed", "5.2.2", True)],
    "dsn-base64": [("bob@example.net", "failed", "5.1.1", True)],
    "dsn-torn-groups": [("bob@example.net", "failed", "5.1.1", True)],
    "dsn-glued-groups": [("bob@example.net", "failed", "5.1.1", True), ("jane@example.net", "delayed", "4.4.7", False)],
    "dsn-global-ascii": [("bjørn@example.net", "failed", "5.1.1", True)],
    "dsn-global": [("bjørn@example.net", "failed", "5.1.1", True)],
    "dsn-warning": [("bob@example.net", "delayed", "4.4.1", False)],
    "dsn-without-action": [("bob@example.net", "failed", "5.1.1", True)],
    "dsn-status-in-diagnostic": [("bob@example.net", "failed", "5.7.1", True)],
    "dsn-without-recipient": [("bob@example.net", "failed", "5.1.1", True)],
    "dsn-mixed": [("bob@example.net", "failed", "5.1.1", True)],
    "ses": [("bob@example.net", "failed", "5.1.1", True)],
    "wrapped": [("info@example.net", "failed", "5.2.2", True)],
}
IN_WORDS = {
    "exim": [("bob@example.net", "failed", "5.1.1", True)],
    "exim-warning": [("bob@example.net", "delayed", "4.7.1", False)],
    "qmail": [("bob@example.net", "failed", "5.1.1", True), ("jane@example.net", "failed", "5.1.1", True)],
    "postfix-old": [("bob@example.net", "failed", "", True)],
    "sendmail-old": [("bob@example.net", "failed", "5.1.1", True)],
    "exchange5": [("BOB@EXAMPLE.NET", "failed", "", True)],
    "domino": [("bob@example.net", "failed", "", True)],
    "gmail-old": [("bob@example.net", "failed", "5.1.1", True)],
    "carrier-reason-list": [
        ("bob@mobile.example.net", "failed", "", True),
        ("jane@mobile.example.net", "failed", "", False),
    ],
    "carrier-sms": [("15550100@sms.example.net", "failed", "", True)],
    "yahoo": [("bob@example.net", "failed", "", True)],
    "courier": [("bob@example.net", "failed", "5.1.1", True)],
    "opensmtpd": [("bob@example.net", "failed", "5.2.2", True)],
    "dragonfly": [("bob@example.net", "failed", "5.1.1", True)],
    "gmx": [("bob@example.net", "failed", "5.1.1", True)],
    "imail": [("bob@example.net", "failed", "", True)],
    "james": [("bob@example.net", "failed", "5.1.1", True)],
    "german": [("bob@example.net", "failed", "", False)],
    "french": [("bob@example.net", "failed", "", True)],
    "japanese": [("bob@example.net", "failed", "", True)],
    "discreet": [("bob@example.net", "failed", "", True)],
    "mailfoundry": [("bob@example.net", "failed", "", True)],
    "swedish": [("bob@example.net", "failed", "", True)],
    "quoted-reply-line": [("bob@example.net", "failed", "5.1.0", True)],
    "directory-advice": [("bob@example.net", "failed", "", True)],
    "masked": [("********@example.net", "failed", "", True)],
}
WITHOUT_RETURNED_MAIL = {
    "swedish",
    "quoted-reply-line",
    "directory-advice",
    "masked",
    "exim-warning",
    "exchange5",
    "domino",
    "carrier-reason-list",
    "carrier-sms",
    "courier",
    "james",
}
WITHOUT_RETURNED_MAIL |= {"german", "french"}


def read(name):
    return report.read_report(tree.split(headers.to_crlf((FOLDER / f"{name}.eml").read_bytes())))


def rows(found):
    return [(item.recipient, item.action.value, item.status, item.permanent) for item in found.recipients]


@pytest.mark.parametrize("name", STANDARD)
def test_standard_reports(name):
    found = read(name)

    assert found is not None
    assert (found.kind, found.standard) == (ReportKind.DELIVERY, True)
    assert rows(found) == STANDARD[name]
    assert found.message_ids == OURS


@pytest.mark.parametrize("name", IN_WORDS)
def test_bounces_in_words(name):
    found = read(name)

    assert found is not None
    assert (found.kind, found.standard) == (ReportKind.DELIVERY, False)
    assert rows(found) == IN_WORDS[name]
    assert found.message_ids == (() if name in WITHOUT_RETURNED_MAIL else OURS)


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("human-*.eml")))
def test_a_person_who_writes_about_a_bounce_stays_a_person(name):
    assert read(name) is None


def test_a_diagnostic_says_why():
    assert read("ses").recipients[0].diagnostic.startswith("550 5.1.1 <bob@example.net>: Recipient address rejected")
    assert "No such user" in read("qmail").recipients[0].diagnostic
    assert "no mailbox here" in read("qmail").recipients[1].diagnostic


@pytest.mark.parametrize(
    ("name", "detail", "ids"),
    [
        ("receipt-displayed", "displayed", OURS[:1]),
        ("receipt-deleted", "deleted", OURS[:1]),
        ("receipt-without-part", "", ()),
    ],
)
def test_read_receipts(name, detail, ids):
    found = read(name)

    assert (found.kind, found.detail, found.message_ids) == (ReportKind.DISPOSITION, detail, ids)


def test_complaints():
    standard, hotmail, xarf = read("complaint"), read("complaint-hotmail"), read("complaint-xarf")

    assert (standard.kind, standard.detail) == (ReportKind.FEEDBACK, "abuse")
    assert [item.recipient for item in standard.recipients] == ["bob@example.net", "jane@example.net"]
    assert (hotmail.kind, hotmail.detail) == (ReportKind.FEEDBACK, "abuse")
    assert [item.recipient for item in hotmail.recipients] == ["bob@example.net"]
    assert (xarf.kind, [item.recipient for item in xarf.recipients]) == (ReportKind.FEEDBACK, ["bob@example.net"])
    assert standard.message_ids == hotmail.message_ids == xarf.message_ids == OURS


@pytest.mark.parametrize("method", ["reply", "counter", "cancel"])
def test_calendar_answers(method):
    found = read(f"calendar-{method}")

    assert (found.kind, found.detail) == (ReportKind.CALENDAR, method)
    assert [item.recipient for item in found.recipients] == ["bob@example.net"]
    assert found.message_ids == OURS[:1]


def test_an_invitation_with_a_question_is_no_report():
    assert read("calendar-request") is None
