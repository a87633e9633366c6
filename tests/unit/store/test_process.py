"""Applying plans: all or nothing, once, and only by the worker that holds the intake."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import bindparam, select

from gateway.errors import Conflict
from gateway.model import (
    Action,
    Applied,
    Attachment,
    DeliveryId,
    Disposition,
    Effect,
    EntryKind,
    Judgement,
    Kind,
    Mailbox,
    Plan,
    Report,
    ReportedRecipient,
    ReportEvent,
    ReportKind,
    Token,
    TokenPurpose,
    Tokens,
    Verdict,
)
from gateway.store import SqlStore
from gateway.store.statement import Statement
from gateway.store.tables import entries
from tests.conftest import MovableClock
from tests.unit.store.cases import (
    ANN,
    NO_LETTERS,
    appends,
    envelope,
    mail,
    open_ticket,
    opens,
    process,
    reply,
    route,
    take,
    texts,
)

NO_TOKENS = Tokens()
EVE = Mailbox("Eve", "eve@example.net")


async def gathered(store: SqlStore, parsed, tokens: Tokens = NO_TOKENS, queue: str = "support"):
    claim = await take(store, queue=queue)
    key = f"{parsed.message_id} {parsed.digest}"
    return await store.inspect(lambda writer: writer.gather(claim, parsed, route(queue), tokens, key))


async def test_a_mail_opens_a_ticket_with_its_acknowledgement(store: SqlStore) -> None:
    parsed = mail(attachments=(Attachment("a.pdf", "application/pdf", 7, "0" * 64, part="2"),))

    applied = await process(store, parsed, opens(parsed, acknowledge=True))

    assert applied.ticket_id is not None
    ticket, entries = await store.find_ticket(applied.ticket_id)
    assert applied.disposition is Disposition.TICKET
    assert len(applied.outgoing) == 1
    assert (ticket.status, ticket.subject, ticket.requester) == ("new", "Printer on fire", "ann@example.com")
    assert texts(entries) == [("customer", "It burns."), ("acknowledgement", "We are looking for water.")]


async def test_applied_twice_it_changes_nothing_the_second_time(store: SqlStore) -> None:
    parsed = mail()
    claim = await take(store)
    first = await process(store, parsed, opens(parsed, acknowledge=True), claim)

    second = await process(store, parsed, opens(parsed, acknowledge=True), claim)

    assert second == first
    assert len(await store.list_tickets()) == 1
    assert len(await store.list_outbox()) == 1


async def test_the_same_mail_again_is_a_duplicate_of_the_first(store: SqlStore) -> None:
    parsed = mail()
    first = await process(store, parsed, opens(parsed, acknowledge=True))

    second = await process(store, parsed, opens(parsed, acknowledge=True))

    assert (second.disposition, second.ticket_id) == (Disposition.DUPLICATE, first.ticket_id)
    assert second.outgoing == ()
    assert len(await store.list_tickets()) == 1


async def test_the_same_mail_to_another_queue_is_known_as_a_sibling(store: SqlStore) -> None:
    parsed = mail()
    first = await process(store, parsed, opens(parsed, "support"))

    stored = await gathered(store, parsed, queue="sales")

    assert (stored.duplicate_of, stored.siblings) == (None, (first.ticket_id,))


async def test_two_workers_with_the_same_mail_at_once_make_one_ticket(store: SqlStore) -> None:
    parsed = mail()
    claims = [await take(store), await take(store)]

    results = await asyncio.gather(*(process(store, parsed, opens(parsed), claim) for claim in claims))

    assert sorted(result.disposition for result in results) == ["duplicate", "ticket"]
    assert len(await store.list_tickets()) == 1


async def test_a_worker_whose_lease_was_taken_over_writes_nothing(store: SqlStore) -> None:
    await store.accept(b"raw", [envelope(store)], ["support"])
    (late,) = await store.claim_intakes(1, timedelta(0))
    await asyncio.sleep(0.01)
    (present,) = await store.claim_intakes(1, timedelta(minutes=1))
    parsed = mail()

    with pytest.raises(Conflict):
        await process(store, parsed, opens(parsed), late)

    assert await store.list_tickets() == []
    assert (await process(store, parsed, opens(parsed), present)).disposition is Disposition.TICKET


async def test_a_job_that_fails_leaves_nothing_and_harms_no_other(store: SqlStore) -> None:
    good, bad = mail(), mail()
    claims = [await take(store), await take(store)]

    def breaks(writer):
        writer.apply(claims[1], bad, opens(bad), None, NO_LETTERS)
        raise RuntimeError("in the middle")

    results = await asyncio.gather(
        process(store, good, opens(good), claims[0]), store.transact(breaks), return_exceptions=True
    )

    assert isinstance(results[0], Applied)
    assert results[0].disposition is Disposition.TICKET
    assert isinstance(results[1], RuntimeError)
    assert len(await store.list_tickets()) == 1


async def test_looking_leaves_no_trace(store: SqlStore) -> None:
    parsed = mail()
    claim = await take(store)

    seen = await store.inspect(lambda writer: writer.apply(claim, parsed, opens(parsed), None, NO_LETTERS))

    assert seen.disposition is Disposition.TICKET
    assert await store.list_tickets() == []
    assert (await store.list_intakes())[0].state == "waiting"


async def test_an_answer_is_found_by_its_references(store: SqlStore) -> None:
    first = mail()
    applied = await process(store, first, opens(first))

    stored = await gathered(store, mail(in_reply_to=(first.message_id,)))

    (ref,) = stored.referenced
    assert (ref.ticket_id, ref.participants) == (applied.ticket_id, frozenset({"ann@example.com"}))
    assert stored.refers_to_automatic is False


async def test_a_reference_to_automatic_mail_of_ours_is_told(store: SqlStore) -> None:
    parsed = mail()
    applied = await process(store, parsed, opens(parsed, acknowledge=True))

    stored = await gathered(store, mail(references=(f"o{applied.outgoing[0]}@tickets.example.org",)))

    assert stored.refers_to_automatic
    assert [ref.ticket_id for ref in stored.referenced] == [applied.ticket_id]


async def test_a_newcomer_is_shown_but_is_no_participant(store: SqlStore) -> None:
    ticket = await open_ticket(store)
    answer = mail(from_=EVE)
    plan = appends(answer, ticket, judgement=Judgement(Kind.HUMAN, requester=EVE, author=EVE), newcomers=(EVE,))
    await process(store, answer, plan)

    stored = await gathered(store, mail(), Tokens(recipient=Token(TokenPurpose.REPLY, ticket)))

    assert stored.tickets[0].participants == frozenset({"ann@example.com"})
    assert [(p.address, p.role) for p in (await store.ticket(ticket)).participants] == [
        ("ann@example.com", "requester"),
        ("eve@example.net", "newcomer"),
    ]


async def test_an_agents_answer_makes_a_newcomer_a_participant(store: SqlStore) -> None:
    ticket = await open_ticket(store)
    answer = mail(from_=EVE)
    await process(store, answer, appends(answer, ticket, newcomers=(EVE,)))

    await reply(store, ticket, EVE.address)

    stored = await gathered(store, mail(), Tokens(recipient=Token(TokenPurpose.REPLY, ticket)))
    assert stored.tickets[0].participants == frozenset({"ann@example.com", "eve@example.net"})


async def test_own_addresses_never_become_participants(store: SqlStore) -> None:
    store.reconfigure(replace(store.options, own_addresses=frozenset({"support@example.org"})))
    ticket = await open_ticket(store)
    answer = mail()
    await process(store, answer, appends(answer, ticket, participants=(Mailbox("", "Support+x@Example.org"), EVE)))

    assert [p.address for p in (await store.ticket(ticket)).participants] == ["ann@example.com", "eve@example.net"]


@pytest.mark.parametrize(("reopen", "status"), [(True, "open"), (False, "waiting")])
async def test_only_an_answer_that_may_changes_the_state(store: SqlStore, reopen: bool, status: str) -> None:
    ticket = await open_ticket(store)
    await reply(store, ticket)
    answer = mail()
    kind = EntryKind.CUSTOMER if reopen else EntryKind.AUTO_REPLY

    await process(store, answer, appends(answer, ticket, reopen=reopen, entry_kind=kind))

    assert (await store.find_ticket(ticket))[0].status == status


async def test_a_ticket_is_not_reopened_without_end(store: SqlStore, clock: MovableClock) -> None:
    ticket = await open_ticket(store)
    states = []
    for _ in range(5):
        await store.change_ticket(ticket, "Bob", status="solved")
        answer = mail()
        await process(store, answer, appends(answer, ticket))
        states.append((await store.find_ticket(ticket))[0].status)
        clock.move(minutes=5)

    assert states == ["open", "open", "open", "solved", "solved"]
    clock.move(hours=1)
    answer = mail()
    await process(store, answer, appends(answer, ticket))
    assert (await store.find_ticket(ticket))[0].status == "open"


async def test_a_report_marks_the_exact_delivery_and_mutes_the_address(store: SqlStore, clock: MovableClock) -> None:
    ticket = await open_ticket(store)
    outgoing = await reply(store, ticket)
    (delivery,) = [row for row in await store.list_outbox() if row.outgoing == outgoing]
    bounce = mail(message_id="b@example.com", from_=Mailbox("", "mailer-daemon@example.com"))
    tokens = Tokens(recipient=Token(TokenPurpose.BOUNCE, delivery.id))
    stored = await gathered(store, bounce, tokens)
    said = ReportedRecipient(ANN.address, Action.FAILED, "5.1.1", permanent=True, diagnostic="no such user")
    plan = Plan(
        Disposition.BOUNCE,
        Judgement(Kind.BOUNCE, silent=True, still=True),
        key="b",
        entry_kind=EntryKind.DELIVERY,
        ticket_id=ticket,
        events=(ReportEvent(DeliveryId(delivery.id), said, suppress=True),),
    )

    await process(store, bounce, plan)

    row, entries = await store.find_ticket(ticket)
    assert stored.reported_deliveries == ((delivery.id, ticket, ANN.address),)
    assert [ref.ticket_id for ref in stored.tickets] == [ticket]
    assert row.status == "waiting"
    assert texts(entries)[-1] == ("delivery", "Mail to ann@example.com: failed (5.1.1 no such user)")
    assert [row.state for row in await store.list_outbox()] == ["bounced"]
    assert (await gathered(store, mail())).suppressed
    clock.move(days=61)
    assert not (await gathered(store, mail())).suppressed


async def test_a_delay_is_no_failure(store: SqlStore) -> None:
    ticket = await open_ticket(store)
    await reply(store, ticket)
    (delivery,) = await store.list_outbox()
    late = ReportedRecipient(ANN.address, Action.DELAYED, "4.4.7", permanent=False)
    parsed = mail()
    plan = appends(
        parsed,
        ticket,
        disposition=Disposition.BOUNCE,
        entry_kind=EntryKind.DELIVERY,
        events=(ReportEvent(DeliveryId(delivery.id), late),),
        reopen=False,
    )

    await process(store, parsed, plan)

    assert [row.state for row in await store.list_outbox()] == ["queued"]
    assert not (await gathered(store, mail())).suppressed


async def test_a_complaint_mutes_the_address(store: SqlStore) -> None:
    ticket = await open_ticket(store)
    parsed = mail()
    plan = appends(parsed, ticket, disposition=Disposition.COMPLAINT, reopen=False, suppress=(ANN.address,))

    await process(store, parsed, plan)

    assert (await gathered(store, mail())).suppressed


async def test_a_complaint_finds_the_open_ticket_of_its_queue_for_complaints(store: SqlStore) -> None:
    complaint = mail(report=Report(ReportKind.FEEDBACK, (), (), "abuse"))
    assert (await gathered(store, complaint)).abuse_ticket is None
    opened = opens(complaint, disposition=Disposition.COMPLAINT)
    assert opened.new_ticket is not None
    plan = replace(opened, new_ticket=replace(opened.new_ticket, tags=("abuse",)))
    ticket = (await process(store, complaint, plan)).ticket_id

    assert ticket is not None
    assert (await gathered(store, complaint)).abuse_ticket == ticket
    assert (await gathered(store, mail())).abuse_ticket is None  # nobody else joins it
    assert (await store.audit()).problems == ()


async def test_what_the_loop_detector_found_is_kept_and_doubles(store: SqlStore, clock: MovableClock) -> None:
    async def suspected() -> None:
        parsed = mail()
        found = Verdict("loop-suspected", Effect.SILENT, "answers within seconds", "history")
        await process(store, parsed, opens(parsed, judgement=Judgement(Kind.HUMAN, (found,), ANN, author=ANN)))

    await suspected()
    assert (await gathered(store, mail())).suspect_until == clock.now() + timedelta(days=1)
    clock.move(days=1, minutes=1)
    assert (await gathered(store, mail())).suspect_until is None
    await suspected()
    assert (await gathered(store, mail())).suspect_until == clock.now() + timedelta(days=2)


async def test_arrivals_tell_what_an_organisation_sent_lately(store: SqlStore, clock: MovableClock) -> None:
    first = mail()
    await process(store, first, opens(first, acknowledge=True, fingerprint="f1"))
    clock.move(seconds=20)
    second = mail(from_=Mailbox("", "carl@example.com"))
    await process(store, second, opens(second, author=Mailbox("", "carl@example.com"), fingerprint="f2"))

    stored = await gathered(store, mail())

    assert [(a.fingerprint, a.after_ours) for a in stored.arrivals] == [("f1", None), ("f2", 20.0)]
    assert stored.seconds_since_ours == 20.0
    assert stored.recent_tickets == 1


async def test_text_that_no_database_keeps_is_stored_without_it(store: SqlStore) -> None:
    parsed = mail(subject="a\0b\ud800", reply_text="\0")

    applied = await process(store, parsed, opens(parsed))

    assert applied.ticket_id is not None
    assert (await store.find_ticket(applied.ticket_id))[0].subject.replace("\0", "") == "ab?"


@pytest.mark.parametrize(
    ("text", "new", "kept"),
    [
        ("It burns.\n\n> We heard.\n", "It burns.", "It burns.\n\n> We heard.\n"),
        ("It burns. \nBadly.\n", "It burns.\nBadly.", None),  # blanks were cut, nothing else
        ("It burns.", "It burns.", None),
        ("> We heard.", "", None),
    ],
)
async def test_the_whole_text_is_kept_beside_the_new_words_where_it_says_more(store: SqlStore, text, new, kept) -> None:
    parsed = mail(text=text, reply_text=new)

    applied = await process(store, parsed, opens(parsed))

    asked = Statement(
        select(entries.c.text, entries.c.quoted).where(
            entries.c.ticket_id == bindparam("ticket"), entries.c.kind == "customer"
        )
    )
    rows = await store.read(lambda context: context.transaction.rows(asked, ticket=applied.ticket_id))
    assert rows == [(new or text, kept)]
