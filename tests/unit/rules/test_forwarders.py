"""Forwarded inboxes are the normal way in: the forwarder's markers are discounted, the true author is found."""

import pytest

from gateway.model import Kind
from gateway.rules.trace import forwarder_named
from tests.support.judged import CREATION, judge, person

ANN = "ann.lee@customer.example"
VIA_GMAIL = (
    "X-Forwarded-For: desk@gmail.com support-in@tickets.example.org",
    "X-Forwarded-To: support-in@tickets.example.org",
)
VIA_RULE = (
    "Auto-Submitted: auto-generated",
    "X-Auto-Response-Suppress: All",
    "X-MS-Exchange-Inbox-Rules-Loop: help@example.net",
    "X-MS-Exchange-Generated-Message-Source: Mailbox Rules Agent",
)
VIA_MAILBOX = ("Resent-From: <help@example.net>", "X-MS-Exchange-ForwardingLoop: help@example.net;0f3c")
VIA_GROUP = (
    "From: 'Ann Lee' via Support <support@example.org>",
    "X-Original-From: Ann Lee <ann.lee@customer.example>",
    "Reply-To: Ann Lee <ann.lee@customer.example>",
    "Precedence: list",
    "List-ID: <support.example.org>",
    "List-Unsubscribe: <mailto:support+unsubscribe@example.org>",
    "X-BeenThere: support@example.org",
    "X-Google-Group-Id: 4711",
    "Mailing-list: list support@example.org; contact support+owners@example.org",
)
VIA_EXCHANGE_LIST = ("X-Auto-Response-Suppress: DR, OOF, AutoReply",)

