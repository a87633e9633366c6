"""What an agent wrote goes out: bounded by hands, but never to an address on the loop blocklist."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import bindparam, select

from gateway.errors import NotFound, NotSendable
from gateway.mail.address import is_valid
from gateway.model import Draft, EntryKind, OutgoingId, OutgoingKind, TicketId, TicketStatus
from gateway.store import news
from gateway.store.context import Context
from gateway.store.outgoing import AT_ONCE, add_deliveries, write_draft
from gateway.store.statement import Statement
from gateway.store.tables import tickets
from gateway.store.timeline import SET_STATUS, add_entry, add_participants, promote, remember_ids

TICKET = Statement(
    select(tickets.c.queue, tickets.c.status)
    .where(tickets.c.id == bindparam("ticket_id"))
    .with_for_update(key_share=True)
)


def queue_reply(
    context: Context,
    ticket_id: TicketId,
    make_draft: Callable[[OutgoingId], Draft],
    author: str,
    *,
    delay: timedelta = AT_ONCE,
    words: str | None = None,
    intake_id: int | None = None,
) -> tuple[OutgoingId, int]:
    """Queue a reply, and return it and its entry. Barred recipients are shown; NotSendable if there is no other.

    `words` are the agent's own; without them the entry shows the whole letter. `intake_id` is the mail that they
    came by, if they did.
    """
    row = context.transaction.row(TICKET, ticket_id=ticket_id)
    if row is None:
        raise NotFound(f"there is no ticket {ticket_id}")
    news.ticket_changes(context, ticket_id)
    outgoing_id, draft = write_draft(
        context, OutgoingKind.REPLY, row[0], author, make_draft, ticket_id=ticket_id, cause_id=intake_id
    )
    refused = barred_recipients(context, draft)
    if len(refused) == len(draft.recipients):
        raise NotSendable("; ".join(refused.values()) or "there is no recipient")
    add_deliveries(context, outgoing_id, draft, ticket_id, refused=refused, delay=delay)
    remember_ids(context, ticket_id, (draft.message_id,), ours=True)
    entry_id = add_entry(
        context,
        ticket_id,
        EntryKind.AGENT,
        author,
        draft.text if words is None else words,
        intake_id=intake_id,
        outgoing_id=outgoing_id,
        quoted=None if words is None else draft.text,
        html=draft.html if words is None else None,
        subject=draft.subject,
        files=(file.filename for file in draft.files),
    )
    for recipient, because in refused.items():
        detail = {"event": "refused", "rule": "blocklist", "recipient": recipient}
        text = f"The reply does not go to {recipient}: {because}"
        add_entry(context, ticket_id, EntryKind.DELIVERY, "blocklist", text, outgoing_id=outgoing_id, detail=detail)
    boxes = tuple(box for box in (*draft.to, *draft.cc) if box.address not in refused)
    add_participants(context, ticket_id, boxes, "participant")
    promote(context, ticket_id, tuple(box.address for box in boxes))
    context.transaction.run(SET_STATUS, ticket_id=ticket_id, word=TicketStatus.WAITING.value, now=context.now)
    return outgoing_id, entry_id


def barred_recipients(context: Context, draft: Draft) -> dict[str, str]:
    """Return the recipients that nothing of ours may go to, with the reasons."""
    refused = {}
    for recipient in draft.recipients:
        if not is_valid(recipient):
            refused[recipient] = f"{recipient!r} is no address"
        elif found := context.barred(recipient):
            refused[recipient] = found[1]
    return refused
