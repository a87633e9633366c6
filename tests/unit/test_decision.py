"""What becomes of a mail: the decision as a table of cases, without any store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateway.config.settings import Queue, Settings
from gateway.decision import STORM_TICKETS, decide
from gateway.model import (
    Claim,
    DeliveryId,
    Disposition,
    EntryKind,
    Envelope,
    IntakeId,
    Priority,
    Report,
    ReportKind,
    Route,
    Stored,
    TicketId,
    TicketRef,
    TicketStatus,
    Token,
    TokenPurpose,
    Tokens,
)
from gateway.policy import Policy, build_policy
from tests.support.judged import CREATION, KEYS, facts_for, mail_of

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
SETTINGS = Settings.model_validate(
    {
        "hostname": "tickets.example.org",
        "queues": {
            "support": {"creation_addresses": [CREATION], "inboxes": ["support@example.org"]},
            "billing": {"creation_addresses": ["billing-in@tickets.example.org"], "acknowledge": False},
        },
    }
)
TICKET = TicketRef(
    TicketId(7), "support", TicketStatus.SOLVED, frozenset({"ann.lee@customer.example"}), "The invoice of May is wrong"
)
TOKEN = f"@@{TokenPurpose.REPLY.name}:7@@"
AUTO = ("Auto-Submitted: auto-replied",)


def policy(**queue: object) -> Policy:
    support = SETTINGS.queues["support"].model_copy(update=queue)
    queues: dict[str, Queue] = {**SETTINGS.queues, "support": support}
    return build_policy(SETTINGS.model_copy(update={"queues": queues}), b"the key of the instance in the tests")


def plan(*headers: str, stored: Stored = Stored(), rcpt_to: str = CREATION, policy: Policy = policy(), **changes):  # noqa: B008
    mail = mail_of(*headers)
    facts = facts_for(mail, rcpt_to=rcpt_to, stored=stored, **changes)
    return decide(mail, facts, "key", policy)


def test_a_customers_mail_opens_a_ticket_and_asks_for_an_acknowledgement():
    made = plan()

    assert made.disposition is Disposition.TICKET
    assert made.new_ticket is not None
    assert (made.new_ticket.queue, made.new_ticket.subject) == ("support", "The invoice of May is wrong")
    assert made.acknowledge
    assert made.judgement.requester.address == "ann.lee@customer.example"


def test_a_queue_that_does_not_acknowledge_asks_for_nothing():
    assert not plan(route=Route("billing", "billing-in@tickets.example.org")).acknowledge


def test_a_robots_mail_opens_a_ticket_in_silence():
    made = plan("Auto-Submitted: auto-generated")

    assert made.disposition is Disposition.TICKET
    assert not made.acknowledge


def test_an_unmatched_responder_is_kept_at_low_priority():
    made = plan(*AUTO)

    assert made.disposition is Disposition.TICKET
    assert made.new_ticket is not None
    assert made.new_ticket.priority is Priority.LOW
    assert made.entry_kind is EntryKind.AUTO_REPLY


def test_the_same_mail_again_is_a_duplicate_of_its_ticket():
    made = plan(stored=Stored(duplicate_of=IntakeId(3), duplicate_ticket=TicketId(7)))

    assert (made.disposition, made.ticket_id) == (Disposition.DUPLICATE, 7)


@pytest.mark.parametrize(
    ("status", "closed", "disposition", "reopens"),
    [
        (TicketStatus.SOLVED, "append", Disposition.APPEND, True),
        (TicketStatus.CLOSED, "reopen", Disposition.APPEND, True),
        (TicketStatus.CLOSED, "append", Disposition.APPEND, False),
        (TicketStatus.CLOSED, "new", Disposition.TICKET, False),
    ],
)
def test_an_answer_to_a_closed_ticket_follows_the_queue(status, closed, disposition, reopens):
    stored = Stored(tickets=(replace(TICKET, status=status),))
    made = plan(stored=stored, rcpt_to=f"support-in+{TOKEN}@tickets.example.org", policy=policy(closed=closed))

    assert (made.disposition, made.reopen) == (disposition, reopens)
    assert made.linked == ((7,) if disposition is Disposition.TICKET else ())
    assert not made.acknowledge


def test_a_responders_answer_is_quiet_and_reopens_nothing():
    made = plan(*AUTO, stored=Stored(tickets=(TICKET,)), rcpt_to=f"support-in+{TOKEN}@tickets.example.org")

    assert (made.disposition, made.entry_kind, made.reopen) == (Disposition.AUTO_REPLY, EntryKind.AUTO_REPLY, False)


def test_a_stranger_with_a_valid_token_is_shown_and_joins_nothing():
    stranger = "From: Bob <bob@elsewhere.example>"
    made = plan(stranger, stored=Stored(tickets=(TICKET,)), rcpt_to=f"support-in+{TOKEN}@tickets.example.org")

    assert made.disposition is Disposition.APPEND
    assert [box.address for box in made.newcomers] == ["bob@elsewhere.example"]
    assert made.participants == ()


def test_the_eleventh_ticket_of_one_author_joins_the_last():
    storm = Stored(recent_tickets=STORM_TICKETS, storm_ticket=TicketId(9))
    made = plan(stored=storm)

    assert (made.disposition, made.ticket_id, made.acknowledge) == (Disposition.APPEND, 9, False)
    assert plan(stored=replace(storm, recent_tickets=STORM_TICKETS - 1)).disposition is Disposition.TICKET


def test_what_a_rule_holds_is_held_until_an_operator_releases_it():
    spam = ("X-Spam-Flag: YES",)
    made = plan(*spam, spam_policy="hold")
    released = plan(*spam, spam_policy="hold", released=True)

    assert made.disposition is Disposition.QUARANTINE
    assert released.disposition is Disposition.TICKET


def test_people_in_to_and_cc_are_shown_without_our_own_addresses():
    made = plan("Cc: Carl <carl@customer.example>, support@example.org, not-an-address")

    assert [box.address for box in made.participants] == ["carl@customer.example"]


def test_mail_for_a_queue_that_is_configured_no_more_goes_to_one_that_is():
    envelope = Envelope("ann.lee@customer.example", "gone@tickets.example.org", NOW)
    claim = Claim(IntakeId(1), envelope, b"", "gone", 1, 1)
    route = policy().route(envelope.rcpt_to, "gone")
    facts = policy().facts(claim, route, Tokens(), Stored(), NOW)

    assert route.queue == "support"
    assert decide(mail_of(), facts, "key", policy()).disposition is Disposition.TICKET


def test_the_tests_and_the_instance_share_their_key():
    assert policy().keys.verify(KEYS.mint(TokenPurpose.REPLY, 7), TokenPurpose.REPLY) is not None


COMPLAINT = ("X-Apple-Unsubscribe: true",)


def test_a_complaint_about_no_ticket_of_ours_opens_one_and_further_ones_join_it():
    first = plan(*COMPLAINT)
    next_one = plan(*COMPLAINT, stored=Stored(abuse_ticket=TicketId(9)))

    assert (first.disposition, first.new_ticket.tags) == (Disposition.COMPLAINT, ("abuse",))
    assert (next_one.disposition, next_one.ticket_id, next_one.new_ticket) == (Disposition.COMPLAINT, 9, None)
    for made in (first, next_one):
        assert (made.acknowledge, made.alert, made.reopen, made.suppress) == (False, False, False, ())


def test_a_complaint_mutes_whom_we_wrote_to_and_not_who_reports_it():
    """A feedback loop's own address has done nothing, and one who forges reports must not mute a customer."""
    ours = Stored(tickets=(TICKET,), reported_deliveries=((DeliveryId(4), TicketId(7), "ann.lee@customer.example"),))
    mail = replace(mail_of("From: fbl@provider.example"), report=Report(ReportKind.FEEDBACK, (), (), "abuse"))
    tokens = Tokens(reported=(Token(TokenPurpose.MESSAGE, 7, 3),))
    facts = replace(facts_for(mail, stored=ours), tokens=tokens)

    made = decide(mail, facts, "key", policy())
    forged = decide(mail, facts_for(mail), "key", policy())

    assert (made.disposition, made.ticket_id) == (Disposition.COMPLAINT, 7)
    assert made.suppress == ("ann.lee@customer.example",)
    assert forged.suppress == ()


@pytest.mark.parametrize(("vouched", "reopens"), [(True, True), (False, False)])
def test_a_machine_reopens_only_what_a_token_of_ours_ties_it_to(vouched, reopens):
    """A participant's monitoring, or the desk of a customer, that merely refers to a mail of the ticket."""
    to = f"support-in+{TOKEN}@tickets.example.org" if vouched else CREATION
    made = plan("Auto-Submitted: auto-generated", stored=Stored(tickets=(TICKET,), referenced=(TICKET,)), rcpt_to=to)

    assert (made.disposition, made.reopen) == (Disposition.APPEND, reopens)


def test_agents_hear_of_a_web_form_that_writes_as_ourselves_and_of_no_loop():
    form = plan("From: Website <support@example.org>", "Reply-To: Ann Lee <ann.lee@customer.example>", forwarders=())
    loop = plan("From: Example Support <support@example.org>", forwarders=())

    assert (form.disposition, form.acknowledge, form.alert) == (Disposition.TICKET, False, True)
    assert form.judgement.requester.address == "ann.lee@customer.example"
    assert (loop.disposition, loop.acknowledge, loop.alert) == (Disposition.TICKET, False, False)
