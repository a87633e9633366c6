"""When a delivery is tried again, when its ticket hears of it, and when we give up. Pure: the table is the policy.

===========  ==========================================================================================
attempt      wait before the next one
===========  ==========================================================================================
1 .. 7       1 min, 4 min, 10 min, 15 min, 30 min, 1 h, 2 h: together 4 h, then the ticket is warned
8 and later  4 h
last         5 days after the mail was queued, whatever attempt that is; then it has failed
===========  ==========================================================================================

Each wait is longer by up to a tenth, at random, so that what failed together is not tried together. A far side that
says when it wants to be asked again is not asked before, but the last attempt stays where it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gateway.model import DeliveryResult, Outcome
from gateway.ports import Claimed

_MINUTES = (1, 4, 10, 15, 30, 60, 120, 240)
DELAYS = tuple(timedelta(minutes=minutes) for minutes in _MINUTES)
JITTER = 0.1
WARN_AFTER = timedelta(hours=4)
GIVE_UP_AFTER = timedelta(days=5)  # RFC 5321 §4.5.4.1: the give-up time generally needs to be at least 4-5 days
MAX_DOTS = 8  # mails that may have arrived already; more would be a nuisance, and the 250 will not come any more


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to record of an attempt: the result, when to try again (None: it is final), and what the ticket shows."""

    result: DeliveryResult
    retry_at: datetime | None
    note: str = ""


def delay(attempt: int, chance: float) -> timedelta:
    """Return the wait after the `attempt`-th attempt (1 is the first); `chance` in [0, 1) places it in its band."""
    wait = DELAYS[min(attempt, len(DELAYS)) - 1]
    return wait * (1 + JITTER * chance)


def settle(
    delivery: Claimed, result: DeliveryResult, now: datetime, chance: float, *, soft_bounce: bool = False
) -> Verdict:
    """Decide what becomes of a delivery after an attempt. With `soft_bounce` nothing is ever permanent (P11)."""
    if result.outcome is Outcome.SENT:
        return Verdict(result, None)
    if result.outcome is Outcome.FAILED and not soft_bounce:
        return Verdict(result, None, f"{delivery.recipient} was not reached: {result.text}")
    age = now - delivery.queued_at
    dots = delivery.dots + (result.outcome is Outcome.UNKNOWN)
    if not soft_bounce and dots >= MAX_DOTS:
        because = f"the server never confirmed it in {dots} tries; it may have arrived"
        return _given_up(delivery, result, because)
    if not soft_bounce and age >= GIVE_UP_AFTER:
        return _given_up(delivery, result, f"given up after {GIVE_UP_AFTER.days} days")
    waiting = replace(result, outcome=Outcome.DEFERRED) if result.outcome is Outcome.FAILED else result
    retry_at = now + max(delay(delivery.attempt, chance), result.wait)
    deadline = delivery.queued_at + GIVE_UP_AFTER
    if not soft_bounce and now < deadline < retry_at:
        retry_at = deadline  # the last attempt
    warning = delivery.queued_at + WARN_AFTER * (1 + JITTER)
    if age < WARN_AFTER and warning < retry_at:
        # Who was tried more often, as a probe of a dead channel, is not warned later for it.
        retry_at = max(warning, now + result.wait)
    note = ""
    if age >= WARN_AFTER and not delivery.warned:
        note = (
            f"{delivery.recipient} was not reached yet; tried again until {deadline:%Y-%m-%d %H:%M} UTC: {result.text}"
        )
    return Verdict(waiting, retry_at, note)


def _given_up(delivery: Claimed, result: DeliveryResult, because: str) -> Verdict:
    text = f"{because}; the last answer was: {result.text}"
    return Verdict(
        replace(result, outcome=Outcome.FAILED, text=text, channel_down=False),
        None,
        f"{delivery.recipient} was not reached: {text}",
    )
