"""THE function for automatic mail: every limit holds, every refusal has its reason, nothing uncounted leaves."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.model import AutomaticMail, Mailbox, OutgoingKind, Refusal
from gateway.store import BoundTable, SqlStore, bound
from tests.conftest import MovableClock
from tests.unit.store.cases import NO_LETTERS, draft, mail, open_ticket, opens, process, send_automatic, take, texts

ALERT = OutgoingKind.ALERT
ACKNOWLEDGEMENT = OutgoingKind.ACKNOWLEDGEMENT


async def rule_of(store: SqlStore, recipient: str, **changes) -> str:
    """Ask for an automatic mail; return the rule that refused it, or "sent"."""
    result = await send_automatic(store, recipient, **changes)
    return result.rule if isinstance(result, Refusal) else "sent"


@pytest.mark.parametrize(
    "same",
    ["ann@example.com", "ANN@Example.com", "ann+1@example.com", "ann=x@example.com"],
)
async def test_one_in_ten_minutes_however_the_address_is_written(store: SqlStore, clock, same: str) -> None:
    assert await rule_of(store, "ann@example.com") == "sent"
    clock.move(minutes=9, seconds=59)
    assert await rule_of(store, same) == "bound-address"
    clock.move(seconds=1)
    assert await rule_of(store, same) == "sent"


async def test_three_in_a_day_and_eight_in_a_week(store: SqlStore, clock: MovableClock) -> None:
    outcomes = []
    for _ in range(7 * 24):
        outcomes.append(await rule_of(store, "ann@example.com"))
        clock.move(hours=1)

    assert outcomes.count("sent") == 8
    assert [hour for hour, outcome in enumerate(outcomes) if outcome == "sent"] == [0, 1, 2, 24, 25, 26, 48, 49]
    assert await rule_of(store, "ann@example.com") == "sent"


async def test_an_organisation_is_limited_across_its_addresses(store: SqlStore, clock: MovableClock) -> None:
    outcomes = [await rule_of(store, f"person{n}@sub{n}.example.com") for n in range(12)]

    assert outcomes == ["sent"] * 10 + ["bound-organisation"] * 2


async def test_a_free_mail_provider_is_no_organisation(store: SqlStore) -> None:
    outcomes = [await rule_of(store, f"person{chr(97 + n)}@gmail.com") for n in range(15)]

    assert outcomes == ["sent"] * 15


async def test_the_same_text_causes_three_in_a_day(store: SqlStore, clock: MovableClock) -> None:
    outcomes = [await rule_of(store, f"p@example{n}.com", fingerprint="same") for n in range(5)]

    assert outcomes == ["sent"] * 3 + ["bound-fingerprint"] * 2


async def test_a_queue_that_reaches_its_limit_falls_silent(store: SqlStore, clock: MovableClock) -> None:
    store.reconfigure(replace(store.options, bound=BoundTable(queue=((timedelta(hours=1), 2),))))
    outcomes = [await rule_of(store, f"p@example{n}.com") for n in range(4)]

    assert outcomes == ["sent", "sent", "breaker-opened", "breaker"]
    assert await rule_of(store, "p@example9.com", queue="sales") == "sent"
    (breaker,) = (await store.statistics()).breakers
    assert (breaker.queue, breaker.is_open, breaker.trips) == ("support", True, 1)
    clock.move(minutes=59)
    assert await rule_of(store, "p@example5.com") == "breaker"
    clock.move(minutes=1, seconds=1)
    assert await rule_of(store, "p@example6.com") == "sent"


async def test_a_breaker_that_is_reset_lifts_no_limit(store: SqlStore, clock: MovableClock) -> None:
    store.reconfigure(replace(store.options, bound=BoundTable(queue=((timedelta(hours=1), 1),))))
    assert [await rule_of(store, f"p@example{n}.com") for n in range(2)] == ["sent", "breaker-opened"]

    assert await store.reset_breaker("support")

    assert await rule_of(store, "p@example3.com") == "bound-queue"
    assert not await store.reset_breaker("other")


async def test_a_busy_queue_keeps_to_its_limits_and_is_no_alarm(store: SqlStore, clock: MovableClock) -> None:
    """Five an hour where four may go: alarming on the first days, then usual. Five times as much is a loop again."""
    store.reconfigure(replace(store.options, bound=BoundTable(queue=((timedelta(hours=1), 4),))))
    seen: list[str] = []
    for number in range(5 * 60):
        seen.append(await rule_of(store, f"p@usual{number}.com"))
        clock.move(minutes=12)
    first, last = Counter(seen[:50]), Counter(seen[-50:])

    assert first["breaker-opened"]
    assert last == {"sent": 40, "bound-queue": 10}
    loop = [await rule_of(store, f"p@loop{number}.com") for number in range(10)]
    assert (loop.count("breaker-opened"), loop[-1]) == (1, "breaker")


async def test_one_robot_within_the_limits_of_its_address_opens_no_breaker(
    store: SqlStore, clock: MovableClock
) -> None:
    outcomes = [await rule_of(store, "robot@example.com") for _ in range(100)]

    assert set(outcomes) == {"sent", "bound-address"}
    assert await rule_of(store, "ann@example.org") == "sent"


async def spam_run(store: SqlStore, domains: int, mails: int) -> list[str]:
    """Open tickets with one text under forged senders; return the fingerprints, no two of which are the same.

    So the limit of one text never counts: each differs in a bit or two.
    """
    marks = [f"{1 << number | 0xABCD << 40:016x}" for number in range(mails)]
    for number, mark in enumerate(marks):
        author = Mailbox("", f"p{number}@spam{number % domains}.com")
        parsed = mail(from_=author)
        await process(store, parsed, opens(parsed, author=author, fingerprint=mark))
    return marks


async def test_one_text_under_many_names_is_not_answered(store: SqlStore, clock: MovableClock) -> None:
    marks = await spam_run(store, domains=22, mails=22)

    result = await send_automatic(store, "p@spam99.com", fingerprint=marks[0])

    assert result == Refusal("one-text", "22 of the 22 newest tickets of a day have one text, from 22 domains")
    assert await rule_of(store, "p@spam99.com", fingerprint=marks[1], queue="sales") == "sent"


async def test_one_text_under_three_domains_silences_nobody_else(store: SqlStore, clock: MovableClock) -> None:
    """Whoever forges 21 mails takes away the acknowledgements of that text, and no customer's."""
    marks = await spam_run(store, domains=3, mails=21)
    ann = Mailbox("", "ann@example.org")
    parsed = mail(from_=ann)
    plan = opens(parsed, author=ann, fingerprint="0123456789abcdef", acknowledge=True)

    assert await rule_of(store, "p@spam99.com", fingerprint=marks[0]) == "one-text"
    applied = await process(store, parsed, plan)

    assert (len(applied.outgoing), applied.refusals) == (1, ())
    assert await rule_of(store, "bob@example.net", fingerprint="") == "sent"
    assert await rule_of(store, "p@spam99.com", fingerprint=marks[0]) == "one-text"
    assert (await store.statistics()).breakers == ()


