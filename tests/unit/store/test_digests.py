"""Digests: what an agent missed beyond the limit of alerts is told once, together, and inside the same limit."""

from __future__ import annotations

import pytest

from gateway.correspondence import digest_writer
from gateway.model import OutgoingKind
from gateway.store import SqlStore
from tests.support.talk import Talk, read

ALERT = OutgoingKind.ALERT
BOB = "bob@example.org"


@pytest.fixture
async def talk(store: SqlStore) -> Talk:
    return await Talk(store).open()


async def send(talk: Talk) -> int:
    """Send the digests that are due; return how many there were."""
    write = digest_writer(talk.policy)
    return len(await talk.store.transact(lambda writer: writer.send_digests(write)))


async def overwhelm(talk: Talk, beyond: int = 3) -> list[int]:
    """Let more mail come in a minute than Bob may hear of; return the tickets that he heard nothing of."""
    await talk.agent(alerts="all")
    tickets = [int((await talk.mail(f"From: p{n}@c{n}.example")).ticket_id or 0) for n in range(30 + beyond)]
    assert len(await talk.drafts(ALERT)) == 30
    return tickets[30:]


async def test_what_was_beyond_the_limit_is_told_once_and_together(talk: Talk) -> None:
    missed = await overwhelm(talk)
    await talk.answer(missed[0], f"From: p{30}@c{30}.example")
    assert await send(talk) == 0  # it gathers first
    talk.wait(minutes=16)
    assert await send(talk) == 0  # the limit has no room yet
    talk.wait(minutes=45)

    assert await send(talk) == 1
    assert await send(talk) == 0

    (sent,) = await talk.drafts(ALERT)
    mail = read(sent)
    assert (sent.recipient, mail.subject) == (BOB, "4 new mails without an alert")
    for number, mails in zip(missed, (2, 1, 1), strict=True):
        assert f"[#{number}] The printer {number} ({mails})" in mail.text
    assert mail.first("auto-submitted") == "auto-generated"
    assert [box.address for box in mail.reply_to] == []
    assert "ref:" not in mail.text


async def test_until_then_nothing_more_goes_to_the_agent_and_then_alerts_go_on(talk: Talk) -> None:
    missed = await overwhelm(talk)
    talk.wait(minutes=59)

    waiting = await talk.mail("From: late@late.example")
    talk.wait(minutes=2)
    await send(talk)
    after = await talk.mail("From: after@after.example")

    assert "digest-waits" in [item.rule for item in waiting.refusals]
    digest, alert = await talk.drafts(ALERT)
    assert f"[#{waiting.ticket_id}]" in digest.draft.text
    assert alert.draft.subject.startswith(f"[#{after.ticket_id}] New ticket")
    assert ("delivery", "bound-agent") in [(kind, author) for kind, author, _ in await talk.entries(missed[0])]


async def test_a_storm_never_exceeds_the_limit_digests_included(talk: Talk) -> None:
    """Twenty-two mails in each quarter of an hour, and digests as they come."""
    await talk.agent(alerts="all")
    sent: list[int] = []
    for quarter in range(7):
        for n in range(22):
            await talk.mail(f"From: p{n}@c{quarter}x{n}.example")
        await send(talk)
        sent.append(len(await talk.drafts(ALERT)))
        talk.wait(minutes=15)

    assert max(sum(sent[start : start + 4]) for start in range(4)) <= 30
    assert sum(sent) > 30


async def test_who_wants_no_alerts_any_more_gets_no_digest(talk: Talk) -> None:
    await overwhelm(talk)
    await talk.store.set_alerts(BOB, "off")
    talk.wait(minutes=61)

    assert await send(talk) == 0
    await talk.store.set_alerts(BOB, "all")
    assert await send(talk) == 0


async def test_what_an_agent_may_not_see_is_in_no_digest(talk: Talk) -> None:
    missed = await overwhelm(talk)
    await talk.store.grant_queues(BOB, ["sales"])
    talk.wait(minutes=61)

    assert await send(talk) == 0
    assert await talk.drafts(ALERT) == []
    assert missed


@pytest.mark.parametrize("full", [False, True], ids=["away", "full"])
async def test_a_digest_that_a_machine_answers_leaves_its_ticket_alone(talk: Talk, full: bool) -> None:
    missed = await overwhelm(talk)
    talk.wait(minutes=61)
    await send(talk)
    (digest,) = await talk.drafts(ALERT)
    before = await talk.status(missed[-1])
    sender = "MAILER-DAEMON@example.org" if full else BOB
    thread = f"In-Reply-To: <{digest.draft.message_id}>"

    applied = await talk.mail(f"From: {sender}", "Auto-Submitted: auto-replied", thread, body="I am away.")

    assert applied.disposition.value == ("bounce" if full else "auto_reply")
    assert (applied.alerts, applied.outgoing) == ((), ())
    assert await talk.status(missed[-1]) == before
