"""What became of an attempt: recorded once, by whoever still holds the lease, and shown on the ticket."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import bindparam, literal_column, update

from gateway.model import (
    ClaimedDelivery,
    DeliveryId,
    DeliveryResult,
    DeliveryState,
    EntryKind,
    Outcome,
    OutgoingId,
)
from gateway.store import news
from gateway.store.context import Context
from gateway.store.outbox import CONTENT, QUEUED
from gateway.store.statement import Statement, insert
from gateway.store.tables_out import (
    attempts,
    deliveries,
    outgoing_contents,
)
from gateway.store.timeline import add_entry, remember_ids
from gateway.store.times import lease_time, microseconds
from gateway.threading import relay_key

END_ATTEMPT = Statement(
    update(attempts)
    .where(attempts.c.delivery_id == bindparam("delivery"), attempts.c.number == bindparam("attempt"))
    .values(
        ended_at=bindparam("now"),
        outcome=bindparam("what"),
        code=bindparam("reply"),
        answer=bindparam("words"),
        dot_sent=bindparam("dot"),
    )
)
RECORD = Statement(
    update(deliveries)
    .where(
        deliveries.c.id == bindparam("delivery"),
        deliveries.c.lease_token == bindparam("token"),
        deliveries.c.lease_until.is_not(None),
        deliveries.c.state == QUEUED,
    )
    .values(
        state=bindparam("what"),
        due_at=bindparam("retry"),
        finished_at=bindparam("finished"),
        code=bindparam("reply"),
        answer=bindparam("words"),
        warned=bindparam("late"),
        channel_down=bindparam("down"),
        lease_until=None,
        lease_token=literal_column("0"),
    )
)
EXTEND = Statement(
    update(deliveries)
    .where(
        deliveries.c.id == bindparam("delivery"),
        deliveries.c.lease_token == bindparam("token"),
        deliveries.c.lease_until.is_not(None),
    )
    .values(lease_until=bindparam("until"))
)
HASTEN = Statement(
    update(deliveries)
    .where(
        deliveries.c.channel == bindparam("way"),
        deliveries.c.state == QUEUED,
        deliveries.c.channel_down.is_(literal_column("true")),
        deliveries.c.due_at > bindparam("now"),
    )
    .values(due_at=bindparam("now"), channel_down=literal_column("false"))
)
KEEP = insert(outgoing_contents, "outgoing_id", "content", ignore=True, returning="outgoing_id")
ANSWER = 1000  # characters of a server's words that are kept
FINAL = {Outcome.SENT: DeliveryState.SENT, Outcome.FAILED: DeliveryState.FAILED}


def record(
    context: Context, delivery: ClaimedDelivery, result: DeliveryResult, retry_at: int | None, note: str
) -> bool:
    """Record an attempt's result. False, and nothing is written, if the lease was lost to another worker."""
    # Without a time to try again, whatever is not sent has failed for good.
    state = DeliveryState.QUEUED if retry_at is not None else FINAL.get(result.outcome, DeliveryState.FAILED)
    finished = state is not DeliveryState.QUEUED
    words = result.text[:ANSWER]
    changed = context.transaction.run(
        RECORD,
        delivery=delivery.delivery_id,
        token=delivery.token,
        what=state.value,
        retry=retry_at,
        finished=context.now if finished else None,
        reply=result.code,
        words=words or note,
        late=delivery.warned or bool(note and not finished),
        down=result.channel_down and not finished,
    )
    if not changed:
        return False
    context.transaction.run(
        END_ATTEMPT,
        delivery=delivery.delivery_id,
        attempt=delivery.attempt,
        now=context.now,
        what=result.outcome.value,
        reply=result.code,
        words=words,
        dot=result.dot_sent,
    )
    if finished or note:
        news.delivery_changed(context, delivery.delivery_id)
    if delivery.ticket_id is not None:
        show(context, delivery, result, state, note)
    return True


def show(context: Context, delivery: ClaimedDelivery, result: DeliveryResult, state: DeliveryState, note: str) -> None:
    """Put what happened on the time-line: failures and notes always, success of people's mail."""
    assert delivery.ticket_id is not None
    if state is DeliveryState.SENT:
        key = relay_key(result.text)
        remember_ids(context, delivery.ticket_id, (key or "",), ours=True, automatic=delivery.draft.kind.automatic)
        if delivery.draft.kind.automatic and not note:
            return
    elif state is DeliveryState.QUEUED and not note:
        return
    said = result.text  # a server's words begin with its code
    text = f"Mail to {delivery.recipient}: {'delayed' if state is DeliveryState.QUEUED else state.value}"
    add_entry(
        context,
        delivery.ticket_id,
        EntryKind.DELIVERY,
        delivery.channel,
        ". ".join(filter(None, (f"{text} ({said[:ANSWER]})" if said else text, note))),
        outgoing_id=delivery.outgoing_id,
        delivery_id=delivery.delivery_id,
        detail={
            "event": "delayed" if state is DeliveryState.QUEUED else state.value,
            "recipient": delivery.recipient,
            "code": result.code,
            "attempt": delivery.attempt,
        },
    )


def keep_content(context: Context, outgoing_id: OutgoingId, content: bytes) -> bytes:
    """Store the signed octets once, and return those that were stored first (I8)."""
    if context.transaction.value(KEEP, outgoing_id=outgoing_id, content=content) is not None:
        return content
    return bytes(context.transaction.value(CONTENT, outgoing_id=outgoing_id))


def extend(context: Context, numbers: Sequence[DeliveryId], token: int, lease: timedelta) -> None:
    """Prolong the lease of what is still being sent."""
    until = lease_time(context.transaction) + microseconds(lease)
    for number in numbers:
        context.transaction.run(EXTEND, delivery=number, token=token, until=until)


def hasten(context: Context, channel: str) -> int:
    """Make due now what waits only because its channel was down."""
    return context.transaction.run(HASTEN, way=channel, now=context.now)
