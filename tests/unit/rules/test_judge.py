"""Verdicts become a judgement: kinds, silence with reasons, weak votes, operators' words, and what is never lost."""

from dataclasses import replace

import pytest

from gateway.model import Effect, Kind, Override, Stored
from gateway.rules import RULES, classify
from gateway.rules.judge import KINDS, SPEAKS_FREELY
from tests.support.judged import FACTS, facts_for, judge, mail_of, person

DESK = "To: support-in@tickets.example.org"


def rules(judged):
    return {verdict.rule for verdict in judged.verdicts}


def test_a_person_may_be_acknowledged_and_reopens():
    judged = judge()

    assert judged.kind is Kind.HUMAN
    assert judged.verdicts == ()
    assert judged.why_not == ()
    assert not judged.silent
    assert judged.may_reopen


def test_every_silence_has_a_sentence_with_rule_evidence_and_place():
    judged = judge("Auto-Submitted: auto-generated", "Precedence: bulk")

    assert judged.why_not == (
        "Bulk mail is not answered: Precedence: bulk (line 2).",
        "A machine sent this: Auto-Submitted: auto-generated (line 1).",
    )


def test_every_effect_either_speaks_freely_or_silences_or_names_a_kind():
    named = {effect for effect, _ in KINDS}

    assert set(Effect) == SPEAKS_FREELY | named | {Effect.SILENT, Effect.HOLD, Effect.REFUSE}


# --- weak votes -----------------------------------------------------------------------------------------------


def test_one_weak_vote_changes_nothing_two_silence():
    bulk, at_once = "Feedback-ID: 1:2:3:x", Stored(seconds_since_ours=5.0)

    assert judge(bulk).why_not == ()
    assert judge(stored=at_once).why_not == ()
    both = judge(bulk, stored=at_once)
    assert both.silent
    assert len(both.why_not) == 2
    assert both.kind is Kind.HUMAN


def test_out_of_office_reply_does_not_work_is_a_ticket_with_an_acknowledgement():
    judged = judge("Subject: Out of office reply does not work")

    assert judged.kind is Kind.HUMAN
    assert judged.why_not == ()


@pytest.mark.parametrize(
    ("source", "headers", "empty"),
    [
        ("lmtp", (), True),
        ("replay", (), True),
        ("imap", (), False),  # no envelope was seen, and the mail says nothing
        ("explain", (), False),
        ("imap", ("Return-Path: <>",), True),
        ("explain", ("Return-Path: <>",), True),
    ],
)
def test_a_missing_envelope_is_no_empty_one(source, headers, empty):
    envelope = replace(FACTS.envelope, mail_from="", source=source)

    judged = judge(*headers, envelope=envelope, mail_from="", forwarders=())

    assert ("null-sender" in rules(judged)) is empty


# --- operators ------------------------------------------------------------------------------------------------

MONITORING = (
    "From: Nagios <alarm@monitoring.example.net>", "Auto-Submitted: auto-generated", "Precedence: bulk",
    "X-Auto-Response-Suppress: All", "List-Id: <alarms.monitoring.example.net>", DESK,
)  # fmt: skip


def word(pattern, treat_as, queue=None):
    return (Override(pattern, treat_as, queue),)


def test_treat_as_human_discounts_the_marks():
    judged = judge(*MONITORING, overrides=word("*.example.net", "human"))

    assert judged.kind is Kind.HUMAN
    assert judged.why_not == ()
    assert {"auto-submitted", "precedence-bulk"} <= rules(judged)  # shown all the same


@pytest.mark.parametrize(
    ("headers", "changes"),
    [
        (("From: Nagios <alarm@monitoring.example.net>",), {"blocklist": ("*@monitoring.example.net",)}),
        (("From: Nagios <alarm@monitoring.example.net>",), {"stored": Stored(refers_to_automatic=True)}),
        (("From: Nagios <alarm@monitoring.example.net>",), {"stored": Stored(suppressed=True)}),
        (("From: Nagios <alarm@monitoring.example.net>",), {"stored": Stored(recent_tickets=10)}),
    ],
)
def test_treat_as_human_lifts_no_fact(headers, changes):
    assert judge(*headers, overrides=word("monitoring.example.net", "human"), **changes).silent


def test_treat_as_human_makes_no_person_of_a_bounce_or_of_us():
    own = judge(
        "From: support@example.org",
        "Message-ID: <@@message:7:3@@@tickets.example.org>",
        "X-Poterne-Loop: @@loop:7:3@@",
        overrides=word("support@example.org", "human"),
    )  # fmt: skip

    assert own.kind is Kind.OWN_COPY


def test_treat_as_automatic_silences_without_any_mark():
    judged = judge(overrides=word("customer.example", "automatic"))

    assert judged.kind is Kind.AUTO_GENERATED
    assert judged.silent
    assert not judged.still


