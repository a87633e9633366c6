"""Deliveries of webhooks in the store: handed out once, in order, fenced; steered by hand; pruned at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from gateway.errors import Conflict, NotFound
from gateway.model import DeliveryResult, Outcome, Subscription
from gateway.store import SqlStore, StoreOptions, WebhookBook, open_store
from gateway.store.statement import Statement
from gateway.store.tables_webhooks import events, webhook_attempts
from tests.conftest import MovableClock
from tests.unit.store.cases import open_ticket

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
SENT = DeliveryResult(Outcome.SENT, 200, "HTTP 200 OK", dot_sent=True)
LATER = DeliveryResult(Outcome.DEFERRED, 500, "HTTP 500")
DOWN = DeliveryResult(Outcome.DEFERRED, 0, "no connection", channel_down=True)
GONE = DeliveryResult(Outcome.FAILED, 410, "HTTP 410 Gone")
OPTIONS = StoreOptions(subscriptions=(Subscription("chat"), Subscription("other")))


@pytest.fixture
async def store(database_url: str, clock: MovableClock) -> AsyncIterator[SqlStore]:
    async with open_store(database_url, clock=clock, options=OPTIONS) as opened:
        yield opened


@pytest.fixture
def book(store: SqlStore) -> WebhookBook:
    return WebhookBook(store)


async def states(store: SqlStore, webhook: str = "chat") -> list[str]:
    return [row.state for row in reversed(await store.list_webhook_deliveries(webhook=webhook))]


async def test_an_event_is_handed_out_once_with_its_attempt_counted(store, book) -> None:
    number = await store.ping_webhook("chat")

    (claim,) = await book.claim_deliveries("chat", 10, MINUTE)

    assert (claim.delivery_id, claim.webhook, claim.attempt, claim.type) == (number, "chat", 1, "ping")
    assert claim.payload.startswith(b'{"type":"ping","timestamp":"2026-03-02T09:00:00.000Z"')
    assert await book.claim_deliveries("chat", 10, MINUTE) == []
    assert await book.claim_deliveries("other", 10, MINUTE) == []
    trace = await store.trace_webhook_delivery(number)
    assert [(item.number, item.outcome) for item in trace.attempts] == [(1, None)]


async def test_only_who_holds_the_lease_records(store, book, clock) -> None:
    number = await store.ping_webhook("chat")
    (late,) = await book.claim_deliveries("chat", 10, timedelta(0))
    (present,) = await book.claim_deliveries("chat", 10, MINUTE)

    assert not await book.record_delivery(late, LATER, clock.now() + MINUTE)
    assert await book.record_delivery(present, SENT, None)
    assert not await book.record_delivery(present, LATER, clock.now())
    trace = await store.trace_webhook_delivery(number)
    assert (late.key, late.payload) == (present.key, present.payload)
    assert [(item.outcome, item.text) for item in trace.attempts] == [
        ("unknown", "the worker did not return"),
        ("sent", "HTTP 200 OK"),
    ]


async def test_a_lease_can_be_prolonged_by_its_holder(store, book, clock) -> None:
    await store.ping_webhook("chat")
    (claim,) = await book.claim_deliveries("chat", 10, timedelta(0))
    await book.extend_lease([claim.delivery_id], claim.token + 1, MINUTE)
    lost = await book.next_due("chat")
    await book.extend_lease([claim.delivery_id], claim.token, MINUTE)

    assert lost == clock.now()  # nobody else prolongs it
    assert await book.claim_deliveries("chat", 10, MINUTE) == []


async def test_two_nodes_share_the_work_and_no_row(database_url: str, store, clock) -> None:
    # On SQLite there is one daemon; its second worker stands for the second node.
    other = store if database_url.startswith("sqlite") else open_store(database_url, clock=clock, options=OPTIONS)
    for _ in range(12):
        await store.ping_webhook("chat")
    taken: list[int] = []
    for node in (store, other) * 3:
        taken += [claim.delivery_id for claim in await WebhookBook(node).claim_deliveries("chat", 2, MINUTE)]
    if other is not store:
        await other.close()

    assert len(taken) == len(set(taken)) == 12


async def test_the_events_of_a_ticket_keep_their_order(store, book, clock) -> None:
    await open_ticket(store)
    await open_ticket(store)

    claims = await book.claim_deliveries("chat", 10, MINUTE)
    assert [(claim.ticket_id, claim.type) for claim in claims] == [(1, "ticket.created"), (2, "ticket.created")]
    await book.record_delivery(claims[0], LATER, clock.now() + DAY)
    await book.record_delivery(claims[1], SENT, None)
    then = await book.claim_deliveries("chat", 10, MINUTE)

    assert [(claim.ticket_id, claim.type) for claim in then] == [(2, "entry.created")]
    assert len(await book.claim_deliveries("other", 10, MINUTE)) == 2  # each webhook has an order of its own


async def test_what_waits_for_a_receiver_that_was_down_is_due_when_it_is_up(store, book, clock) -> None:
    for result in (DOWN, LATER, DeliveryResult(Outcome.DEFERRED, 429, "", channel_down=True, wait=MINUTE)):
        await store.ping_webhook("chat")
        (claim,) = await book.claim_deliveries("chat", 1, MINUTE)
        await book.record_delivery(claim, result, clock.now() + DAY)

    assert await book.next_due("chat") == clock.now() + DAY
    assert await book.hasten("chat") == 1  # neither what failed for itself nor who asked for a pause
    assert await book.next_due("chat") == clock.now()


async def test_a_receiver_that_is_gone_stands_above_a_pause(store, book) -> None:
    await store.ping_webhook("chat")
    (claim,) = await book.claim_deliveries("chat", 1, MINUTE)
    await store.pause_webhook("chat", "moving house")
    await store.pause_webhook("chat", "again")
    paused, _ = await store.webhook_depths()
    await book.record_delivery(claim, GONE, None)
    gone, other = await store.webhook_depths()

    assert (paused.because, paused.gone) == ("moving house", False)
    assert (other.waiting, other.gone) == (0, False)
    assert (gone.because, gone.gone, gone.failed_24h) == ("it answered 410 Gone", True, 1)
    assert await book.next_due("chat") is None
    assert [await store.resume_webhook("chat") for _ in range(2)] == [True, False]


async def test_depths_count_what_waits_and_what_ended_lately(store, book, clock) -> None:
    await open_ticket(store)
    (claim,) = await book.claim_deliveries("chat", 1, MINUTE)
    await book.record_delivery(claim, SENT, None)
    (claim,) = await book.claim_deliveries("chat", 1, MINUTE)
    await book.record_delivery(claim, LATER, clock.now() + MINUTE)
    clock.move(hours=1)

    chat, other = await store.webhook_depths()

    assert (chat.waiting, chat.sent_24h, chat.failed_24h, chat.trouble) == (1, 1, 0, "HTTP 500")
    assert [row.sent_24h for row in await store.webhook_depths(sent=False)] == [0, 0]
    assert (other.waiting, other.oldest, other.trouble) == (2, clock.now() - timedelta(hours=1), "")
    clock.move(days=1)
    assert [row.sent_24h for row in await store.webhook_depths()] == [0, 0]


async def test_deliveries_are_steered_by_hand(store, book) -> None:
    number = await store.ping_webhook("chat")
    await store.cancel_webhook_delivery(number)
    with pytest.raises(Conflict, match="is cancelled"):
        await store.cancel_webhook_delivery(number)
    await store.retry_webhook_delivery(number)
    (claim,) = await book.claim_deliveries("chat", 1, MINUTE)
    with pytest.raises(Conflict, match="being sent right now"):
        await store.retry_webhook_delivery(number)
    await book.record_delivery(claim, SENT, None)
    await store.retry_webhook_delivery(number)
    with pytest.raises(NotFound):
        await store.retry_webhook_delivery(4711)
    with pytest.raises(NotFound):
        await store.trace_webhook_delivery(4711)

    (again,) = await book.claim_deliveries("chat", 1, MINUTE)
    assert (again.key, again.attempt) == (claim.key, 2)


async def test_listings_are_paged_and_filtered(store, book) -> None:
    for name in ("chat", "other", "chat"):
        await store.ping_webhook(name)
    await store.cancel_webhook_delivery(1)

    everything = await store.list_webhook_deliveries()
    assert [row.id for row in everything] == [3, 2, 1]
    assert [row.id for row in await store.list_webhook_deliveries(2)] == [3, 2]
    assert [row.id for row in await store.list_webhook_deliveries(2, before=2)] == [1]
    assert [row.id for row in await store.list_webhook_deliveries(webhook="chat")] == [3, 1]
    assert [row.id for row in await store.list_webhook_deliveries(state="cancelled")] == [1]
    assert [row.id for row in await store.list_webhook_deliveries(webhook="other", state="cancelled")] == []


async def test_what_is_old_is_pruned_with_its_event_and_what_is_young_or_shared_stays(store, book, clock) -> None:
    async def count(table) -> int:
        return len(await store.read(lambda context: context.transaction.rows(Statement(table.select()))))

    await open_ticket(store)  # two events, for both webhooks
    for _ in range(2):
        (claim,) = await book.claim_deliveries("chat", 1, MINUTE)
        await book.record_delivery(claim, SENT, None)
    clock.move(days=5)
    await store.ping_webhook("chat")
    kept = await book.prune({"chat": 7 * DAY, "other": 7 * DAY}, DAY)
    dropped = await book.prune({"chat": DAY, "other": DAY}, DAY)

    assert (kept, dropped) == (0, 2)
    # What waits may still be told for a day, whatever `keep` says.
    assert (await states(store), await states(store, "other")) == (["queued"], ["queued", "queued"])
    assert (await count(events), await count(webhook_attempts)) == (3, 0)
    clock.move(days=1, seconds=1)
    assert await book.prune({"other": 30 * DAY}, DAY) == 0
    assert await book.prune({"chat": DAY}, DAY) == 2  # `other` is not configured any more
    assert (await states(store), await count(events)) == (["queued"], 1)