async def test_one_text_is_forgotten_after_a_day(store: SqlStore, clock: MovableClock) -> None:
    """Where little comes, a spam run stays among the newest tickets for months."""
    marks = await spam_run(store, domains=3, mails=21)
    clock.move(hours=23)
    assert await rule_of(store, "p@spam99.com", fingerprint=marks[0]) == "one-text"
    clock.move(hours=1)
    assert await rule_of(store, "p@spam99.com", fingerprint=marks[0]) == "sent"


async def test_one_companys_people_in_an_outage_are_not_one_text(store: SqlStore, clock: MovableClock) -> None:
    marks = await spam_run(store, domains=2, mails=22)

    assert await rule_of(store, "p99@spam0.com", fingerprint=marks[0]) == "sent"


async def test_one_acknowledgement_per_ticket_ever(store: SqlStore, clock: MovableClock) -> None:
    ticket = await open_ticket(store)
    outcomes = []
    for _ in range(3):
        outcomes.append(await rule_of(store, "ann@example.com", kind=ACKNOWLEDGEMENT, ticket_id=ticket))
        clock.move(days=30)

    assert outcomes == ["sent", "once-per-ticket", "once-per-ticket"]


async def test_one_mail_of_a_kind_per_cause(store: SqlStore, clock: MovableClock) -> None:
    cause = (await take(store)).intake_id
    outcomes = []
    for _ in range(2):
        outcomes.append(await rule_of(store, "ann@example.com", cause=cause))
        clock.move(days=30)

    assert outcomes == ["sent", "once-per-cause"]
    assert len(await store.list_outbox()) == 1


