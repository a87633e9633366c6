"""The intake worker with a store of cardboard: tries, quarantine, slots, and who is to blame."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from structlog.testing import capture_logs

from gateway.daemon import judge
from gateway.daemon.judge import IntakeWorker
from gateway.errors import Conflict, ParserDied, StorageFull, StorageUnavailable
from gateway.model import Applied, Claim, Disposition, Envelope, IntakeId, OutgoingId, Refusal, TicketId
from gateway.ports import Store
from gateway.telemetry import metrics

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def claim(number, attempt=1):
    envelope = Envelope("customer@example.com", "support-in@tickets.example.org", NOON, session=f"s-{number}")
    return Claim(IntakeId(number), envelope, b"", "support", attempt, token=1)


class Cardboard:
    """Hands out prepared claims once, and notes what comes back."""

    def __init__(self, *claims):
        self.waiting = list(claims)
        self.released = []
        self.held = []
        self.extended = []
        self.claim_error = None
        self.release_errors = []

    async def claim_intakes(self, limit, lease, octets):
        if self.claim_error:
            error, self.claim_error = self.claim_error, None
            raise error
        taken, self.waiting = self.waiting[:limit], self.waiting[limit:]
        return taken

    async def extend_intakes(self, claims, lease):
        self.extended.append([claim.intake_id for claim in claims])

    async def release_intake(self, claim, because):
        if self.release_errors:
            raise self.release_errors.pop()
        self.released.append((claim.intake_id, because))

    async def hold_intake(self, claim, rule, because):
        self.held.append((claim.intake_id, rule, because))


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch):
    monkeypatch.setattr(judge, "POLL", timedelta(milliseconds=20))
    monkeypatch.setattr(judge, "STORE_PAUSE", timedelta(milliseconds=20))


def applied(claim, **more):
    return Applied(claim.intake_id, Disposition.TICKET, TicketId(1), **more)


def make_worker(store, do, slots=2, on_outgoing=lambda: None):
    return IntakeWorker(cast("Store", store), do, slots, on_outgoing)


async def work(store, do, slots=2, on_outgoing=lambda: None, until=lambda: True):
    worker = make_worker(store, do, slots, on_outgoing)
    task = asyncio.create_task(worker.run())
    await asyncio.sleep(0.08)
    async with asyncio.timeout(5):
        while not until():
            await asyncio.sleep(0.01)
    worker.stop()
    await asyncio.wait_for(task, 5)


async def test_everything_that_waits_is_processed_and_counted():
    labels = {"queue": "support", "disposition": "ticket"}
    before = metrics.REGISTRY.get_sample_value("poterne_intakes_total", labels) or 0
    queued = []

    async def do(claim):
        return applied(claim, outgoing=(OutgoingId(9),), refusals=(Refusal("bound", "enough"),))

    store = Cardboard(*map(claim, range(1, 8)))
    await work(store, do, on_outgoing=lambda: queued.append(1))

    assert store.waiting == []
    assert metrics.REGISTRY.get_sample_value("poterne_intakes_total", labels) == before + 7
    assert len(queued) == 7


async def test_a_breaker_that_opens_is_an_alarm_in_the_log():
    async def do(claim):
        return applied(claim, refusals=(Refusal("breaker-opened", "too many"), Refusal("breaker", "is open")))

    with capture_logs() as lines:
        await work(Cardboard(claim(1)), do)

    (line,) = [line for line in lines if line["event"] == "breaker.opened"]
    assert (line["log_level"], line["queue"], line["because"]) == ("error", "support", "too many")


async def test_an_unknown_forwarder_is_counted_and_named_once():
    labels = {"queue": "support"}
    before = metrics.REGISTRY.get_sample_value("poterne_unknown_forwarder_mails_total", labels) or 0

    async def do(claim):
        return applied(claim, forwarder=("help@gmail.com", "queues.support.forwarders: [help@gmail.com]"))

    with capture_logs() as lines:
        await work(Cardboard(*map(claim, range(1, 4))), do)

    assert metrics.REGISTRY.get_sample_value("poterne_unknown_forwarder_mails_total", labels) == before + 3
    (line,) = [line for line in lines if line["event"] == "forwarder.unknown"]
    assert (line["forwarder"], line["set"]) == ("help@gmail.com", "queues.support.forwarders: [help@gmail.com]")


async def test_a_slow_mail_holds_one_slot_and_nothing_else():
    done = []
    gate = asyncio.Event()

    async def do(claim):
        if claim.intake_id == 1:
            await gate.wait()
        done.append(claim.intake_id)
        return applied(claim)

    store = Cardboard(*map(claim, range(1, 30)))
    worker = make_worker(store, do)
    task = asyncio.create_task(worker.run())
    await asyncio.sleep(0.1)
    before_the_slow_one = list(done)
    gate.set()
    worker.stop()
    await task

    assert before_the_slow_one == list(range(2, 30))
    assert done[-1] == 1


async def test_a_wake_up_does_not_wait_for_the_poll(monkeypatch):
    monkeypatch.setattr(judge, "POLL", timedelta(seconds=60))
    seen = asyncio.Event()

    async def do(claim):
        seen.set()
        return applied(claim)

    store = Cardboard()
    worker = make_worker(store, do)
    task = asyncio.create_task(worker.run())
    await asyncio.sleep(0.02)
    store.waiting.append(claim(1))
    worker.wake()
    await asyncio.wait_for(seen.wait(), 1)
    worker.stop()
    await asyncio.wait_for(task, 1)

    assert seen.is_set()


@pytest.mark.parametrize("error", [ParserDied("too slow"), RuntimeError("secret"), ZeroDivisionError()])
async def test_the_first_tries_give_the_mail_back(error):
    async def do(_claim):
        raise error

    store = Cardboard(claim(1, attempt=1), claim(2, attempt=2))
    await work(store, do)

    assert sorted(number for number, _ in store.released) == [1, 2]
    assert store.held == []


async def test_the_third_failure_puts_the_mail_into_quarantine():
    async def do(_claim):
        raise ParserDied("killed after 20 s")

    store = Cardboard(claim(1, attempt=3))
    await work(store, do)

    assert store.held == [(1, "parser-died", "killed after 20 s (try 3 of 3)")]
    assert store.released == []


async def test_a_mail_under_which_the_daemon_died_thrice_is_held_without_being_read():
    read = []

    async def do(claim):
        read.append(claim)
        return applied(claim)

    store = Cardboard(claim(1, attempt=4))
    await work(store, do)

    assert [(number, rule) for number, rule, _ in store.held] == [(1, "daemon-died")]
    assert read == []


async def test_trouble_of_the_store_never_puts_a_mail_into_quarantine():
    async def do(_claim):
        raise StorageUnavailable("locked")

    store = Cardboard(claim(1, attempt=3))
    await work(store, do)

    assert store.held == []
    assert [number for number, _ in store.released] == [1]


async def test_tries_that_the_store_spoiled_are_not_counted_against_the_mail():
    outcomes = [StorageUnavailable("locked")] * 5 + [None]

    async def do(claim):
        if error := outcomes.pop(0):
            raise error
        return applied(claim)

    store = Cardboard(*(claim(1, attempt) for attempt in range(1, 7)))
    await work(store, do, slots=1)

    assert store.held == []
    assert len(store.released) == 5
    assert outcomes == []


async def test_the_lease_of_what_is_in_hand_is_extended(monkeypatch):
    monkeypatch.setattr(judge, "LEASE", timedelta(milliseconds=60))

    async def do(claim):
        await asyncio.sleep(0.05 if claim.intake_id == 1 else 0)
        return applied(claim)

    store = Cardboard(claim(1), claim(2))
    await work(store, do)

    assert store.extended[0] == [1]
    assert store.extended[-1] == []


async def test_a_claim_that_is_stolen_before_its_failure_is_recorded_is_left_alone():
    async def do(_claim):
        raise ParserDied("killed")

    store = Cardboard(claim(1), claim(2))
    store.release_errors = [Conflict("token is old")]
    await work(store, do, slots=1)

    assert len(store.released) == 1


async def test_a_stolen_claim_is_left_alone():
    async def do(_claim):
        raise Conflict("token is old")

    store = Cardboard(claim(1, attempt=3))
    await work(store, do)

    assert (store.held, store.released) == ([], [])


async def test_a_result_is_recorded_as_soon_as_the_store_takes_it():
    async def do(_claim):
        raise ParserDied("killed")

    store = Cardboard(claim(1))
    store.release_errors = [StorageUnavailable("gone"), StorageFull("no space")]
    await work(store, do, until=lambda: store.released)

    assert [number for number, _ in store.released] == [1]


async def test_a_result_that_cannot_be_recorded_does_not_hold_up_the_end():
    async def do(_claim):
        raise ParserDied("killed")

    store = Cardboard(claim(1))
    store.release_errors = [StorageUnavailable("gone")] * 1000
    await work(store, do)

    assert store.released == []


async def test_a_store_that_is_gone_is_asked_again():
    async def do(claim):
        return applied(claim)

    store = Cardboard(claim(1))
    store.claim_error = StorageUnavailable("gone")
    await work(store, do, until=lambda: not store.waiting)

    assert store.waiting == []
