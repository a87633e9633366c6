"""THE function for automatic mail (I2, I3): count every window and insert, or refuse with the reason.

A row enters the ledger only after fewer rows than the limit were counted in the window that ends now; so no window of
that length, wherever it lies, ever holds more. On PostgreSQL the counters are locked first, in one order on all nodes;
SQLite has one writer. What cannot be counted is not sent.

The same windows are counted again over the times of handing out (`exceeded` with `sent`), so that a channel that was
paused does not pour out at once what was queued over hours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import cache

from sqlalchemy import bindparam, func, literal_column, select
from sqlalchemy.dialects.postgresql import insert as upsert

from gateway.errors import NotSendable
from gateway.mail.address import canonical, is_valid, normal, organisation
from gateway.model import AutomaticMail, Draft, EntryKind, OutgoingId, OutgoingKind, Refusal
from gateway.store.breaker import watch
from gateway.store.context import Context
from gateway.store.failures import translate, worth_repeating
from gateway.store.gather import SUPPRESSED
from gateway.store.outgoing import add_deliveries, write_draft
from gateway.store.statement import Statement, insert
from gateway.store.tables_out import automatic_counts, automatic_mails, bound_locks
from gateway.store.timeline import add_entry, remember_ids
from gateway.store.times import microseconds
from gateway.store.windows import ALERT_SCOPES, AUTOMATIC_SCOPES, SCOPES

Keys = tuple[tuple[str, str], ...]  # (scope, key), in the order of locking

LOCK = Statement(
    upsert(bound_locks)
    .values(scope=bindparam("scope"), key=bindparam("key"))
    .on_conflict_do_update(index_elements=["scope", "key"], set_={"key": bindparam("key")})
)
INSERT_MAIL = insert(
    automatic_mails,
    "kind",
    "queue",
    "canonical",
    "outgoing_id",
    "ticket_id",
    "cause_id",
    "queued_at",
    ignore=True,
    returning="id",
)
INSERT_COUNT = insert(automatic_counts, "scope", "key", "queued_at", "mail_id")
ACKNOWLEDGED = Statement(
    select(automatic_mails.c.id).where(
        automatic_mails.c.kind == literal_column("'acknowledgement'"),
        automatic_mails.c.ticket_id == bindparam("ticket_id"),
    )
)


class OnceOnly(Exception):
    """There was such a mail before: the unique rows of the ledger say so (I3)."""


def queue_automatic(
    context: Context, mail: AutomaticMail, make_draft: Callable[[OutgoingId], Draft]
) -> OutgoingId | Refusal:
    """Queue one automatic mail within the bound, or say why not. Fails closed: an error of ours is a refusal, too."""
    mark = context.transaction.savepoint("automatic")
    try:
        result = judge(context, mail) or insert_counted(context, mail, make_draft)
    except Exception as error:
        if translate(error) is not None or worth_repeating(error):
            raise  # the whole transaction is in doubt, and nothing of it will be sent
        context.transaction.roll_back("automatic", mark)
        result = Refusal("cannot-count", f"it could not be counted and written: {type(error).__name__}")
        if isinstance(error, OnceOnly):
            result = sent_before(context, mail)
        elif isinstance(error, NotSendable):
            result = Refusal("not-sendable", str(error))
    context.transaction.release("automatic")
    if isinstance(result, Refusal) and mail.ticket_id is not None and mail.kind is not OutgoingKind.ALERT:
        text = f"No {mail.kind.value.replace('_', ' ')} to {normal(mail.recipient)}: {result.because}"
        detail = {"event": "refused", "rule": result.rule, "recipient": normal(mail.recipient)}
        add_entry(context, mail.ticket_id, EntryKind.DELIVERY, result.rule, text, detail=detail)
    return result


def judge(context: Context, mail: AutomaticMail) -> Refusal | None:
    """Return why this mail may not be sent, or None. The counters stay locked until the end of the transaction."""
    if not mail.kind.automatic:
        return Refusal("not-automatic", "a person's mail does not come this way")
    if not mail.recipient or not is_valid(mail.recipient):
        return Refusal("no-address", "there is no address to write to")
    alert = mail.kind is OutgoingKind.ALERT
    if barred := context.barred(mail.recipient, alert=alert):
        return Refusal(*barred)
    folded = canonical(mail.recipient)
    if not alert and context.transaction.value(SUPPRESSED, folded=folded, now=context.now) is not None:
        return Refusal("suppressed", f"mail to {normal(mail.recipient)} failed or was complained about lately")
    keys = bound_keys(mail)
    lock(context, keys)
    own = tuple(pair for pair in keys if pair[0] != "queue")
    refusal = exceeded(context, own)
    if refusal is not None or alert:
        return refusal
    return watch(context, mail) or exceeded(context, (("queue", mail.queue),))


def sent_before(context: Context, mail: AutomaticMail) -> Refusal:
    """Say which of the unique rows refused a mail."""
    acknowledges = mail.kind is OutgoingKind.ACKNOWLEDGEMENT and mail.ticket_id is not None
    if acknowledges and context.transaction.value(ACKNOWLEDGED, ticket_id=mail.ticket_id):
        return Refusal("once-per-ticket", "this ticket was acknowledged already")
    return Refusal("once-per-cause", "this mail caused one already")


def bound_keys(mail: AutomaticMail) -> Keys:
    """Return under which keys a mail is counted, in the order in which their rows are locked."""
    folded = canonical(mail.recipient)
    found = {
        "address": folded,
        "organisation": organisation(mail.recipient) or "",  # free-mail providers are no organisation
        "fingerprint": mail.fingerprint,
        "queue": mail.queue,
        "agent": folded,
        "agent_ticket": f"{folded} {mail.ticket_id}" if mail.ticket_id is not None else "",
    }
    scopes = ALERT_SCOPES if mail.kind is OutgoingKind.ALERT else AUTOMATIC_SCOPES
    return tuple((scope, found[scope]) for scope in scopes if found[scope])


def lock(context: Context, keys: Iterable[tuple[str, str]]) -> None:
    """Lock counters until the end of the transaction, in the order that all nodes keep."""
    if context.transaction.dialect == "sqlite":
        return  # BEGIN IMMEDIATE did: there is one writer
    for scope, key in sorted(set(keys), key=lambda item: (SCOPES.index(item[0]), item[1])):
        context.transaction.run(LOCK, scope=scope, key=key)


def exceeded(context: Context, keys: Keys, *, sent: bool = False, mail_id: int = 0) -> Refusal | None:
    """Return the first limit that one more mail would exceed.

    With `sent`, times of handing out are counted instead of times of queueing, without the mail itself.
    """
    for scope, key in keys:
        windows = context.options.bound.windows(scope)
        if not windows:
            continue
        ends = {f"start{n}": context.now - microseconds(length) for n, (length, _) in enumerate(windows)}
        counts = context.transaction.row(
            counting(len(windows), sent),
            scope=scope,
            key=key,
            mail_id=mail_id,
            oldest=min(ends.values()),
            **ends,
        )
        assert counts is not None
        for (length, most), count in zip(windows, counts, strict=True):
            if count >= most:
                because = f"{count} in {in_words(length)} already, at most {most} per {scope.replace('_', ' and ')}"
                return Refusal(f"bound-{scope.replace('_', '-')}", because)
    return None


@cache
def counting(number: int, sent: bool) -> Statement:
    """Return the statement that counts `number` windows of one key at once."""
    at = automatic_counts.c.sent_at if sent else automatic_counts.c.queued_at
    counts = (func.count().filter(at > bindparam(f"start{n}")) for n in range(number))
    return Statement(
        select(*counts)
        .select_from(automatic_counts)
        .where(
            automatic_counts.c.scope == bindparam("scope"),
            automatic_counts.c.key == bindparam("key"),
            at > bindparam("oldest"),  # and later than now, too, if the clock was set back
            automatic_counts.c.mail_id != bindparam("mail_id"),
        )
    )


def insert_counted(
    context: Context, mail: AutomaticMail, make_draft: Callable[[OutgoingId], Draft]
) -> OutgoingId | Refusal:
    """Write the mail, its ledger row and its counts."""
    outgoing_id, draft = write_draft(
        context, mail.kind, mail.queue, "", make_draft, ticket_id=mail.ticket_id, cause_id=mail.cause
    )
    if tuple(map(normal, draft.recipients)) != (normal(mail.recipient),):
        raise NotSendable("it is addressed to others than it was counted for")
    mail_id = context.transaction.value(
        INSERT_MAIL,
        kind=mail.kind.value,
        queue=mail.queue,
        canonical=canonical(mail.recipient),
        outgoing_id=outgoing_id,
        ticket_id=mail.ticket_id,
        cause_id=mail.cause,
        queued_at=context.now,
    )
    if mail_id is None:
        raise OnceOnly
    context.transaction.run_many(
        INSERT_COUNT,
        [{"scope": scope, "key": key, "queued_at": context.now, "mail_id": mail_id} for scope, key in bound_keys(mail)],
    )
    add_deliveries(context, outgoing_id, draft, mail.ticket_id)
    if mail.ticket_id is not None:
        remember_ids(context, mail.ticket_id, (draft.message_id,), ours=True, automatic=True)
        if mail.kind is not OutgoingKind.ALERT:
            kind = EntryKind.ACKNOWLEDGEMENT
            add_entry(
                context, mail.ticket_id, kind, mail.kind.value, draft.text, outgoing_id=outgoing_id, html=draft.html
            )
    return outgoing_id


def in_words(length: timedelta) -> str:
    """Return the length of a window as the configuration writes it."""
    seconds = int(length.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds % size == 0 and (seconds // size > 1 or unit != "d"):
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
