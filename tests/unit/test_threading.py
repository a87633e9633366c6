"""Which ticket a mail continues (I5): the order of evidence, participants, merges, foreign numbers, rewritten ids."""

from dataclasses import replace

import pytest

from gateway.model import (
    DeliveryId,
    Mailbox,
    ParsedMail,
    Report,
    ReportKind,
    Stored,
    TicketId,
    TicketRef,
    TicketStatus,
)
from gateway.rules import classify
from gateway.threading import base_subject, find_thread, foreign_numbers, relay_key, stored_keys, thread_keys
from tests.support.judged import CREATION, facts_for, mail_of

ANN = "ann.lee@customer.example"
RE = "Subject: Re: The invoice of May is wrong"
OURS = "In-Reply-To: <@@message:7:3@@@tickets.example.org>"
STRANGER = "From: Eve <eve@elsewhere.example>"


def ticket(number, *participants, queue="support", subject="The invoice of May is wrong", merged_into=None):
    status = TicketStatus.MERGED if merged_into else TicketStatus.OPEN
    return TicketRef(TicketId(number), queue, status, frozenset(participants or (ANN,)), subject, merged_into)


def thread(*headers, body="Thanks.", stored=None, **changes):
    mail = mail_of(*headers, body=body)
    facts = facts_for(mail, stored=stored or Stored(), **changes)
    return find_thread(mail, facts, classify(mail, facts))


def number(found):
    return found.ticket.ticket_id if found.ticket else None


# --- tokens ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "body", "rcpt_to"),
    [
        ((RE, OURS), "Thanks.", CREATION),
        (
            (RE, "References: <first@x.example> <@@message:7:3@@@tickets.example.org> <own@customer.example>"),
            "",
            CREATION,
        ),
        ((RE, "References: <@@message:7:3@@@rewritten.eu-west-1.amazonses.com>"), "Thanks.", CREATION),
        ((RE,), "Thanks.\n\nref:@@reply:7@@", CREATION),
        ((RE,), "Thanks.", "support-in+@@reply:7@@@tickets.example.org"),
        (("Subject: quite another thing",), "Thanks.", "support-in+@@reply:7@@@tickets.example.org"),
    ],
)
def test_a_token_attaches(headers, body, rcpt_to):
    found = thread(*headers, body=body, stored=Stored(tickets=(ticket(7),)), rcpt_to=rcpt_to)

    assert number(found) == 7
    assert "token" in found.because
    assert not found.newcomer


def test_the_recipient_comes_before_the_references():
    stored = Stored(tickets=(ticket(7), ticket(8)))

    found = thread(RE, OURS, stored=stored, rcpt_to="support-in+@@reply:8@@@tickets.example.org")

    assert number(found) == 8


def test_an_answer_to_a_bounce_address_reaches_the_ticket_of_the_delivery():
    stored = Stored(tickets=(ticket(7),), reported_deliveries=((DeliveryId(9), TicketId(7), ANN),))

    found = thread(RE, stored=stored, rcpt_to="support-in+@@bounce:9@@@tickets.example.org")

    assert number(found) == 7
    assert found.because.startswith("bounce token")


def test_the_nearest_reference_comes_first():
    stored = Stored(tickets=(ticket(7), ticket(8)))
    references = "References: <@@message:7:3@@@tickets.example.org> <@@message:8:4@@@tickets.example.org>"

    assert number(thread(RE, references, stored=stored)) == 8


def test_a_forged_token_attaches_nothing():
    forged = "In-Reply-To: <" + "a" * 40 + "@tickets.example.org>"

    assert number(thread(RE, forged, stored=Stored(tickets=(ticket(7),)))) is None


def test_a_hostile_header_vouches_for_nothing_but_the_envelope_does():
    stored = Stored(tickets=(ticket(7),), referenced=(ticket(7),))

    assert number(thread("X-Note: a\rb", RE, OURS, stored=stored)) is None
    by_envelope = thread("X-Note: a\rb", RE, stored=stored, rcpt_to="support-in+@@reply:7@@@tickets.example.org")
    assert number(by_envelope) == 7
    assert by_envelope.newcomer


def test_a_token_for_a_ticket_that_is_gone_attaches_nothing():
    assert number(thread(RE, OURS)) is None


# --- people ---------------------------------------------------------------------------------------------------


def test_a_stranger_with_a_valid_token_is_a_newcomer():
    found = thread(STRANGER, RE, OURS, stored=Stored(tickets=(ticket(7),)))

    assert number(found) == 7
    assert found.newcomer


def test_other_person_and_other_subject_is_a_new_ticket_although_the_reference_is_ours():
    stored = Stored(tickets=(ticket(7),))

    assert number(thread(STRANGER, "Subject: Please quote for 40 chairs", OURS, stored=stored)) is None
    assert number(thread("Subject: Please quote for 40 chairs", OURS, stored=stored)) == 7
    assert number(thread(STRANGER, "Subject: [Desk #4] Fwd: The invoice of May is wrong", OURS, stored=stored)) == 7


