"""The breaker of a channel and its rate: pure state, turned by hand."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.outbound.health import BACKOFF, Health, Rate
from tests.support.outbox import START

SECOND = timedelta(seconds=1)


def test_the_first_trouble_opens_the_breaker_and_the_first_success_closes_it() -> None:
    health = Health(4)

    assert [health.failed(START, "421"), health.down] == [True, True]
    assert health.rests(START + BACKOFF[0] - SECOND)
    assert not health.rests(START + BACKOFF[0])
    assert [health.worked(), health.down, health.worked()] == [True, False, False]


def test_waits_between_probes_grow_to_a_cap() -> None:
    health, now, waits = Health(4), START, []
    for _ in range(9):
        health.failed(now, "421")
        assert health.until is not None
        waits.append(health.until - now)
        now = health.until

    assert waits == [*BACKOFF, *[BACKOFF[-1]] * 3]
    assert list(BACKOFF) == sorted(BACKOFF)


def test_mails_that_fail_together_are_one_trouble() -> None:
    health = Health(4)

    assert [health.failed(START, "gone") for _ in range(4)] == [True, False, False, False]
    assert health.failures == 1


def test_a_channel_that_asks_for_a_pause_gets_it_and_no_shorter_one() -> None:
    health = Health(4)
    health.failed(START, "429", SECOND)
    first = health.until
    health.failed(START, "429", 60 * SECOND)  # one that was under way, too
    health.failed(START, "refused")

    assert (first, health.until) == (START + BACKOFF[0], START + 60 * SECOND)


def test_a_channel_that_recovers_starts_slowly() -> None:
    health = Health(8)
    health.failed(START, "421")
    seen = [health.permits]
    for _ in range(5):
        health.worked()
        seen.append(health.permits)

    assert seen == [1, 2, 4, 8, 8, 8]


@given(st.lists(st.integers(0, 40), max_size=80), st.integers(1, 5))
def test_no_window_ever_holds_more_than_the_rate(gaps: list[int], count: int) -> None:
    rate, now, sent = Rate(count, 60 * SECOND), START, []
    for gap in gaps:
        now += gap * SECOND
        if rate.room(now):
            rate.spend(now)
            sent.append(now)
        else:
            assert rate.free_at(now) > now

    assert all(sum(start <= moment < start + 60 * SECOND for moment in sent) <= count for start in sent)


def test_a_refund_makes_room_again() -> None:
    rate = Rate(1, SECOND)
    rate.refund()
    rate.spend(START)

    assert (rate.room(START), rate.free_at(START)) == (0, START + SECOND)
    rate.refund()
    assert (rate.room(START), rate.free_at(START)) == (1, START)
