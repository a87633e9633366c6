"""What people read: listings narrow and page, traces explain, the audit finds what does not add up."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway import ports
from gateway.errors import Conflict, NotFound
from gateway.model import (
    Attachment,
    DeliveryResult,
    Disposition,
    Effect,
    Judgement,
    Kind,
    Mailbox,
    Outcome,
    Plan,
    Verdict,
)
from gateway.store import InboxBook, SealedVault, SqlStore
from tests.conftest import MovableClock
from tests.unit.store.cases import ANN, envelope, mail, open_ticket, opens, process, reply, take, texts

MINUTE = timedelta(minutes=1)


def implements(store: SqlStore) -> tuple[ports.Store, ports.Outbox, ports.Reader, ports.Operations]:
    """The type checker proves that one object serves all of these ports."""
    return store, store, store, store


def serves_inboxes(store: SqlStore) -> tuple[ports.InboxLedger, ports.Vault]:
    """The type checker proves what direct inboxes are served by."""
    return InboxBook(store), SealedVault(store, b"s" * 32)


async def test_one_object_serves_every_port(store: SqlStore) -> None:
    assert set(implements(store)) == {store}
    assert len(serves_inboxes(store)) == 2


async def test_intakes_show_what_became_of_them(store: SqlStore, clock: MovableClock) -> None:
    parsed = mail()
    seen = Verdict("auto-submitted", Effect.SILENT, "auto-generated", "Auto-Submitted")
    plan = opens(parsed, judgement=Judgement(Kind.AUTO_GENERATED, (seen,), ANN, author=ANN), thread_because="none")
    applied = await process(store, parsed, plan)

    (row,) = await store.list_intakes()

    assert (row.id, row.received_at, row.mail_from) == (applied.intake_id, clock.now(), "ann@example.com")
    assert (row.message_id, row.size, row.state, row.disposition) == (parsed.message_id, 3, "done", "ticket")
    assert (row.ticket, row.verdicts, row.attempts, row.queue) == (applied.ticket_id, (seen,), 1, "support")


async def test_listings_page_backwards_and_narrow(store: SqlStore) -> None:
    tickets = [await open_ticket(store, queue=queue) for queue in ("support", "sales", "support", "sales")]

    page = await store.list_tickets(limit=2)
    rest = await store.list_tickets(limit=2, before=page[-1].number)
    narrow = await store.list_tickets(queue="sales")

    assert [row.number for row in (*page, *rest)] == tickets[::-1]
    assert [row.number for row in narrow] == [tickets[3], tickets[1]]
    assert len(await store.list_intakes(queue="sales", state="done", disposition="ticket")) == 2
    assert await store.list_intakes(state="waiting") == []


async def test_a_ticket_is_shown_with_all_that_belongs_to_it(store: SqlStore) -> None:
    file = Attachment("a.pdf", "application/pdf", 7, "0" * 64, part="2", sniffed_type="application/pdf", dangerous=True)
    parsed = mail(attachments=(file,))
    plan = opens(parsed, participants=(Mailbox("Eve", "eve@example.net"),))
    applied = await process(store, parsed, plan)
    assert applied.ticket_id is not None
    await reply(store, applied.ticket_id)

    view = await store.ticket(applied.ticket_id)

    assert (view.row.number, view.priority, view.merged_into) == (applied.ticket_id, "normal", None)
    assert [(p.address, p.role) for p in view.participants] == [
        ("ann@example.com", "requester"),
        ("eve@example.net", "participant"),
    ]
    assert [(a.filename, a.dangerous, a.inline, a.part) for a in view.attachments] == [("a.pdf", True, False, "2")]
    assert [d.state for d in view.deliveries] == ["queued"]
    assert texts(view.entries) == [("customer", "It burns."), ("agent", "We are looking for water.")]


async def test_a_trace_answers_to_number_message_id_and_address(store: SqlStore) -> None:
    parsed = mail()
    applied = await process(store, parsed, opens(parsed, acknowledge=True))

    names = (str(applied.intake_id), f"<{parsed.message_id}>", "Ann@Example.com", "SUPPORT@tickets.example.org")
    found = [await store.trace(what) for what in names]

    assert all([trace.row.id for trace in traces] == [applied.intake_id] for traces in found)
    assert [d.outgoing for d in found[0][0].deliveries] == list(applied.outgoing)
    assert await store.trace("nobody@example.com") == []


async def test_the_raw_octets_can_be_had(store: SqlStore) -> None:
    claim = await take(store, b"as it came")

    assert await store.raw(claim.intake_id) == b"as it came"
    with pytest.raises(NotFound):
        await store.raw(999)


async def test_what_does_not_exist_is_said_so(store: SqlStore) -> None:
    with pytest.raises(NotFound):
        await store.find_ticket(999)
    with pytest.raises(NotFound):
        await store.ticket(999)
    with pytest.raises(NotFound):
        await store.change_ticket(999, "Bob", status="solved")
    with pytest.raises(NotFound):
        await store.retry_delivery(999, "Bob")
    with pytest.raises(NotFound):
        await store.replay_intake(999)


async def test_statistics_say_what_waits(store: SqlStore, clock: MovableClock) -> None:
    first = clock.now()
    await store.accept(b"x", [envelope(store)], ["support"])
    held = await take(store)
    await store.hold_intake(held, "too-many-hops", "46 Received fields")
    await reply(store, await open_ticket(store))

    seen = await store.statistics()

    assert (seen.waiting_intakes, seen.oldest_waiting, seen.quarantined) == (1, first, 1)
    assert [(depth.channel, depth.waiting, depth.oldest) for depth in seen.outbox] == [("relay", 1, clock.now())]


async def test_quarantine_is_listed_replayed_and_released(store: SqlStore) -> None:
    claim = await take(store)
    await store.hold_intake(claim, "too-many-hops", "46 Received fields")
    (row,) = await store.list_quarantine()
    assert (row.id, row.because) == (claim.intake_id, "46 Received fields")
    assert [v.rule for v in row.verdicts] == ["too-many-hops"]

    assert await store.replay_intake(claim.intake_id)
    assert not await store.replay_intake(claim.intake_id)
    (again,) = await store.claim_intakes(10, MINUTE)
    assert (again.attempt, again.released) == (1, False)
    await store.hold_intake(again, "too-many-hops", "46 Received fields")
    assert await store.replay_intake(claim.intake_id, release=True)
    (released,) = await store.claim_intakes(10, MINUTE)
    assert released.released


async def test_a_released_mail_that_was_held_by_a_rule_is_no_duplicate_of_itself(store: SqlStore) -> None:
    parsed = mail()
    held = Plan(Disposition.QUARANTINE, Judgement(Kind.HUMAN, hold=True), key="k")
    applied = await process(store, parsed, held)
    await store.replay_intake(applied.intake_id, release=True)
    (claim,) = await store.claim_intakes(10, MINUTE)

    again = await process(store, parsed, opens(parsed, key="k"), claim)

    assert again.disposition is Disposition.TICKET


async def test_changes_have_their_entries_and_never_overwrite(store: SqlStore) -> None:
    ticket = await open_ticket(store)
    version = (await store.ticket(ticket)).version

    await store.change_ticket(ticket, "Bob", status="solved", assignee="bob@example.org", version=version)
    with pytest.raises(Conflict):
        await store.change_ticket(ticket, "Eve", status="closed", version=version)
    await store.change_ticket(ticket, "Bob", assignee="")
    await store.add_note(ticket, "Bob", "He called.")

    view = await store.ticket(ticket)
    assert (view.row.status, view.row.assignee) == ("solved", None)
    assert texts(view.entries)[1:] == [
        ("state", "status: new → solved"),
        ("state", "assignee: nobody → bob@example.org"),
        ("state", "assignee: bob@example.org → nobody"),
        ("note", "He called."),
    ]
    with pytest.raises(ValueError, match="nonsense"):
        await store.change_ticket(ticket, "Bob", status="nonsense")


async def test_agents_are_kept(store: SqlStore) -> None:
    await store.add_agent("Bob@Example.org", "Bob", "agent", "$argon2id$")
    with pytest.raises(Conflict):
        await store.add_agent("bob@example.org", "Other", "agent", None)
    await store.change_agent("bob@example.org", disabled=True, role="admin")

    (agent,) = await store.list_agents()

    assert (agent.address, agent.role, agent.password) == ("bob@example.org", "admin", "$argon2id$")
    assert agent.disabled_at is not None
    assert "argon2" not in repr(agent)
    with pytest.raises(NotFound):
        await store.change_agent("eve@example.org", disabled=True)


async def test_suppressions_are_shown_and_lifted(store: SqlStore, clock: MovableClock) -> None:
    parsed = mail()
    await process(store, parsed, opens(parsed, suppress=(ANN.address,)))

    (row,) = await store.list_suppressions()
    assert (row.address, row.expires_at) == ("ann@example.com", clock.now() + timedelta(days=60))
    assert await store.lift_suppression("ANN@example.com")
    assert await store.list_suppressions() == []


# --- the audit ------------------------------------------------------------------------------------------------


async def busy(store: SqlStore) -> None:
    """Let a bit of everything happen."""
    parsed = mail()
    await process(store, parsed, opens(parsed, acknowledge=True))
    await process(store, parsed, opens(parsed))
    await store.hold_intake(await take(store), "poison", "three tries")
    await reply(store, await open_ticket(store))
    for claimed in await store.claim_deliveries("relay", 10, MINUTE):
        await store.record_delivery(claimed, DeliveryResult(Outcome.SENT, 250, "ok", dot_sent=True), None)
    await store.accept(bytes(3 << 20), [envelope(store), envelope(store)], ["support", "sales"])


async def test_the_sum_of_the_ledger_adds_up(store: SqlStore) -> None:
    await busy(store)

    report = await store.audit()

    assert report.problems == ()
    assert (report.intakes, report.waiting, report.raw_mails) == (6, 2, 5)
    assert {word: count for word, count in report.dispositions.items() if count} == {
        "ticket": 2,
        "duplicate": 1,
        "quarantine": 1,
    }
    assert report.deliveries == {"sent": 2}


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("UPDATE intakes SET disposition = NULL WHERE state = 'done'", "a settled intake has no disposition"),
        ("UPDATE intakes SET disposition = 'ticket' WHERE state = 'waiting'", "a waiting intake has a disposition"),
        ("UPDATE intakes SET ticket_id = NULL WHERE disposition = 'ticket'", "names none"),
        ("UPDATE intakes SET entry_id = 999 WHERE disposition = 'ticket'", "without an entry"),
        ("DELETE FROM entries", "a ticket has no entry"),
        ("DELETE FROM attempts", "a finished delivery was sent without an attempt"),
        ("UPDATE deliveries SET attempts = 7", "counts other attempts"),
        ("UPDATE deliveries SET state = 'queued', due_at = NULL", "not due at any time"),
        ("DELETE FROM automatic_counts; DELETE FROM automatic_mails", "not in its ledger"),
        ("UPDATE raws SET content = '' WHERE content IS NOT NULL", "is not what was accepted"),
        ("UPDATE raw_chunks SET content = '' WHERE position = 2", "is not what was accepted"),
    ],
)
async def test_the_audit_finds_what_is_wrong(store: SqlStore, damage: str, found: str) -> None:
    await busy(store)

    def spoil(context) -> None:
        for statement in damage.split("; "):
            if statement == "DELETE FROM entries":
                context.transaction.cursor.execute("DELETE FROM attachments")
            context.transaction.cursor.execute(statement)

    await store.write(spoil)

    assert found in "\n".join((await store.audit()).problems)