WAYS = {
    "F1 Gmail": (VIA_GMAIL, "desk+caf_=support-in=tickets.example.org@gmail.com", "desk@gmail.com"),
    "F2 365 rule": (VIA_RULE, "help@example.net", "help@example.net"),
    "F2 365 rule, envelope blanked": (VIA_RULE, "", "example.net"),
    "F3 365 mailbox": (VIA_MAILBOX, "SRS0=ab12=XY=customer.example=ann.lee@example.net", "help@example.net"),
    "F4 Google Group": (VIA_GROUP, "support+bncabc@example.org", "support@example.org"),
    "F4 Google Group by List-Id": (VIA_GROUP, "support+bncabc@example.org", "support.example.org"),
    "F5 Exchange list": (VIA_EXCHANGE_LIST, ANN, "support@example.org"),
    "F6 .forward": (("Delivered-To: support@example.org", "To: undisclosed-recipients:;"), "", "support@example.org"),
    "F7 none": ((), ANN, "support@example.org"),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_person_behind_a_configured_forwarder_is_a_person_and_gets_the_answer(way):
    headers, mail_from, forwarder = WAYS[way]

    judged = judge(*headers, mail_from=mail_from, forwarders=(forwarder,))

    assert judged.kind is Kind.HUMAN, judged.verdicts
    assert judged.why_not == ()
    assert person(judged.requester).address == ANN
    assert person(judged.requester).name == "Ann Lee"
    assert judged.author == judged.requester


@pytest.mark.parametrize("way", WAYS)
def test_behind_an_unknown_forwarder_a_person_loses_the_acknowledgement_at_most(way):
    headers, mail_from, _ = WAYS[way]

    judged = judge(*headers, mail_from=mail_from, forwarders=())

    assert (judged.still, judged.hold, judged.refuse) == (False,) * 3
    assert person(judged.requester).address == ANN


@pytest.mark.parametrize("way", ["F1 Gmail", "F2 365 rule", "F3 365 mailbox", "F4 Google Group"])
def test_an_unknown_forwarder_is_named_with_the_line_to_add(way):
    headers, mail_from, forwarder = WAYS[way]

    judged = judge(*headers, mail_from=mail_from, forwarders=())
    (named,) = filter(None, map(forwarder_named, judged.verdicts))

    assert named == (forwarder, f"queues.support.forwarders: [{forwarder}]")


def test_the_line_to_set_keeps_the_forwarders_that_are_there():
    headers, mail_from, forwarder = WAYS["F1 Gmail"]

    judged = judge(*headers, mail_from=mail_from, forwarders=("@old.example.org",))
    (named,) = filter(None, map(forwarder_named, judged.verdicts))

    assert named[1] == f'queues.support.forwarders: ["@old.example.org", {forwarder}]'


def test_a_known_forwarder_lacks_no_line():
    headers, mail_from, forwarder = WAYS["F4 Google Group"]

    judged = judge(*headers, mail_from=mail_from, forwarders=(forwarder,))

    assert (forwarder, "") in map(forwarder_named, judged.verdicts)


AWAY = ("Subject: Automatic reply: your mail", "Auto-Submitted: auto-replied")


@pytest.mark.parametrize("way", WAYS)
def test_a_responder_stays_a_responder_behind_any_forwarder(way):
    headers, mail_from, forwarder = WAYS[way]

    judged = judge(*AWAY, *headers, mail_from=mail_from, forwarders=(forwarder,))

    assert judged.kind is Kind.AUTO_REPLY
    assert judged.still
    assert judged.silent


def test_exchanges_out_of_office_is_no_rule_forward():
    judged = judge(
        "Subject: Automatic reply: x", "X-Auto-Response-Suppress: All", f"X-MS-Exchange-Inbox-Rules-Loop: {ANN}",
        mail_from="", forwarders=("help@example.net", "support@example.org"),
    )  # fmt: skip

    assert judged.kind is Kind.AUTO_REPLY


def test_a_newsletter_behind_a_redirect_stays_a_list():
    judged = judge(
        "Delivered-To: support@example.org", "List-Id: <news.shop.example>", "Precedence: bulk",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click", mail_from="",
    )  # fmt: skip

    assert judged.kind is Kind.LIST
    assert judged.low_priority


def test_a_forged_trace_lifts_no_silence_for_a_forwarder_that_nobody_configured():
    """A person behind it stays a person, whom agents hear of; whoever forges it gets no automatic mail."""
    judged = judge(*VIA_RULE, "To: support-in@tickets.example.org", mail_from=ANN)

    assert judged.kind is Kind.HUMAN
    assert judged.silent


def test_a_domain_among_the_forwarders_is_a_forwarder_and_its_people_stay_people():
    judged = judge(
        "From: Bob <bob@example.net>", "Reply-To: bob.private@example.net", *VIA_RULE, forwarders=("example.net",)
    )

    assert judged.kind is Kind.HUMAN
    assert person(judged.author).address == "bob@example.net"
    assert person(judged.requester).address == "bob.private@example.net"


# --- whom the answer goes to ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ((), ANN),
        (("Reply-To: Ann at home <ann@home.example>",), "ann@home.example"),
        (("Reply-To: support@example.org",), ANN),  # our own address is nobody to write to
        (("Reply-To: support-in+tag@tickets.example.org",), ANN),
        (("Reply-To: noreply@customer.example",), ANN),  # a machine's address loses against a person's
        (("Reply-To: not an address",), ANN),
        (("List-Post: <mailto:talk@lists.example>", "Reply-To: talk@lists.example"), ANN),
        (("From: Form <noreply@forms.example>", f"Reply-To: {ANN}"), ANN),
        (("From: support@example.org", f"Reply-To: {ANN}"), ANN),
        (("From: support@example.org",), None),
        (("From: nobody",), None),
        (("From: nobody", "Return-Path: <bounce@mailer.example>"), None),
    ],
)
def test_the_answer_goes_to_reply_to_or_from_never_to_the_return_path_and_never_to_us(headers, expected):
    judged = judge(*headers, mail_from="bounce@mailer.example")

    assert (judged.requester.address if judged.requester else None) == expected


def test_a_name_that_a_group_wrote_is_the_persons():
    judged = judge("From: 'Ann Lee' via Support <support@example.org>", f"X-Original-Sender: {ANN}", *VIA_GROUP[3:])

    assert person(judged.requester).name == "Ann Lee"


def test_a_web_form_of_a_configured_sender_is_acknowledged_and_the_person_is_the_author():
    form = ("From: Web form <noreply@forms.example>", f"Reply-To: {ANN}")

    assert judge(*form).silent
    configured = judge(*form, forwarders=("noreply@forms.example",))
    assert configured.why_not == ()
    assert person(configured.author).address == ANN


def test_a_strangers_reply_to_does_not_make_them_somebody_else():
    judged = judge("From: Eve <eve@elsewhere.example>", f"Reply-To: {ANN}")

    assert person(judged.author).address == "eve@elsewhere.example"


def test_the_envelope_recipient_of_a_forward_does_not_matter():
    assert judge(rcpt_to=f"+{CREATION}").kind is Kind.HUMAN
