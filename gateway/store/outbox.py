"""The sending side: hand out what is due, under a lease, with the attempt counted before; and record what became of it.

Per ticket and recipient the order is kept: a delivery waits for an earlier one that is not finished. Loop blocklist,
suppression and bound are checked once more here, at the one place where mail leaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import bindparam, func, literal_column, select, update

from gateway.mail.address import normal
from gateway.model import (
    ClaimedDelivery,
    DeliveryId,
    DeliveryState,
    EntryKind,
    OutgoingFile,
    OutgoingId,
    OutgoingKind,
    Refusal,
)
from gateway.store import news
from gateway.store.allowance import Allowance, free_at, room
from gateway.store.bound import exceeded, lock
from gateway.store.context import Context
from gateway.store.drafts import from_json
from gateway.store.gather import SUPPRESSED
from gateway.store.leases import MAIL
from gateway.store.statement import Row, Statement
from gateway.store.tables import intakes
from gateway.store.tables_out import (
    attempts,
    automatic_counts,
    automatic_mails,
    deliveries,
    outgoing_contents,
    outgoing_files,
    outgoings,
    pauses,
)
from gateway.store.timeline import add_entry
from gateway.store.times import lease_time, microseconds, to_moment

PAUSED = Statement(select(pauses.c.since).where(pauses.c.channel == bindparam("channel")))
DUE = Statement(
    select(
        deliveries.c.id,
        deliveries.c.outgoing_id,
        deliveries.c.ticket_id,
        deliveries.c.recipient,
        deliveries.c.canonical,
        deliveries.c.queued_at,
        deliveries.c.attempts,
        deliveries.c.warned,
        outgoings.c.kind,
        outgoings.c.queue,
        outgoings.c.message_id,
        outgoings.c.draft,
        intakes.c.session,
        outgoing_contents.c.content,
    )
    .select_from(
        deliveries.join(outgoings, outgoings.c.id == deliveries.c.outgoing_id)
        .outerjoin(intakes, intakes.c.id == outgoings.c.cause_id)
        .outerjoin(outgoing_contents, outgoing_contents.c.outgoing_id == deliveries.c.outgoing_id)
    )
    .where(*MAIL.due)
    .order_by(deliveries.c.due_at, deliveries.c.id)
    .limit(bindparam("limit"))
    .with_for_update(of=deliveries, skip_locked=True)
)
DOTS = Statement(
    select(func.count())
    .select_from(attempts)
    .where(attempts.c.delivery_id == bindparam("delivery"), attempts.c.dot_sent.is_(literal_column("true")))
)
CONTENT = Statement(
    select(outgoing_contents.c.content).where(outgoing_contents.c.outgoing_id == bindparam("outgoing_id"))
)
FILES = Statement(
    select(
        outgoing_files.c.filename,
        outgoing_files.c.content_type,
        outgoing_files.c.content,
        outgoing_files.c.content_id,
    )
    .where(outgoing_files.c.outgoing_id == bindparam("outgoing_id"))
    .order_by(outgoing_files.c.position)
)
REFUSE = Statement(
    update(deliveries)
    .where(deliveries.c.id == bindparam("delivery_id"))
    .values(state=DeliveryState.REFUSED.value, answer=bindparam("why"), finished_at=bindparam("now"), lease_until=None)
)
LEDGER = Statement(
    select(automatic_mails.c.id, automatic_counts.c.scope, automatic_counts.c.key)
    .select_from(automatic_mails.join(automatic_counts, automatic_counts.c.mail_id == automatic_mails.c.id))
    .where(automatic_mails.c.outgoing_id == bindparam("outgoing_id"))
)
COUNT_SENT = Statement(
    update(automatic_counts).where(automatic_counts.c.mail_id == bindparam("mail")).values(sent_at=bindparam("now"))
)
MAIL_SENT = Statement(
    update(automatic_mails).where(automatic_mails.c.id == bindparam("mail")).values(sent_at=bindparam("now"))
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A delivery that is due."""

    delivery_id: DeliveryId
    outgoing_id: OutgoingId
    ticket_id: int | None
    recipient: str
    canonical: str
    queued_at: int
    attempts: int
    warned: bool
    kind: OutgoingKind
    queue: str
    message_id: str
    draft: str
    session: str
    content: bytes | None

    @classmethod
    def from_row(cls, row: Row) -> Candidate:
        """Build it from a row of DUE."""
        number, outgoing, ticket, recipient, folded, queued_at, tried, warned, kind, queue, message_id = row[:11]
        draft, session, content = row[11:]
        return cls(
            number,
            outgoing,
            ticket,
            recipient,
            folded,
            queued_at,
            tried,
            bool(warned),
            OutgoingKind(kind),
            queue,
            message_id or "",
            draft,
            session or "",
            None if content is None else bytes(content),
        )


