"""Write a mail of ours into the outbox: one outgoing, its files, one delivery per recipient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from sqlalchemy import bindparam, or_, update

from gateway.mail.address import canonical
from gateway.model import DeliveryState, Draft, OutgoingId, OutgoingKind
from gateway.store import news
from gateway.store.context import Context
from gateway.store.drafts import to_json
from gateway.store.statement import Statement, insert
from gateway.store.tables_out import deliveries, outgoing_files, outgoings
from gateway.store.times import microseconds

INSERT_OUTGOING = insert(outgoings, "ticket_id", "cause_id", "kind", "queue", "author", "created_at", returning="id")
COMPLETE = Statement(
    update(outgoings)
    .where(outgoings.c.id == bindparam("outgoing_id"))
    .values(channel=bindparam("way"), message_id=bindparam("own_id"), draft=bindparam("words"))
)
INSERT_FILE = insert(outgoing_files, "outgoing_id", "position", "filename", "content_type", "content_id", "content")
INSERT_DELIVERY = insert(
    deliveries,
    "outgoing_id",
    "ticket_id",
    "channel",
    "recipient",
    "canonical",
    "state",
    "queued_at",
    "due_at",
    "finished_at",
    "answer",
    returning="id",
)
AT_ONCE = timedelta(0)
# What an agent attached, placed in the text or not; the logo comes with the queue's look (gateway.mail.pictures).
BY_HAND = or_(outgoing_files.c.content_id.is_(None), outgoing_files.c.content_id.like("picture%"))


def write_draft(
    context: Context,
    kind: OutgoingKind,
    queue: str,
    author: str,
    make_draft: Callable[[OutgoingId], Draft],
    *,
    ticket_id: int | None,
    cause_id: int | None = None,
) -> tuple[OutgoingId, Draft]:
    """Give an outgoing its number, let the caller write it, and keep what was written."""
    outgoing_id = OutgoingId(
        context.transaction.value(
            INSERT_OUTGOING,
            ticket_id=ticket_id,
            cause_id=cause_id,
            kind=kind.value,
            queue=queue,
            author=author,
            created_at=context.now,
        )
    )
    draft = make_draft(outgoing_id)
    context.transaction.run(
        COMPLETE, outgoing_id=outgoing_id, way=draft.channel, own_id=draft.message_id, words=to_json(draft)
    )
    for position, file in enumerate(draft.files):
        context.transaction.run(
            INSERT_FILE,
            outgoing_id=outgoing_id,
            position=position,
            filename=file.filename,
            content_type=file.content_type,
            content_id=file.content_id,
            content=file.content,
        )
    return outgoing_id, draft


def add_deliveries(
    context: Context,
    outgoing_id: OutgoingId,
    draft: Draft,
    ticket_id: int | None,
    *,
    refused: dict[str, str] | None = None,
    delay: timedelta = AT_ONCE,
) -> Sequence[int]:
    """Write one delivery per envelope recipient; the refused ones with their reason, never to be handed out."""
    refused = refused or {}
    numbers = [
        int(
            context.transaction.value(
                INSERT_DELIVERY,
                outgoing_id=outgoing_id,
                ticket_id=ticket_id,
                channel=draft.channel,
                recipient=recipient,
                canonical=canonical(recipient),
                state=(DeliveryState.REFUSED if recipient in refused else DeliveryState.QUEUED).value,
                queued_at=context.now,
                due_at=None if recipient in refused else context.now + microseconds(delay),
                finished_at=context.now if recipient in refused else None,
                answer=refused.get(recipient, ""),
            )
        )
        for recipient in draft.recipients
    ]
    for number, recipient in zip(numbers, draft.recipients, strict=True):
        if recipient in refused:
            news.delivery_changed(context, number)
    return numbers
