"""The outbox: nothing is handed out twice, out of order, or to whom it must not go; and every attempt is on record."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.errors import NotSendable
from gateway.model import DeliveryResult, Mailbox, Outcome, OutgoingFile
from gateway.store import SqlStore
from tests.conftest import MovableClock
from tests.unit.store.cases import ANN, open_ticket, reply, send_automatic, texts

MINUTE = timedelta(minutes=1)
SENT = DeliveryResult(Outcome.SENT, 250, "250 2.0.0 queued as 1", dot_sent=True)
LATER = DeliveryResult(Outcome.DEFERRED, 451, "451 4.2.0 busy")
NEVER = DeliveryResult(Outcome.FAILED, 550, "550 5.1.1 no such user")


async def claim_one(store: SqlStore, lease: timedelta = MINUTE):
    (claimed,) = await store.claim_deliveries("relay", 10, lease)
    return claimed


async def test_a_reply_is_handed_out_once_with_all_that_it_takes(store: SqlStore) -> None:
    ticket = await open_ticket(store)
    file = OutgoingFile("a.txt", "text/plain", b"\0\xff", None)
    outgoing = await reply(store, ticket, files=(file,), cc=(Mailbox("Eve", "eve@example.net"),))

    claims = await store.claim_deliveries("relay", 10, MINUTE)

    assert [(c.recipient, c.attempt, c.outgoing_id, c.ticket_id) for c in claims] == [
        (ANN.address, 1, outgoing, ticket),
        ("eve@example.net", 1, outgoing, ticket),
    ]
    assert claims[0].draft.files == (file,)
    assert claims[0].draft.cc == (Mailbox("Eve", "eve@example.net"),)
    assert claims[0].content is None
    assert await store.claim_deliveries("relay", 10, MINUTE) == []


async def test_the_octets_signed_first_are_the_ones_that_count(store: SqlStore) -> None:
    outgoing = await reply(store, await open_ticket(store))

    kept = [await store.keep_content(outgoing, octets) for octets in (b"one", b"two")]

    assert kept == [b"one", b"one"]
    assert (await claim_one(store)).content == b"one"


async def test_a_sent_reply_shows_on_the_ticket(store: SqlStore) -> None:
    ticket = await open_ticket(store)
    await reply(store, ticket)

    assert await store.record_delivery(await claim_one(store), SENT, None)

    _, entries = await store.find_ticket(ticket)
    assert texts(entries)[-1] == ("delivery", "Mail to ann@example.com: sent (250 2.0.0 queued as 1)")
    assert [(row.state, row.attempts) for row in await store.list_outbox()] == [("sent", 1)]


async def test_a_deferred_delivery_waits_and_keeps_count(store: SqlStore, clock: MovableClock) -> None:
    await reply(store, await open_ticket(store))
    await store.record_delivery(await claim_one(store), LATER, clock.now() + timedelta(minutes=5))

    assert await store.claim_deliveries("relay", 10, MINUTE) == []
    assert await store.next_due("relay") == clock.now() + timedelta(minutes=5)
    clock.move(minutes=5)
    assert (await claim_one(store)).attempt == 2


async def test_a_refused_delivery_is_final_and_shown(store: SqlStore, clock: MovableClock) -> None:
    ticket = await open_ticket(store)
    await reply(store, ticket)

    await store.record_delivery(await claim_one(store), NEVER, None)

    clock.move(days=5)
    assert await store.claim_deliveries("relay", 10, MINUTE) == []
    _, entries = await store.find_ticket(ticket)
    assert texts(entries)[-1] == ("delivery", "Mail to ann@example.com: failed (550 5.1.1 no such user)")


async def test_a_warning_is_given_once_and_remembered(store: SqlStore, clock: MovableClock) -> None:
    ticket = await open_ticket(store)
    await reply(store, ticket)
    first = await claim_one(store)
    await store.record_delivery(first, LATER, clock.now(), "late since 4 h")

    second = await claim_one(store)

    assert (first.warned, second.warned) == (False, True)
    _, entries = await store.find_ticket(ticket)
    assert texts(entries)[-1] == ("delivery", "Mail to ann@example.com: delayed (451 4.2.0 busy). late since 4 h")


async def test_a_worker_that_lost_its_lease_records_nothing(store: SqlStore) -> None:
    await reply(store, await open_ticket(store))
    late = await claim_one(store, timedelta(0))
    await asyncio.sleep(0.01)
    present = await claim_one(store)

    assert await store.record_delivery(late, NEVER, None) is False
    assert await store.record_delivery(present, SENT, None) is True

    assert [row.state for row in await store.list_outbox()] == ["sent"]
    assert await store.record_delivery(late, NEVER, None) is False


async def test_an_attempt_that_never_returned_may_have_sent_its_dot(store: SqlStore) -> None:
    await reply(store, await open_ticket(store))
    await claim_one(store, timedelta(0))
    await asyncio.sleep(0.01)

    again = await claim_one(store)

    assert (again.attempt, again.dots) == (2, 1)
    (delivery,) = await store.list_outbox()
    attempts = await store.attempts(delivery.id)
    assert [(a.number, a.outcome, a.dot_sent) for a in attempts] == [(1, "unknown", True), (2, None, False)]


async def test_a_lease_can_be_prolonged_by_its_holder_alone(store: SqlStore) -> None:
    await reply(store, await open_ticket(store))
    held = await claim_one(store, timedelta(milliseconds=150))
    await store.extend_lease([held.delivery_id], held.token + 1, timedelta(0))
    await store.extend_lease([held.delivery_id], held.token, MINUTE)
    await asyncio.sleep(0.2)

    assert await store.claim_deliveries("relay", 10, MINUTE) == []


async def test_two_mails_of_one_ticket_leave_in_order(store: SqlStore, clock: MovableClock) -> None:
    ticket = await open_ticket(store)
    one, two = await reply(store, ticket), await reply(store, ticket)

    first = await claim_one(store)
    assert first.outgoing_id == one
    await store.record_delivery(first, LATER, clock.now() + MINUTE)
    assert await store.claim_deliveries("relay", 10, MINUTE) == []
    assert await store.next_due("relay") == clock.now() + MINUTE
    clock.move(minutes=1)
    await store.record_delivery(await claim_one(store), NEVER, None)
    assert (await claim_one(store)).outgoing_id == two


async def test_a_paused_channel_hands_out_nothing(store: SqlStore) -> None:
    await reply(store, await open_ticket(store))
    await store.pause_channel("relay", "maintenance")

    assert await store.claim_deliveries("relay", 10, MINUTE) == []
    assert await store.next_due("relay") is None
    await store.resume_channel("relay")
    assert (await claim_one(store)).attempt == 1


async def test_what_waited_for_its_channel_is_hastened(store: SqlStore, clock: MovableClock) -> None:
    tickets = [await open_ticket(store) for _ in range(2)]
    for ticket in tickets:
        await reply(store, ticket)
    one, two = await store.claim_deliveries("relay", 10, MINUTE)
    await store.record_delivery(one, replace(LATER, channel_down=True), clock.now() + timedelta(hours=1))
    await store.record_delivery(two, LATER, clock.now() + timedelta(hours=1))

    assert await store.hasten("relay") == 1
    assert (await claim_one(store)).delivery_id == one.delivery_id


async def test_a_barred_recipient_is_refused_before_queueing(store: SqlStore) -> None:
    store.reconfigure(replace(store.options, own_addresses=frozenset({"support@example.org"})))
    ticket = await open_ticket(store)

    with pytest.raises(NotSendable):
        await reply(store, ticket, "Support+1@example.org")

    await reply(store, ticket, cc=(Mailbox("", "support@example.org"),))
    assert [(row.recipient, row.state) for row in reversed(await store.list_outbox())] == [
        (ANN.address, "queued"),
        ("support@example.org", "refused"),
    ]


async def test_a_pattern_added_later_stops_what_waits(store: SqlStore) -> None:
    ticket = await open_ticket(store)
    await reply(store, ticket)
    await store.block("*@example.com", "asked for silence", "Bob")

    assert await store.claim_deliveries("relay", 10, MINUTE) == []

    _, entries = await store.find_ticket(ticket)
    assert texts(entries)[-1] == (
        "delivery",
        "Mail to ann@example.com was not sent: ann@example.com is on the loop blocklist (*@example.com)",
    )
    assert [row.state for row in await store.list_outbox()] == ["refused"]


async def test_what_is_refused_at_the_claim_hides_nothing_behind_it(store: SqlStore) -> None:
    for name in ("ann", "ben", "cleo"):
        await reply(store, await open_ticket(store), f"{name}@example.com")
    await reply(store, await open_ticket(store), "dan@example.net")
    await store.block("*@example.com", "asked for silence", "Bob")

    assert [claimed.recipient for claimed in await store.claim_deliveries("relay", 1, MINUTE)] == ["dan@example.net"]
    assert sorted(row.state for row in await store.list_outbox()) == ["queued", "refused", "refused", "refused"]


async def test_operators_cancel_hold_and_retry(store: SqlStore, clock: MovableClock) -> None:
    ticket = await open_ticket(store)
    await reply(store, ticket)
    (row,) = await store.list_outbox()

    await store.hold_delivery(row.id, "Bob")
    assert await store.claim_deliveries("relay", 10, MINUTE) == []
    await store.retry_delivery(row.id, "Bob")
    await store.record_delivery(await claim_one(store), NEVER, None)
    await store.retry_delivery(row.id, "Bob")
    assert (await claim_one(store)).attempt == 2
    await reply(store, ticket)
    (newest, _) = await store.list_outbox()
    await store.cancel_delivery(newest.id, "Bob")
    assert (await store.list_outbox())[0].state == "cancelled"


async def test_a_drained_channel_keeps_the_bound(store: SqlStore, clock: MovableClock) -> None:
    await store.pause_channel("relay", "maintenance")
    for _ in range(3):
        await send_automatic(store, "ann@example.com")
        clock.move(minutes=11)
    await store.resume_channel("relay")

    claims = await store.claim_deliveries("relay", 10, MINUTE)

    assert len(claims) == 1
    assert sorted(row.state for row in await store.list_outbox()) == ["queued", "refused", "refused"]


async def test_a_retry_does_not_count_against_itself(store: SqlStore, clock: MovableClock) -> None:
    await send_automatic(store, "ann@example.com")
    for attempt in range(1, 5):
        claimed = await claim_one(store)
        assert claimed.attempt == attempt
        await store.record_delivery(claimed, LATER, clock.now() + MINUTE)
        clock.move(minutes=1)
