"""Alerts: who hears of a customer's mail, who does not, and that the bound holds for agents, too."""

from __future__ import annotations

import pytest

from gateway.model import OutgoingKind, TokenPurpose
from gateway.store import SqlStore
from tests.support.talk import Talk, read

ALERT = OutgoingKind.ALERT


@pytest.fixture
async def talk(store: SqlStore) -> Talk:
    return await Talk(store).open()


async def test_a_customers_mail_on_an_assigned_ticket_alerts_its_assignee(talk: Talk) -> None:
    bob = await talk.agent()
    await talk.agent("eve@example.org", "Eve")
    ticket = await talk.assigned()

    applied = await talk.answer(ticket, body="The toner burns, too.")

    (alert,) = await talk.drafts(ALERT)
    mail = read(alert)
    assert applied.alerts == (alert.outgoing_id,)
    assert alert.recipient == "bob@example.org"
    assert f"[#{ticket}] New mail: The printer 1" == mail.subject
    assert "The toner burns, too." in mail.text
    assert "Ann Lee <ann@customer.example>" in mail.text
    assert mail.first("auto-submitted") == "auto-generated"
    assert mail.reply_to[0].address == talk.reply_address(ticket, bob)
    assert "ref:" not in mail.text  # whoever quotes an alert is not taken for the customer


async def test_a_customer_without_a_name_is_shown_by_the_address_alone(talk: Talk) -> None:
    await talk.agent()
    await talk.answer(await talk.assigned(), "From: ann@customer.example")

    (alert,) = await talk.drafts(ALERT)
    assert "From: ann@customer.example" in read(alert).text.splitlines()


async def test_a_rule_that_assigns_alerts_at_once(store: SqlStore) -> None:
    from tests.support.talk import policy_of, settings

    rule = {"when": {"queue": "support"}, "set": {"assignee": "bob@example.org"}}
    talk = await Talk(store, policy_of(settings(routing=[rule]))).open()
    await talk.agent()

    await talk.mail()

    assert [read(alert).subject for alert in await talk.drafts(ALERT)] == ["[#1] New ticket: The printer 1"]


@pytest.mark.parametrize(("wish", "heard"), [("off", []), ("own", ["own"]), ("all", ["own", "other"])])
async def test_what_an_agent_wishes_to_hear_of(talk: Talk, wish: str, heard: list[str]) -> None:
    await talk.agent(alerts=wish)
    await talk.agent("eve@example.org", "Eve", alerts="off")
    own, other = await talk.assigned(), await talk.assigned("eve@example.org")
    await talk.drafts()
    talk.wait(minutes=10)

    for ticket in (own, other):
        await talk.answer(ticket)

    names = {own: "own", other: "other"}
    assert [names[int(alert.ticket_id or 0)] for alert in await talk.drafts(ALERT)] == heard


async def test_an_agent_hears_of_no_queue_that_is_not_theirs_to_see(talk: Talk) -> None:
    await talk.agent(alerts="all")
    await talk.store.grant_queues("bob@example.org", ["sales"])

    assert (await talk.mail()).alerts == ()
    assert len((await talk.mail(to="sales-in@tickets.example.org")).alerts) == 1


@pytest.mark.parametrize(
    "headers",
    [
        ("Auto-Submitted: auto-replied",),
        ("Auto-Submitted: auto-generated",),
        ("Precedence: bulk",),
        ("X-Autoreply: yes",),
        ("List-Id: <news.customer.example>",),
        ("From: MAILER-DAEMON@customer.example", "Subject: Undelivered Mail Returned to Sender"),
        ("From: Bob Fox <bob@example.org>",),  # their own mail is no news to them
    ],
)
async def test_no_machine_and_nobody_themselves_causes_an_alert(talk: Talk, headers: tuple[str, ...]) -> None:
    await talk.agent()
    ticket = await talk.assigned()

    applied = await talk.answer(ticket, *headers)

    assert applied.alerts == ()
    assert await talk.drafts(ALERT) == []


async def test_our_own_copy_causes_no_alert(talk: Talk) -> None:
    await talk.agent()
    ticket = await talk.assigned()
    token = talk.policy.keys.mint(TokenPurpose.LOOP, ticket, 1)
    own = talk.policy.keys.mint(TokenPurpose.MESSAGE, ticket, 1)

    applied = await talk.answer(ticket, f"X-Poterne-Loop: {token}", f"Message-ID: <{own}@tickets.example.org>")

    assert (applied.disposition.value, applied.alerts) == ("own_copy", ())


async def test_one_alert_of_a_ticket_in_five_minutes_and_the_refusal_is_shown(talk: Talk) -> None:
    await talk.agent()
    ticket = await talk.assigned()
    outcomes = []
    for body in ("It burns.", "And it smokes.", "Is anybody there?"):
        applied = await talk.answer(ticket, body=body)
        outcomes.append((len(applied.alerts), [item.rule for item in applied.refusals]))
        talk.wait(minutes=2, seconds=30)

    assert outcomes == [(1, []), (0, ["bound-agent-ticket"]), (1, [])]
    (trace,) = [item for item in await talk.store.trace("<m3@customer.example>") if item.refusals]
    assert (
        trace.refusals[0].because == "no alert to bob@example.org: 1 in 5 min already, at most 1 per agent and ticket"
    )


async def test_thirty_in_an_hour_and_the_ticket_says_that_there_was_no_more(talk: Talk) -> None:
    await talk.agent()
    tickets = []
    for number in range(31):
        applied = await talk.mail(f"From: p{number}@c{number}.example")
        tickets.append(int(applied.ticket_id or 0))
        await talk.store.change_ticket(tickets[-1], "the test", assignee="bob@example.org")

    outcomes = [
        [item.rule for item in (await talk.answer(ticket, f"From: p{n}@c{n}.example")).refusals]
        for n, ticket in enumerate(tickets)
    ]

    assert outcomes == [[]] * 30 + [["bound-agent"]]
    assert ("delivery", "bound-agent") in [(kind, author) for kind, author, _ in await talk.entries(tickets[-1])]


async def test_an_alert_that_cannot_be_written_costs_the_customer_nothing(talk: Talk, monkeypatch) -> None:
    from gateway.correspondence import MailLetters

    await talk.agent()
    ticket = await talk.assigned()
    monkeypatch.setattr(MailLetters, "alert", lambda *_: 1 // 0)

    applied = await talk.answer(ticket)

    assert applied.disposition.value == "append"
    assert [item.rule for item in applied.refusals] == ["cannot-count"]


async def test_what_is_run_again_alerts_nobody_again(talk: Talk) -> None:
    from datetime import timedelta

    from gateway import pipeline
    from gateway.mail import parse
    from gateway.model import Envelope

    await talk.agent()
    ticket = await talk.assigned()
    raw = b"From: ann@customer.example\r\nSubject: x\r\nMessage-ID: <twice@customer.example>\r\n\r\nHello\r\n"
    to = talk.reply_address(ticket)
    (number,) = await talk.store.accept(raw, [Envelope("a@b.example", to, talk.store.clock.now())], ["support"])
    (claim,) = await talk.store.claim_intakes(10, timedelta(minutes=1))
    assert claim.intake_id == number

    first, second = [
        await talk.store.transact(
            lambda writer: pipeline.settle(writer, claim, parse(raw), talk.policy, talk.store.clock.now())
        )
        for _ in range(2)
    ]

    assert len(first.alerts) == 1
    assert first == second