async def test_who_is_barred(store: SqlStore) -> None:
    store.reconfigure(
        replace(store.options, own_addresses=frozenset({"support@example.org"}), blocklist=("noreply@*",))
    )
    await store.block("*@lists.example.net", "", "Bob")
    await store.add_agent("bob@example.org", "Bob", "agent", None)

    assert await rule_of(store, "Support+7@example.org") == "own-address"
    assert await rule_of(store, "noreply@example.com") == "blocklist"
    assert await rule_of(store, "x@lists.example.net") == "blocklist"
    assert await rule_of(store, "bob@example.org") == "agent-address"
    assert await rule_of(store, "") == "no-address"
    assert await rule_of(store, "a@b@c") == "no-address"
    assert await store.list_outbox() == []
    assert await store.unblock("*@lists.example.net")
    assert await rule_of(store, "x@lists.example.net") == "sent"


async def test_alerts_have_limits_of_their_own(store: SqlStore, clock: MovableClock) -> None:
    await store.add_agent("bob@example.org", "Bob", "agent", None)
    one, two = await open_ticket(store), await open_ticket(store)

    outcomes = [await rule_of(store, "bob@example.org", kind=ALERT, ticket_id=ticket) for ticket in (one, one, two)]
    assert outcomes == ["sent", "bound-agent-ticket", "sent"]
    for _ in range(40):
        clock.move(minutes=1)
        await rule_of(store, "bob@example.org", kind=ALERT)
    assert len(await store.list_outbox(state="queued")) == 30
    _, entries = await store.find_ticket(one)
    assert [entry.kind for entry in entries] == ["customer"]


async def test_an_agents_reply_is_no_automatic_mail(store: SqlStore) -> None:
    assert await rule_of(store, "ann@example.com", kind=OutgoingKind.REPLY) == "not-automatic"


async def test_a_refusal_shows_on_its_ticket(store: SqlStore) -> None:
    await send_automatic(store, "ann@example.com")
    parsed = mail()

    applied = await process(store, parsed, opens(parsed, acknowledge=True))

    because = "1 in 10 min already, at most 1 per address"
    assert applied.refusals == (Refusal("bound-address", because),)
    assert applied.ticket_id is not None
    _, entries = await store.find_ticket(applied.ticket_id)
    assert texts(entries)[-1] == ("delivery", f"No acknowledgement to ann@example.com: {because}")
    (trace,) = await store.trace(str(applied.intake_id))
    assert trace.refusals == applied.refusals


async def test_what_cannot_be_counted_is_not_sent_and_the_ticket_stays(store: SqlStore, monkeypatch) -> None:
    def breaks(*_arguments, **_more):
        raise KeyError("no such limit")

    monkeypatch.setattr(bound, "exceeded", breaks)
    parsed = mail()

    applied = await process(store, parsed, opens(parsed, acknowledge=True))

    assert [refusal.rule for refusal in applied.refusals] == ["cannot-count"]
    assert applied.ticket_id is not None
    assert await store.list_outbox() == []


async def test_a_letter_that_cannot_be_written_keeps_no_ticket_back(store: SqlStore) -> None:
    def breaks(_ticket, _outgoing):
        raise FileNotFoundError("logo.png")

    parsed = mail()
    claim = await take(store)

    applied = await store.transact(
        lambda writer: writer.apply(claim, parsed, opens(parsed, acknowledge=True), breaks, NO_LETTERS)
    )

    assert [refusal.rule for refusal in applied.refusals] == ["cannot-count"]
    assert len(await store.list_tickets()) == 1
    assert (await store.audit()).problems == ()


async def test_a_draft_to_others_than_were_counted_is_refused(store: SqlStore) -> None:
    request = AutomaticMail(OutgoingKind.NOTICE, "support", "ann@example.com")

    result = await store.transact(
        lambda writer: writer.queue_automatic(request, lambda outgoing: draft(outgoing, "victim@example.net"))
    )

    assert isinstance(result, Refusal)
    assert result.rule == "not-sendable"
    assert await store.list_outbox() == []
    assert await rule_of(store, "ann@example.com") == "sent"


async def test_a_clock_that_is_set_back_opens_no_window(store: SqlStore, clock: MovableClock) -> None:
    assert await rule_of(store, "ann@example.com") == "sent"
    clock.move(days=-2)
    assert await rule_of(store, "ann@example.com") == "bound-address"


async def test_many_at_once_are_counted_one_after_the_other(store: SqlStore) -> None:
    outcomes = await asyncio.gather(*(rule_of(store, f"p{n}@example.com") for n in range(20)))

    assert sorted(outcomes) == ["bound-organisation"] * 10 + ["sent"] * 10
