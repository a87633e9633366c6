"""The ledger: what was accepted is there, byte for byte, once per recipient, and is handed out to one worker."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta

import pytest

from gateway.errors import Conflict
from gateway.model import Envelope
from gateway.store import SqlStore
from tests.conftest import MovableClock

MINUTE = timedelta(minutes=1)


def envelope(clock: MovableClock, rcpt_to: str = "support@tickets.example.org", source_ref: str = "") -> Envelope:
    return Envelope("ann@example.com", rcpt_to, clock.now(), session="s1", peer="192.0.2.1", source_ref=source_ref)


async def test_accepted_mail_is_handed_out_with_the_same_octets(store: SqlStore, clock: MovableClock) -> None:
    raw = bytes(range(256)) * 8
    (intake,) = await store.accept(raw, [envelope(clock)], ["support"])

    (claim,) = await store.claim_intakes(10, MINUTE)

    assert (claim.intake_id, claim.raw, claim.queue, claim.attempt) == (intake, raw, "support", 1)
    assert claim.envelope == envelope(clock)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
@pytest.mark.parametrize("size", [0, 2 << 20, (2 << 20) + 1, 5_000_001])
async def test_any_size_and_kind_of_octets_comes_back_whole(store: SqlStore, clock: MovableClock, size, kind) -> None:
    raw = os.urandom(size)
    await store.accept(kind(raw), [envelope(clock)], ["support"])

    (claim,) = await store.claim_intakes(1, MINUTE)

    assert claim.raw == raw


async def test_three_recipients_are_three_intakes(store: SqlStore, clock: MovableClock) -> None:
    envelopes = [envelope(clock, f"q{n}@tickets.example.org") for n in range(3)]
    ids = await store.accept(b"x", envelopes, ["a", "b", "a"])

    claims = await store.claim_intakes(10, MINUTE)

    assert [(c.intake_id, c.envelope.rcpt_to, c.queue) for c in claims] == [
        (ids[0], "q0@tickets.example.org", "a"),
        (ids[1], "q1@tickets.example.org", "b"),
        (ids[2], "q2@tickets.example.org", "a"),
    ]


async def test_a_fetched_copy_is_never_taken_twice(store: SqlStore, clock: MovableClock) -> None:
    first = await store.accept(b"x", [envelope(clock, source_ref="imap:google:1:7")], ["support"])
    second = await store.accept(b"x", [envelope(clock, source_ref="imap:google:1:7")], ["support"])
    other = await store.accept(b"x", [envelope(clock, source_ref="imap:google:1:8")], ["support"])

    assert first == second != other
    assert len(await store.claim_intakes(10, MINUTE)) == 2


async def test_a_claimed_intake_is_not_handed_out_again_before_its_lease_ends(store, clock) -> None:
    await store.accept(b"x", [envelope(clock)], ["support"])

    assert len(await store.claim_intakes(10, timedelta(milliseconds=150))) == 1
    assert await store.claim_intakes(10, MINUTE) == []
    await asyncio.sleep(0.2)
    (again,) = await store.claim_intakes(10, MINUTE)
    assert again.attempt == 2


async def test_a_lease_that_is_extended_does_not_expire_and_a_stolen_one_is_not_extended(
    store: SqlStore, clock: MovableClock
) -> None:
    await store.accept(b"x", [envelope(clock)], ["support"])
    claims = await store.claim_intakes(10, timedelta(milliseconds=100))
    await store.extend_intakes(claims, timedelta(milliseconds=600))
    await asyncio.sleep(0.2)
    too_early = await store.claim_intakes(10, MINUTE)
    await asyncio.sleep(0.5)
    (other,) = await store.claim_intakes(10, timedelta(milliseconds=100))
    await store.extend_intakes(claims, MINUTE)
    await asyncio.sleep(0.2)

    assert too_early == []
    assert other.attempt == 2
    assert len(await store.claim_intakes(10, MINUTE)) == 1


async def test_what_was_tried_before_is_handed_out_alone(store: SqlStore, clock: MovableClock) -> None:
    await store.accept(b"poison", [envelope(clock)], ["support"])
    (claim,) = await store.claim_intakes(10, MINUTE)
    await store.release_intake(claim, "the parser died")
    for _ in range(5):
        await store.accept(b"good", [envelope(clock)], ["support"])
    clock.move(minutes=10)

    batches = [await store.claim_intakes(10, MINUTE) for _ in range(2)]

    assert sorted([c.raw for c in batch] for batch in batches) == [[b"good"] * 5, [b"poison"]]


async def test_a_released_intake_rests_before_its_next_try(store: SqlStore, clock: MovableClock) -> None:
    await store.accept(b"x", [envelope(clock)], ["support"])
    (claim,) = await store.claim_intakes(10, MINUTE)
    await store.release_intake(claim, "the parser died")

    assert await store.claim_intakes(10, MINUTE) == []
    clock.move(minutes=5)
    assert [c.attempt for c in await store.claim_intakes(10, MINUTE)] == [2]


async def test_a_worker_that_lost_its_lease_changes_nothing(store: SqlStore, clock: MovableClock) -> None:
    await store.accept(b"x", [envelope(clock)], ["support"])
    (late,) = await store.claim_intakes(10, timedelta(0))
    await asyncio.sleep(0.01)
    (present,) = await store.claim_intakes(10, MINUTE)

    with pytest.raises(Conflict):
        await store.hold_intake(late, "poison", "late")
    with pytest.raises(Conflict):
        await store.release_intake(late, "late")

    await store.hold_intake(present, "poison", "three tries")
    clock.move(days=1)
    assert await store.claim_intakes(10, MINUTE) == []
