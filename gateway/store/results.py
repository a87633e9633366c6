"""What became of an attempt: recorded once, by whoever still holds the lease, and shown on the ticket."""

from __future__ import annotations

from gateway.model import (
    ClaimedDelivery,
    DeliveryResult,
    DeliveryState,
    EntryKind,
    OutgoingId,
)
from gateway.store import news
from gateway.store.context import Context
from gateway.store.leases import ANSWER, MAIL
from gateway.store.outbox import CONTENT
from gateway.store.statement import insert
from gateway.store.tables_out import outgoing_contents
from gateway.store.timeline import add_entry, remember_ids
from gateway.threading import relay_key

KEEP = insert(outgoing_contents, "outgoing_id", "content", ignore=True, returning="outgoing_id")


def record(
    context: Context, delivery: ClaimedDelivery, result: DeliveryResult, retry_at: int | None, note: str
) -> bool:
    """Record an attempt's result. False, and nothing is written, if the lease was lost to another worker."""
    state = MAIL.record(context, delivery, result, retry_at, note)
    if state is None:
        return False
    if state is not DeliveryState.QUEUED or note:
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
