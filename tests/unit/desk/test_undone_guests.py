"""An undone reply leaves nobody on the ticket whom only that reply put there."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.desk import Words
from gateway.desk.routes import route_of

WRONG = "wrong@competitor.example"
MARIE = ("marie@customer.example", "requester")
KNOWN = {"In_Reply_To": "<m1@customer.example>"}
RE = "Re: Invoice 2231 is wrong"


async def reply(office, ticket, *, by=None, **recipients):
    return (await office.desk.writing.reply(by or office.lea, ticket, Words("Too early", **recipients))).outgoing


async def undo(office, ticket, outgoing, *, by=None):
    await office.desk.writing.take_back(by or office.lea, ticket, outgoing)


async def people(office, ticket):
    page = await office.desk.tickets.page(office.ada, ticket)
    return sorted((item.address, item.role) for item in page.participants)


async def newcomer(office, ticket, clock):
    """Let a stranger write on the ticket: a blind copy told them how."""
    await reply(office, ticket, bcc=(WRONG,))
    clock.move(seconds=11)
    claimed = await office.store.claim_deliveries("relay", 100, timedelta(minutes=1))
    home = claimed[0].draft.reply_to.address
    assert await office.ticket(RE, "Who are you?", author=WRONG, rcpt_to=home) == ticket
    assert await people(office, ticket) == [MARIE, (WRONG, "newcomer")]


@pytest.mark.parametrize("field", ["to", "cc"])
async def test_whom_an_undone_reply_added_is_gone(office, field):
    ticket = await office.ticket()
    outgoing = await reply(office, ticket, **{field: (WRONG,)})
    assert await people(office, ticket) == [MARIE, (WRONG, "participant")]
    await undo(office, ticket, outgoing)

    assert await people(office, ticket) == [MARIE]
    page = await office.desk.tickets.page(office.lea, ticket)
    assert WRONG not in {box.address for box in route_of(page, office.policy).cc}
    assert WRONG not in {item.address for item in (await office.store.conversation(ticket)).others}
    stranger = office.mail(RE, "Let me in", author=WRONG, **KNOWN)
    assert await office.receive(stranger) != ticket  # I5: they take no part in it


async def test_whom_an_undone_reply_promoted_is_a_newcomer_again(office, clock):
    ticket = await office.ticket()
    await newcomer(office, ticket, clock)
    outgoing = await reply(office, ticket, cc=(WRONG,))
    assert await people(office, ticket) == [MARIE, (WRONG, "participant")]
    await undo(office, ticket, outgoing)

    assert await people(office, ticket) == [MARIE, (WRONG, "newcomer")]


async def test_who_was_a_participant_before_stays_one(office):
    ticket = await office.ticket(Cc="jo@other.example")
    await undo(office, ticket, await reply(office, ticket, cc=("jo@other.example", WRONG)))

    assert await people(office, ticket) == [("jo@other.example", "participant"), MARIE]


async def test_a_reply_that_stands_keeps_them_until_it_is_undone_too(office):
    ticket = await office.ticket()
    first = await reply(office, ticket, cc=(WRONG,))
    second = await reply(office, ticket, by=office.tom, cc=(WRONG,))
    await undo(office, ticket, first)
    assert await people(office, ticket) == [MARIE, (WRONG, "participant")]

    await undo(office, ticket, second, by=office.tom)
    assert await people(office, ticket) == [MARIE]


async def test_a_blind_copy_that_stands_keeps_nobody(office):
    ticket = await office.ticket()
    first = await reply(office, ticket, cc=(WRONG,))
    await reply(office, ticket, by=office.tom, cc=(), bcc=(WRONG,))
    await undo(office, ticket, first)

    assert await people(office, ticket) == [MARIE]


async def test_what_was_undone_long_ago_takes_nobody_away_whom_an_agent_chose_since(office, clock):
    ticket = await office.ticket()
    await undo(office, ticket, await reply(office, ticket, cc=(WRONG,)))
    clock.move(seconds=60)
    await reply(office, ticket, cc=(WRONG,))
    clock.move(seconds=60)
    await undo(office, ticket, await reply(office, ticket, cc=()))

    assert await people(office, ticket) == [MARIE, (WRONG, "participant")]


async def test_who_wrote_before_the_undo_is_only_shown(office):
    ticket = await office.ticket()
    outgoing = await reply(office, ticket, cc=(WRONG,))
    assert await office.receive(office.mail(RE, "Hello?", author=WRONG, **KNOWN)) == ticket
    await undo(office, ticket, outgoing)

    assert await people(office, ticket) == [MARIE, (WRONG, "newcomer")]


async def test_whom_a_mail_may_have_named_before_the_undo_stays(office):
    ticket = await office.ticket()
    outgoing = await reply(office, ticket, cc=("jo@other.example",))
    assert await office.receive(office.mail(RE, "Jo knows more.", Cc="jo@other.example", **KNOWN)) == ticket
    await undo(office, ticket, outgoing)

    assert await people(office, ticket) == [("jo@other.example", "participant"), MARIE]


async def test_who_took_part_in_a_ticket_merged_meanwhile_stays(office, clock):
    ticket, other = await office.ticket(), await office.ticket("Another", Cc="jo@other.example")
    clock.move(seconds=1)
    outgoing = await reply(office, ticket, cc=("jo@other.example", WRONG))
    await office.desk.changing.merge(office.lea, other, ticket)
    await undo(office, ticket, outgoing)

    assert await people(office, ticket) == [("jo@other.example", "participant"), MARIE]


async def test_a_reply_merged_with_its_ticket_is_undone_there(office, clock):
    ticket, other = await office.ticket(), await office.ticket("Another", Cc="jo@other.example")
    clock.move(seconds=1)
    outgoing = await reply(office, ticket, cc=(WRONG, "jo@other.example"))
    await office.desk.changing.merge(office.lea, ticket, other)
    assert (WRONG, "participant") in await people(office, other)
    await undo(office, other, outgoing)

    assert await people(office, other) == [("jo@other.example", "participant"), MARIE]


async def test_the_copies_that_the_agent_chose_are_in_the_draft_again(office):
    ticket = await office.ticket()
    await undo(office, ticket, await reply(office, ticket, cc=("jo@other.example", "eva@other.example")))

    (draft,) = (await office.desk.tickets.page(office.lea, ticket)).drafts
    assert (draft.text, draft.cc) == ("Too early", "jo@other.example, eva@other.example")