def claim(
    context: Context, channel: str, limit: int, lease: timedelta, allowances: Sequence[Allowance] = ()
) -> tuple[list[ClaimedDelivery], int]:
    """Take due deliveries of a channel, oldest first, with the attempt counted; nothing while it is paused.

    Also tells how many of those that were looked at are refused now, and made way for others.
    """
    transaction = context.transaction
    if transaction.value(PAUSED, channel=channel) is not None:
        return [], 0
    if (limit := room(context, channel, limit, allowances)) == 0:
        return [], 0
    lease_now = lease_time(transaction)
    rows = transaction.rows(DUE, way=channel, now=context.now, lease_now=lease_now, limit=limit)
    due = [Candidate.from_row(row) for row in rows]
    ledger = read_ledger(context, due)
    taken = []
    for item in due:
        refusal = check_again(context, item, ledger.get(item.delivery_id))
        if refusal is None:
            taken.append(item)
        else:
            refuse(context, item, refusal)
    until = lease_now + microseconds(lease)
    token = MAIL.take(context, [(item.delivery_id, item.attempts) for item in taken], until)
    return [hand_out(context, item, channel, token) for item in taken], len(due) - len(taken)


def hand_out(context: Context, item: Candidate, channel: str, token: int) -> ClaimedDelivery:
    """Put together what the worker needs; the files only where the message is not signed yet."""
    files = context.transaction.rows(FILES, outgoing_id=item.outgoing_id) if item.content is None else []
    draft = from_json(item.draft, (OutgoingFile(name, kind, bytes(octets), cid) for name, kind, octets, cid in files))
    return ClaimedDelivery(
        delivery_id=item.delivery_id,
        outgoing_id=item.outgoing_id,
        ticket_id=item.ticket_id,  # type: ignore[arg-type]
        channel=channel,
        recipient=item.recipient,
        message_id=item.message_id,
        queued_at=to_moment(item.queued_at),
        attempt=item.attempts + 1,
        token=token,
        draft=draft,
        content=item.content,
        dots=int(context.transaction.value(DOTS, delivery=item.delivery_id)) if item.attempts else 0,
        warned=item.warned,
        session=item.session,
    )


# --- the second check -----------------------------------------------------------------------------------------

Ledger = tuple[int, tuple[tuple[str, str], ...]]  # the mail's row in the ledger, and its keys


def read_ledger(context: Context, due: Sequence[Candidate]) -> dict[DeliveryId, Ledger]:
    """Return the ledger rows of automatic deliveries, with all their counters locked, in the order of all nodes."""
    found: dict[DeliveryId, Ledger] = {}
    for item in due:
        if item.kind.automatic and (rows := context.transaction.rows(LEDGER, outgoing_id=item.outgoing_id)):
            found[item.delivery_id] = (rows[0][0], tuple((scope, key) for _, scope, key in rows))
    lock(context, [pair for _, keys in found.values() for pair in keys])
    return found


def check_again(context: Context, item: Candidate, ledger: Ledger | None) -> Refusal | None:
    """Return why a delivery must not be handed out after all, or count it as handed out now."""
    alert = item.kind is OutgoingKind.ALERT
    if barred := context.barred(item.recipient, alert=alert):
        return Refusal(*barred)
    if not item.kind.automatic:
        return None
    if not alert and context.transaction.value(SUPPRESSED, folded=item.canonical, now=context.now) is not None:
        return Refusal("suppressed", f"mail to {normal(item.recipient)} failed or was complained about lately")
    if ledger is None:
        return Refusal("cannot-count", "it has no row in the ledger of automatic mail")
    mail_id, keys = ledger
    if refusal := exceeded(context, keys, sent=True, mail_id=mail_id):
        return refusal
    context.transaction.run(COUNT_SENT, mail=mail_id, now=context.now)
    context.transaction.run(MAIL_SENT, mail=mail_id, now=context.now)
    return None


def refuse(context: Context, item: Candidate, refusal: Refusal) -> None:
    """Record a delivery as refused, and show it on its ticket."""
    context.transaction.run(REFUSE, delivery_id=item.delivery_id, why=refusal.because, now=context.now)
    news.delivery_changed(context, item.delivery_id)
    if item.ticket_id is None:
        return
    add_entry(
        context,
        item.ticket_id,
        EntryKind.DELIVERY,
        refusal.rule,
        f"Mail to {item.recipient} was not sent: {refusal.because}",
        outgoing_id=item.outgoing_id,
        delivery_id=item.delivery_id,
        detail={"event": "refused", "rule": refusal.rule, "recipient": item.recipient},
    )


def next_due(context: Context, channel: str, allowances: Sequence[Allowance] = ()) -> int | None:
    """Tell when there is something to claim: a delivery falls due, or the lease of a lost worker ends."""
    if context.transaction.value(PAUSED, channel=channel) is not None:
        return None
    first = MAIL.next_due(context, channel)
    return None if first is None else max(first, free_at(context, channel, allowances))
