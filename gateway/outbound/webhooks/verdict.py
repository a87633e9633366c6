"""What an answer means for a delivery. Pure: the table is the policy.

==================  =================================================================================
answer              what becomes of the delivery
==================  =================================================================================
2xx                 delivered
410                 failed at once, and the webhook is stopped until a person resumes it
429, 502, 503, 504  the receiver is busy: tried again, not before its Retry-After; others wait, too
everything else     tried again after the schedule of the outbox (`gateway.outbound.schedule`)
no answer           the receiver is down: one delivery at a time finds out whether it is up again
==================  =================================================================================
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from gateway.model import DeliveryResult, Outcome
from gateway.outbound.webhooks.post import Answer, NoAnswer

GONE = 410  # RFC 9110 §15.5.11; Standard Webhooks: disable the endpoint
BUSY = frozenset({429, 502, 503, 504})
LONGEST_WAIT = timedelta(hours=1)  # that a receiver may ask for
SHOWN = 400  # characters of a body that are kept


def of_answer(answer: Answer, now: datetime) -> DeliveryResult:
    """Return what an answer means."""
    text = f"HTTP {answer.status} {answer.reason}".strip()
    if said := words(answer.body):
        text = f"{text}: {said}"
    if 200 <= answer.status < 300:  # noqa: PLR2004 - the class of success
        return DeliveryResult(Outcome.SENT, answer.status, text, dot_sent=True)
    if answer.status == GONE:
        return DeliveryResult(Outcome.FAILED, answer.status, text)
    busy = answer.status in BUSY
    wait = retry_after(answer.retry_after, now)
    return DeliveryResult(Outcome.DEFERRED, answer.status, text, channel_down=busy, wait=wait)


def of_silence(error: NoAnswer) -> DeliveryResult:
    """Return what it means that there was no answer; what was sent may have arrived, and is sent with the same id."""
    outcome = Outcome.UNKNOWN if error.sent else Outcome.DEFERRED
    return DeliveryResult(outcome, 0, str(error), dot_sent=error.sent, channel_down=True)


def retry_after(text: str, now: datetime) -> timedelta:
    """Return the wait that a Retry-After asks for (RFC 9110 §10.2.3: seconds or a date), within reason."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:9])), LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):  # a year of twenty digits is no date
        return timedelta(0)
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(aware - now, timedelta(0)), LONGEST_WAIT)


def words(body: bytes) -> str:
    """Return the beginning of a body on one line, as far as it is text."""
    text = " ".join(body.decode("utf-8", "replace").split())
    return "".join(char for char in text if char.isprintable())[:SHOWN]
