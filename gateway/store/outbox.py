"""The sending side: hand out what is due, under a lease, with the attempt counted before; and record what became of it.

Per ticket and recipient the order is kept: a delivery waits for an earlier one that is not finished. Loop blocklist,
suppression and bound are checked once more here, at the one place where mail leaves.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, bindparam, exists, func, literal_column, or_, select, update

from gateway.mail.address import normal
from gateway.model import (
    ClaimedDelivery,
    DeliveryId,
    DeliveryState,
    EntryKind,
    Outcome,
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
from gateway.store.statement import Row, Statement, insert
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

QUEUED: ColumnElement[str] = literal_column("'queued'")  # a literal, so that the partial index serves

PAUSED = Statement(select(pauses.c.since).where(pauses.c.channel == bindparam("channel")))
earlier = deliveries.alias("earlier")
# Per ticket and recipient the order is kept.
FIRST_OF_ITS_TICKET = ~exists(
    select(literal_column("1"))
    .select_from(earlier)
    .where(
        earlier.c.ticket_id == deliveries.c.ticket_id,
        earlier.c.canonical == deliveries.c.canonical,
        earlier.c.id < deliveries.c.id,
        earlier.c.state == QUEUED,
    )
)
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
    .where(
        deliveries.c.channel == bindparam("channel"),
        deliveries.c.state == QUEUED,
        deliveries.c.due_at <= bindparam("now"),
        or_(deliveries.c.lease_until.is_(None), deliveries.c.lease_until < bindparam("lease_now")),
        FIRST_OF_ITS_TICKET,
    )
    .order_by(deliveries.c.due_at, deliveries.c.id)
    .limit(bindparam("limit"))
    .with_for_update(of=deliveries, skip_locked=True)
)
TAKE = Statement(
    update(deliveries)
    .where(deliveries.c.id == bindparam("delivery_id"))
    .values(
        attempts=deliveries.c.attempts + literal_column("1"),
        lease_until=bindparam("until"),
        lease_token=bindparam("token"),
    )
)
OPEN_ATTEMPTS = Statement(
    update(attempts)
    .where(attempts.c.delivery_id == bindparam("delivery"), attempts.c.outcome.is_(None))
    .values(
        ended_at=bindparam("now"),
        outcome=Outcome.UNKNOWN.value,
        dot_sent=literal_column("true"),
        answer="the worker did not return",
    )
)
DOTS = Statement(
    select(func.count())
    .select_from(attempts)
    .where(attempts.c.delivery_id == bindparam("delivery"), attempts.c.dot_sent.is_(literal_column("true")))
)
INSERT_ATTEMPT = insert(attempts, "delivery_id", "number", "started_at")
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
# Not min(): in the order of the index the first that fits is the answer, however many wait behind it.
NEXT_DUE = Statement(
    select(deliveries.c.due_at)
    .where(
        deliveries.c.channel == bindparam("channel"),
        deliveries.c.state == QUEUED,
        or_(deliveries.c.lease_until.is_(None), deliveries.c.lease_until < bindparam("lease_now")),
        FIRST_OF_ITS_TICKET,
    )
    .order_by(deliveries.c.due_at)
    .limit(literal_column("1"))
)
NEXT_EXPIRY = Statement(
    select(func.min(deliveries.c.lease_until)).where(
        deliveries.c.channel == bindparam("channel"), deliveries.c.state == QUEUED
    )
)
VOID_LEASES = Statement(
    update(deliveries)
    .where(deliveries.c.state == QUEUED, deliveries.c.lease_until.is_not(None))
    .values(lease_until=None, lease_token=literal_column("0"))
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
    rows = transaction.rows(DUE, channel=channel, now=context.now, lease_now=lease_now, limit=limit)
    due = [Candidate.from_row(row) for row in rows]
    ledger = read_ledger(context, due)
    taken = []
    for item in due:
        refusal = check_again(context, item, ledger.get(item.delivery_id))
        if refusal is None:
            taken.append(item)
        else:
            refuse(context, item, refusal)
    token = secrets.randbits(62) + 1
    dots = count_attempts(context, taken, token, lease_now + microseconds(lease))
    claimed = [hand_out(context, item, channel, token, dots.get(item.delivery_id, 0)) for item in taken]
    return claimed, len(due) - len(taken)


def count_attempts(context: Context, taken: Sequence[Candidate], token: int, until: int) -> dict[DeliveryId, int]:
    """Count an attempt of each, and return of those that were tried before how many may have sent their dot."""
    transaction = context.transaction
    transaction.run_many(TAKE, [{"delivery_id": item.delivery_id, "until": until, "token": token} for item in taken])
    tried = [item.delivery_id for item in taken if item.attempts]
    transaction.run_many(OPEN_ATTEMPTS, [{"delivery": number, "now": context.now} for number in tried])
    dots = {number: int(transaction.value(DOTS, delivery=number)) for number in tried}
    rows = [{"delivery_id": item.delivery_id, "number": item.attempts + 1, "started_at": context.now} for item in taken]
    transaction.run_many(INSERT_ATTEMPT, rows)
    return dots


def hand_out(context: Context, item: Candidate, channel: str, token: int, dots: int) -> ClaimedDelivery:
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
        dots=dots,
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
    transaction = context.transaction
    if transaction.value(PAUSED, channel=channel) is not None:
        return None
    lease_now = lease_time(transaction)
    due = transaction.value(NEXT_DUE, channel=channel, lease_now=lease_now)
    expiry = transaction.value(NEXT_EXPIRY, channel=channel)
    freed = None if expiry is None else context.now + max(0, expiry - lease_now)
    first = min((moment for moment in (due, freed) if moment is not None), default=None)
    return None if first is None else max(first, free_at(context, channel, allowances))
