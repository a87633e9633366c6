"""The breaker of a channel and its rate: pure state, turned by hand."""

from __future__ import annotations

from datetime import timedelta

from gateway.outbound.health import BACKOFF, Health
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
