"""The retry schedule is the table that is documented, and final means final (P10, P11)."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Outcome
from gateway.outbound.schedule import DELAYS, GIVE_UP_AFTER, JITTER, MAX_DOTS, WARN_AFTER, delay, settle
from tests.conftest import MovableClock
from tests.support.outbox import GONE, LATER, LOST, REFUSED, START, TAKEN, MemoryOutbox

DELIVERY = replace(MemoryOutbox(MovableClock(START)).put(1).delivery, attempt=1)
chances = st.floats(0, 1, exclude_max=True)


def at(age: timedelta, result=LATER, **changes):
    soft = changes.pop("soft_bounce", False)
    return settle(replace(DELIVERY, **changes), result, START + age, 0.5, soft_bounce=soft)


def test_the_table_grows_up_to_its_cap_and_reaches_the_warning_exactly() -> None:
    assert list(DELAYS) == sorted(DELAYS)
    assert sum(DELAYS[:7], timedelta()) == WARN_AFTER
    assert DELAYS[-1] == timedelta(hours=4)


@given(st.integers(1, 200), chances)
def test_each_wait_lies_in_its_band(attempt: int, chance: float) -> None:
    nominal = DELAYS[min(attempt, len(DELAYS)) - 1]

    assert nominal <= delay(attempt, chance) <= nominal * (1 + JITTER)


@given(st.integers(1, 200), chances, chances)
def test_waits_never_shrink_while_the_table_grows(attempt: int, one: float, other: float) -> None:
    grows = attempt < len(DELAYS)

    assert delay(attempt + 1, other) > delay(attempt, one) or not grows


@pytest.mark.parametrize("age", [timedelta(), timedelta(days=6)])
def test_sent_is_final_and_so_is_a_refusal(age: timedelta) -> None:
    assert at(age, TAKEN).retry_at is None
    assert at(age, TAKEN).note == ""
    assert at(age, REFUSED).retry_at is None
    assert at(age, REFUSED).note == "ada@example.com was not reached: 550 5.1.1 no such user"


def test_the_ticket_is_warned_once_at_four_hours() -> None:
    early, late, again = at(timedelta(hours=3, minutes=59)), at(WARN_AFTER), at(WARN_AFTER, warned=True)

    assert early.note == ""
    assert late.note.startswith("ada@example.com was not reached yet; tried again until 2026-03-06 09:30 UTC: 451")
    assert late.retry_at is not None
    assert again.note == ""


def test_who_was_tried_more_often_than_the_table_says_is_warned_in_time_all_the_same() -> None:
    probe = at(timedelta(hours=2), GONE, attempt=30)
    late = at(timedelta(hours=5), GONE, attempt=30, warned=True)

    assert probe.retry_at == START + WARN_AFTER * (1 + JITTER)
    assert late.retry_at is not None
    assert late.retry_at > START + timedelta(hours=9)


def test_the_last_attempt_is_at_five_days_and_then_it_has_failed() -> None:
    before = at(GIVE_UP_AFTER - timedelta(hours=1), attempt=36)
    final = at(GIVE_UP_AFTER, GONE, attempt=37)

    assert before.retry_at == START + GIVE_UP_AFTER
    assert final.result.outcome is Outcome.FAILED
    assert not final.result.channel_down
    assert final.retry_at is None
    assert "given up after 5 days; the last answer was: no connection" in final.note


def test_a_far_side_that_names_a_time_is_not_asked_before_and_the_last_attempt_stays() -> None:
    asked = replace(LATER, wait=timedelta(hours=1))

    assert at(timedelta(), asked).retry_at == START + timedelta(hours=1)
    assert at(timedelta(hours=3, minutes=50), asked).retry_at == START + timedelta(hours=4, minutes=50)
    assert at(GIVE_UP_AFTER - timedelta(minutes=5), asked).retry_at == START + GIVE_UP_AFTER


def test_final_dots_are_bounded() -> None:
    assert at(timedelta(), LOST, dots=MAX_DOTS - 2).retry_at is not None
    final = at(timedelta(), LOST, dots=MAX_DOTS - 1)

    assert final.result.outcome is Outcome.FAILED
    assert "never confirmed it in 8 tries; it may have arrived" in final.note
    assert at(timedelta(), LATER, dots=MAX_DOTS - 1).retry_at is not None


@pytest.mark.parametrize("result", [REFUSED, LATER, LOST, GONE])
def test_with_soft_bounce_nothing_is_permanent(result) -> None:
    verdict = at(timedelta(days=30), result, dots=50, attempt=100, soft_bounce=True)

    assert verdict.result.outcome in {Outcome.DEFERRED, Outcome.UNKNOWN}
    assert verdict.retry_at is not None
    assert verdict.retry_at > START + timedelta(days=30)


def test_the_manual_shows_the_table() -> None:
    page = (Path(__file__).parents[3] / "docs/outgoing.md").read_text()
    rows = re.findall(r"^\| \d+(?: and later)? \| (\d+) min \|$", page, re.MULTILINE)

    assert [timedelta(minutes=int(minutes)) for minutes in rows] == list(DELAYS)
