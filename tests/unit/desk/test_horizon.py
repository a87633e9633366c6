"""Numbers that were passed over are waited for, and not for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.desk.horizon import MOST, PATIENCE, Horizon

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def test_what_was_passed_over_holds_the_position_back_until_it_comes():
    horizon = Horizon(10)
    horizon.note(11, NOW)
    assert (horizon.settled, horizon.missing) == (11, ())
    horizon.note(14, NOW)
    assert (horizon.newest, horizon.settled, horizon.missing) == (14, 11, (12, 13))
    horizon.note(13, NOW)
    assert (horizon.settled, horizon.missing) == (11, (12,))
    horizon.note(12, NOW)
    assert (horizon.newest, horizon.settled, horizon.missing) == (14, 14, ())


def test_what_never_comes_is_given_up():
    horizon = Horizon(10)
    horizon.note(12, NOW)
    horizon.forget(NOW + PATIENCE - timedelta(seconds=1))
    assert horizon.settled == 10
    horizon.forget(NOW + PATIENCE)
    assert (horizon.settled, horizon.missing) == (12, ())


def test_a_leap_of_the_numbers_is_not_waited_for_as_a_whole():
    horizon = Horizon(10)
    horizon.note(1_000_000, NOW)
    assert len(horizon.missing) == MOST
    horizon.note(1_001_000, NOW)
    horizon.forget(NOW)
    assert len(horizon.missing) == MOST


@given(st.permutations(range(1, 40)))
def test_in_whatever_order_they_come_nothing_behind_the_position_is_still_to_come(numbers):
    horizon = Horizon(0)
    seen = set()
    for number in numbers:
        horizon.note(number, NOW)
        seen.add(number)
        assert seen >= set(range(1, horizon.settled + 1))
        assert set(horizon.missing) == set(range(1, horizon.newest + 1)) - seen
    assert horizon.settled == 39