def test_whatever_answers_automatic_mail_of_ours_stays_on_the_ticket():
    """Two desks would else open new tickets for each other, with growing subjects."""
    automatic = "In-Reply-To: <@@message:7:3:auto@@@tickets.example.org>"

    found = thread(STRANGER, "Subject: We received your request", automatic, stored=Stored(tickets=(ticket(7),)))

    assert number(found) == 7


def test_a_robots_answer_with_a_token_is_filed_whatever_its_subject():
    away = ("From: Office <office@customer.example>", "Subject: Away", "Auto-Submitted: auto-replied", OURS)

    assert number(thread(*away, stored=Stored(tickets=(ticket(7),)))) == 7


def test_a_known_message_id_needs_a_participant():
    stored = Stored(referenced=(ticket(7),))
    reply = ("In-Reply-To: <kept@customer.example>", RE)

    assert number(thread(*reply, stored=stored)) == 7
    assert number(thread(STRANGER, *reply, stored=stored)) is None


def test_a_participant_is_known_by_any_spelling_of_the_address():
    reply = ("From: ANN.LEE+tickets@Customer.Example", "In-Reply-To: <kept@customer.example>", RE)

    assert number(thread(*reply, stored=Stored(referenced=(ticket(7),)))) == 7


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("jan-1984@customer.example", "jan-1985@customer.example"),
        ("ann=a.example@forwarder.example", "bob=a.example@forwarder.example"),
        ("ann=a.example@forwarder.example", "ann=b.example@forwarder.example"),
    ],
)
def test_addresses_that_differ_in_digits_are_two_people(one, other):
    refers = ("In-Reply-To: <kept@customer.example>", RE)
    stored = Stored(referenced=(ticket(7, one),))

    assert number(thread(f"From: {one}", *refers, stored=stored)) == 7
    assert number(thread(f"From: {other}", *refers, stored=stored)) is None


def test_reply_to_makes_nobody_a_participant():
    stored = Stored(referenced=(ticket(7),))

    assert number(thread(STRANGER, f"Reply-To: {ANN}", "In-Reply-To: <kept@x.example>", RE, stored=stored)) is None


def test_reply_to_beside_our_own_address_in_from_makes_nobody_a_participant_but_behind_a_configured_list():
    """The domain in From is ours, so the participant's own domain was never asked whether it sent this."""
    refers = ("In-Reply-To: <kept@customer.example>", RE)
    forged = ("From: Example Support <support@example.org>", f"Reply-To: {ANN}", *refers)
    group = ("List-ID: <support.example.org>", f"X-Original-Sender: {ANN}")
    stored = Stored(referenced=(ticket(7),))

    assert number(thread(*forged, stored=stored, forwarders=())) is None
    assert number(thread(*forged, *group, stored=stored)) == 7


def test_a_from_that_its_domain_disowns_makes_nobody_a_participant():
    failed = "Authentication-Results: mx.example.org; dmarc=fail header.from=customer.example"
    stored = Stored(referenced=(ticket(7),))

    assert number(thread(failed, "In-Reply-To: <kept@x.example>", RE, stored=stored, forwarders=())) is None


def test_without_any_evidence_there_is_no_thread():
    assert thread("Subject: [#7] [Ticket#7]").ticket is None


# --- merges, queues -------------------------------------------------------------------------------------------


def test_merges_are_followed_to_the_end():
    stored = Stored(tickets=(ticket(7, merged_into=8), ticket(8, merged_into=9), ticket(9)))

    assert number(thread(RE, OURS, stored=stored)) == 9


def test_a_ring_of_merges_ends():
    stored = Stored(tickets=(ticket(7, merged_into=8), ticket(8, merged_into=7)))

    assert number(thread(RE, OURS, stored=stored)) in {7, 8}


def test_a_ticket_that_moved_to_another_queue_still_gets_its_answers():
    assert number(thread(RE, OURS, stored=Stored(tickets=(ticket(7, queue="billing"),)))) == 7


def test_one_mail_to_two_queues_is_a_ticket_in_each():
    stored = Stored(tickets=(ticket(7, queue="billing"),), siblings=(TicketId(7),))

    assert number(thread(RE, OURS, stored=stored)) is None


def test_a_known_message_id_counts_in_its_own_queue_only():
    """A list may change the copy for one queue, so that the copies are no longer one mail: still a ticket in each."""
    reply = ("In-Reply-To: <kept@customer.example>", RE)

    assert number(thread(*reply, stored=Stored(referenced=(ticket(7, queue="billing"),)))) is None
    assert number(thread(*reply, stored=Stored(referenced=(ticket(7, queue="billing"), ticket(8))))) == 8


# --- reports --------------------------------------------------------------------------------------------------

