"""Reading of the marks of automatic mail: every occurrence, comments, parameters, case."""

import pytest

from gateway.model import Kind
from gateway.rules.auto import keyword, suppress_wishes, without_comments
from tests.support.judged import judge


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("auto-replied", "auto-replied"),
        ("AUTO-Replied", "auto-replied"),
        ("auto-replied (vacation)", "auto-replied"),
        ("(why) auto-replied", "auto-replied"),
        ("(a (nested \\) one) comment) No ; x=1", "no"),
        ("no", "no"),
        ("No;x", "no"),
        ("no (auto-generated)", "no"),
        ("(unclosed no", ""),
        ("", ""),
        ("   ", ""),
        (";auto-replied", ""),
        ('auto-notified; owner-email="a(b)c@x.example"', "auto-notified"),
    ],
)
def test_the_keyword(value, expected):
    assert keyword(value) == expected


def test_comments_go_in_one_pass_whatever_their_depth():
    assert without_comments("(" * 5000 + "x" + ")" * 5000 + "no").strip() == "no"


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (("no",), Kind.HUMAN),
        (("No (really)",), Kind.HUMAN),
        ((" (auto-replied) no; x=auto-replied",), Kind.HUMAN),
        (("",), Kind.HUMAN),
        (("auto-generated",), Kind.AUTO_GENERATED),
        (("auto-notified",), Kind.AUTO_GENERATED),
        (("whatever",), Kind.AUTO_GENERATED),
        (("auto-replied",), Kind.AUTO_REPLY),
        (("no", "auto-generated"), Kind.AUTO_GENERATED),
        (("auto-generated", "Auto-Replied"), Kind.AUTO_REPLY),
    ],
)
def test_every_occurrence_counts(values, kind):
    assert judge(*(f"Auto-Submitted: {value}" for value in values)).kind is kind


@pytest.mark.parametrize(
    ("value", "silent"),
    [("All", True), ("DR, autoreply", True), ("OOF", True), ("DR,RN,NRN", False), ("None", False), ("", False)],
)
def test_a_wish_for_silence_is_heard_and_is_no_proof(value, silent):
    judged = judge(f"X-Auto-Response-Suppress: {value}", "To: support-in@tickets.example.org")

    assert judged.silent is silent
    assert judged.kind is Kind.HUMAN
    assert not judged.still


def test_wishes_are_words():
    assert suppress_wishes("DR, NDR (x); OOF") == {"dr", "ndr", "oof"}


@pytest.mark.parametrize("value", ["normal", "first-class", "", "no"])
def test_other_precedences_mean_nothing(value):
    assert judge(f"Precedence: {value}").why_not == ()


def test_marks_on_a_persons_words_leave_the_ticket_and_the_alert():
    judged = judge(
        "From: Agent <agent@other.zendesk.com>", "Auto-Submitted: auto-generated", "X-Auto-Response-Suppress: All",
        "X-Zendesk-From-Account-Id: 1a2b", "Precedence: bulk", "To: support-in@tickets.example.org",
    )  # fmt: skip

    assert judged.kind is Kind.AUTO_GENERATED
    assert judged.silent
    assert (judged.still, judged.hold, judged.refuse, judged.low_priority) == (False,) * 4