def test_refuse_is_for_the_operator_alone_and_for_this_queue():
    assert judge(overrides=word("customer.example", "refuse")).refuse
    assert not judge(overrides=word("customer.example", "refuse", "billing")).refuse
    assert judge(overrides=word("customer.example", "refuse", "support")).refuse


def test_the_first_word_counts():
    first_human = (*word("ann.lee@customer.example", "human"), *word("customer.example", "refuse"))

    assert not judge(overrides=first_human).refuse


# --- what follows ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "still"),
    [
        (("Auto-Submitted: auto-replied",), True),
        (("X-Apple-Unsubscribe: true",), True),
        (("From: MAILER-DAEMON@x.example",), True),
        (("Auto-Submitted: auto-generated",), False),
        (("List-Id: <talk.lists.example>",), False),
        ((), False),
    ],
)
def test_only_robots_are_still(headers, still):
    assert judge(*headers).still is still


def test_a_machine_reopens_only_with_a_token():
    machine = ("Auto-Submitted: auto-generated", DESK)

    assert not judge(*machine).may_reopen
    assert judge(*machine, "In-Reply-To: <@@message:7:3@@@tickets.example.org>").may_reopen
    assert not judge("Auto-Submitted: auto-replied", "In-Reply-To: <@@message:7:3@@@tickets.example.org>").may_reopen


def test_an_unmatched_responder_and_a_newsletter_can_wait():
    assert judge("Auto-Submitted: auto-replied").low_priority
    assert judge("List-Unsubscribe-Post: List-Unsubscribe=One-Click").low_priority
    assert not judge("Auto-Submitted: auto-generated").low_priority


def test_tags_say_what_an_agent_should_know():
    assert judge("X-Spam-Flag: YES").tags == ("spam",)
    assert judge("From: support@example.org").tags == ("sender-unknown",)
    assert judge("X-TMDA-Fingerprint: x").tags == ("challenge",)


def test_spam_is_held_only_where_the_queue_says_so():
    assert judge("X-Spam-Flag: YES", spam_policy="hold").hold
    assert not judge("X-Spam-Flag: YES", spam_policy="tag").hold
    assert "spam-tagged" not in rules(judge("X-Spam-Flag: YES", spam_policy="ignore"))


# --- ours -----------------------------------------------------------------------------------------------------


def test_our_own_mail_is_a_copy_only_with_two_signs():
    token, from_us = "X-Poterne-Loop: @@loop:7:3@@", "From: support@example.org"
    message = "Message-ID: <@@message:7:3@@@tickets.example.org>"

    assert judge(token, message).kind is Kind.OWN_COPY
    assert judge(token, from_us).kind is Kind.OWN_COPY
    assert judge(message, from_us).kind is Kind.OWN_COPY
    assert judge(token).kind is Kind.HUMAN
    assert judge(token).silent
    assert judge(from_us).kind is Kind.HUMAN


def test_another_instances_mail_is_not_ours():
    mail = mail_of("From: help@other.example", "X-Poterne-Loop: " + "a" * 40, DESK)

    judged = classify(mail, replace(facts_for(mail), forwarders=()))

    assert judged.kind is Kind.HUMAN
    assert judged.silent


def test_a_person_who_redirects_our_mail_to_us_is_a_person():
    judged = judge(
        "From: support@example.org",
        "Message-ID: <@@message:7:3@@@tickets.example.org>",
        "X-Poterne-Loop: @@loop:7:3@@",
        "Resent-From: Ann Lee <ann.lee@customer.example>",
    )  # fmt: skip

    assert judged.kind is Kind.HUMAN
    assert judged.silent


def test_agents_are_people_who_get_no_acknowledgement():
    judged = judge("From: Tom <tom@example.org>", stored=Stored(agents=frozenset({"tom@example.org"})))

    assert judged.silent
    assert person(judged.requester).address == "tom@example.org"


def test_a_hostile_header_takes_no_ticket_and_lends_no_trust():
    judged = judge("X-Note: a\rX-MS-Exchange-Inbox-Rules-Loop: support@example.org", "Auto-Submitted: auto-generated")

    assert judged.kind is Kind.AUTO_GENERATED
    assert "forwarder-discounted" not in rules(judged)
    assert not judged.hold


def test_the_table_is_walked_in_order():
    judged = judge(*MONITORING)
    order = [rule.name for rule in RULES]

    assert [v.rule for v in judged.verdicts] == sorted((v.rule for v in judged.verdicts), key=order.index)


def test_evidence_of_the_body_names_its_line():
    judged = judge(body="Hello,\n\nyour mail\n\ncould not be delivered to Bob.\n")

    assert [(v.rule, v.where) for v in judged.verdicts] == [("bounce-text", "body line 5")]
