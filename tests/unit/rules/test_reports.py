"""What reports change: the exact delivery, with the right severity, and nothing at all without a token of ours."""

from dataclasses import replace

import pytest

from gateway.model import (
    Action,
    DeliveryId,
    Judgement,
    Kind,
    Mailbox,
    ParsedMail,
    Report,
    ReportedRecipient,
    ReportKind,
    Stored,
    TicketId,
    Token,
    TokenPurpose,
    Tokens,
)
from gateway.rules.reports import complainants, report_events
from tests.support.judged import FACTS, facts_for

ANN, BOB = "ann.lee@customer.example", "bob@customer.example"
OURS = ((DeliveryId(9), TicketId(7), ANN),)
BOTH = (*OURS, (DeliveryId(10), TicketId(7), BOB))


def report(*recipients, kind=ReportKind.DELIVERY):
    return ParsedMail(subject="Undelivered", report=Report(kind, tuple(recipients)))


def said(address, action=Action.FAILED, status="5.1.1", permanent=True):
    return ReportedRecipient(address, action, status, permanent)


def events(mail, deliveries):
    return report_events(mail, facts_for(mail, stored=Stored(reported_deliveries=deliveries)))


def test_each_delivery_gets_what_was_said_of_its_recipient():
    mail = report(said(BOB, Action.DELAYED, "4.2.2", permanent=False), said(ANN.upper()))

    found = events(mail, BOTH)

    assert [(event.delivery_id, event.recipient.action, event.suppress) for event in found] == [
        (9, Action.FAILED, True),
        (10, Action.DELAYED, False),
    ]


@pytest.mark.parametrize(
    ("action", "status", "permanent", "suppress"),
    [
        (Action.FAILED, "5.1.1", True, True),
        (Action.FAILED, "5.1.10", True, True),
        (Action.FAILED, "5.7.1", True, False),  # policy says nothing about the next mail
        (Action.FAILED, "5.2.2", True, False),  # nor does a full box
        (Action.FAILED, "4.2.2", False, False),
        (Action.FAILED, "", True, False),
        (Action.DELAYED, "5.1.1", True, False),
        (Action.DELIVERED, "2.0.0", False, False),
    ],
)
def test_only_clear_evidence_suppresses(action, status, permanent, suppress):
    (event,) = events(report(said(ANN, action, status, permanent)), OURS)

    assert event.suppress is suppress


def test_without_a_delivery_that_a_token_names_nothing_happens():
    assert events(report(said(ANN)), ()) == ()


def test_an_address_behind_a_forward_is_reported_for_the_delivery_that_the_token_names():
    (event,) = events(report(said("other@elsewhere.example")), OURS)

    assert event.delivery_id == 9
    assert events(report(said("other@elsewhere.example")), BOTH) == ()


def test_a_report_that_names_nobody_is_shown_and_mutes_nobody():
    (event,) = events(ParsedMail(subject="failure notice"), OURS)

    assert (event.recipient.recipient, event.recipient.action, event.suppress) == (ANN, Action.FAILED, False)


# --- complaints -----------------------------------------------------------------------------------------------

COMPLAINT = Judgement(Kind.COMPLAINT, author=Mailbox("", BOB))
TOKENS = Tokens(references=(Token(TokenPurpose.MESSAGE, 7, 3),))


def test_a_complaint_mutes_the_recipients_of_the_mail_that_a_token_names():
    mail = report(kind=ReportKind.FEEDBACK)

    assert complainants(mail, facts_for(mail, stored=Stored(reported_deliveries=OURS)), COMPLAINT) == (ANN,)
    assert complainants(mail, FACTS, COMPLAINT) == ()


def test_a_readers_own_program_mutes_its_owner_if_it_answers_us():
    mail = ParsedMail()

    assert complainants(mail, FACTS, COMPLAINT) == ()
    assert complainants(mail, replace(FACTS, tokens=TOKENS), COMPLAINT) == (BOB,)


def test_what_is_no_complaint_mutes_nobody():
    assert complainants(report(kind=ReportKind.FEEDBACK), FACTS, Judgement(Kind.HUMAN)) == ()