DSN = (
    "From: MAILER-DAEMON@mx.customer.example",
    "Content-Type: multipart/report; report-type=delivery-status; boundary=b",
    "Subject: Undelivered",
)
DSN_BODY = (
    "--b\r\nContent-Type: text/plain\r\n\r\nfailed\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
    "Reporting-MTA: dns; mx.customer.example\r\n\r\nFinal-Recipient: rfc822;ann.lee@customer.example\r\n"
    "Action: failed\r\nStatus: 5.1.1\r\n\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\n"
    "Message-ID: <%s@tickets.example.org>\r\n\r\n--b--\r\n"
)


def test_a_report_is_about_the_mail_whose_token_it_carries():
    found = thread(*DSN, body=DSN_BODY % "@@message:7:3@@", stored=Stored(tickets=(ticket(7),)))

    assert number(found) == 7


def test_a_report_without_a_token_is_about_nothing():
    stored = Stored(tickets=(ticket(7),), referenced=(ticket(7, "mailer-daemon@mx.customer.example"),))

    assert number(thread(*DSN, body=DSN_BODY % "guessed", stored=stored)) is None


# --- keys -----------------------------------------------------------------------------------------------------


def test_keys_are_nearest_first_and_end_with_the_mails_own_id():
    mail = ParsedMail(message_id="me@x", in_reply_to=("a@x",), references=("a@x", "b@x"))

    assert thread_keys(mail) == ("a@x", "b@x", "me@x")
    assert stored_keys(mail) == ("me@x", "a@x", "b@x")


def test_what_a_mail_refers_to_is_remembered_for_those_who_answer_the_same_ancestor():
    mail = ParsedMail(message_id="me@x", references=tuple(f"{n}@x" for n in range(32)))

    assert stored_keys(mail) == ("me@x", *(f"{n}@x" for n in range(8)))


def test_at_most_32_keys_and_the_own_id_is_among_them():
    mail = ParsedMail(message_id="me@x", references=tuple(f"{n}@x" for n in range(60)))

    assert len(thread_keys(mail)) == 32
    assert thread_keys(mail)[0] == "0@x"
    assert thread_keys(mail)[-1] == "me@x"


def test_a_substitute_id_is_no_key():
    assert stored_keys(ParsedMail(message_id="substitute", message_id_missing=True)) == ()


def test_ids_that_providers_replaced_meet():
    ses = "0102018f-0000-4000-8000-000000000000-000000@eu-west-1.amazonses.com"
    exchange = mail_of("X-Microsoft-Original-Message-ID: <first@customer.example>")

    assert thread_keys(ParsedMail(message_id="me@x", in_reply_to=(ses,)))[:2] == (ses, ses.partition("@")[0])
    assert "first@customer.example" in stored_keys(exchange)


def test_the_id_that_amazon_gives_our_mail_is_a_key():
    given = "0102018fabcdef01-12345678-9abc-4def-8123-456789abcdef-000000"

    assert relay_key(f"250 Ok {given}") == given
    assert relay_key("250 2.0.0 Ok: queued as 4ABC") is None
    assert given in thread_keys(ParsedMail(message_id="me@x", in_reply_to=(f"{given}@eu-west-1.amazonses.com",)))


def test_a_reports_ids_are_keys():
    mail = ParsedMail(message_id="me@x", report=Report(ReportKind.DELIVERY, message_ids=("ours@x",)))

    assert thread_keys(mail)[0] == "ours@x"


@pytest.mark.parametrize(
    ("headers", "numbers"),
    [
        (("Subject: [Ticket#2026010512000017] The invoice",), ("2026010512000017",)),
        (("Subject: [rt.other.example #55] The invoice",), ("55",)),
        (("RT-Ticket: other.example #55", "Subject: The invoice"), ("55",)),
        (("Subject: (SHOP-421) The invoice",), ("shop-421",)),
        (("Subject: INC0012345 - The invoice",), ("inc0012345",)),
        (("Subject: Ticket Received - 17 - The invoice",), ("17",)),
        (("Message-ID: <K8NDJZ27K5_5d3dabc_sprut@zendesk.com>",), ("k8ndjz27k5",)),
        (("Subject: The invoice of 2026-05",), ()),
    ],
)
def test_numbers_of_other_desks(headers, numbers):
    found = foreign_numbers(mail_of(*headers))

    assert tuple(item.removeprefix("otherexample") for item in found) == numbers


def test_a_foreign_number_is_a_key_of_its_domain():
    mail = replace(mail_of("Subject: [Desk #55] x"), from_=Mailbox("", "help@desk.other.example"))

    assert "number:other.example:55" in thread_keys(mail)
    assert "number:other.example:55" in stored_keys(mail)


# --- subjects -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("Re: AW: Fwd: Hello  World", "hello world"),
        ("RE[2]: Hello", "hello"),
        ("[Support] Re: [#12] Hello", "hello"),
        ("Réponse automatique : Hello", "hello"),
        ("Re:", "re:"),
        ("", ""),
        ("Regarding: x", "regarding: x"),
    ],
)
def test_what_a_subject_is_about(subject, expected):
    assert base_subject(subject) == expected
