"""The one write of `process`: a plan becomes a ticket or an entry, and the intake gets its disposition."""

from __future__ import annotations

import json
from collections.abc import Callable

from sqlalchemy import bindparam, func, select, update

from gateway.errors import Conflict, NotFound
from gateway.mail.address import normal
from gateway.model import (
    Applied,
    AutomaticMail,
    Claim,
    Disposition,
    Draft,
    OutgoingId,
    OutgoingKind,
    ParsedMail,
    Plan,
    Refusal,
    TicketId,
)
from gateway.ports import Correspondence
from gateway.rules.trace import forwarder_named
from gateway.store import news
from gateway.store.bound import queue_automatic
from gateway.store.case import Case
from gateway.store.context import Context
from gateway.store.correspond import alert_agents, file_internally, send_on
from gateway.store.filing import add_mail, keep_files, open_ticket, wake
from gateway.store.intakes import DONE, verdicts_to_json
from gateway.store.reports import note_suspicion, suppress
from gateway.store.statement import Row, Statement, insert
from gateway.store.tables import intakes, mail_keys
from gateway.store.tables_out import automatic_counts, outgoings
from gateway.store.timeline import remember_ids, touch
from gateway.threading import stored_keys

INTAKE = Statement(
    select(
        intakes.c.state,
        intakes.c.lease_token,
        intakes.c.disposition,
        intakes.c.ticket_id,
        intakes.c.refusals,
        intakes.c.queue,
    )
    .where(intakes.c.id == bindparam("intake_id"))
    .with_for_update(key_share=True)
)
CAUSED = Statement(
    select(outgoings.c.id, outgoings.c.kind)
    .where(outgoings.c.cause_id == bindparam("intake_id"))
    .order_by(outgoings.c.id)
)
TAKE_KEY = insert(mail_keys, "key", "queue", "intake_id", ignore=True, returning="intake_id")
KEY_HOLDER = Statement(
    select(mail_keys.c.intake_id, intakes.c.ticket_id)
    .select_from(mail_keys.join(intakes, intakes.c.id == mail_keys.c.intake_id))
    .where(mail_keys.c.key == bindparam("key"), mail_keys.c.queue == bindparam("queue"))
)
SETTLE = Statement(
    update(intakes)
    .where(intakes.c.id == bindparam("intake"))
    .values(
        state=DONE,
        disposition=bindparam("what"),
        ticket_id=bindparam("ticket"),
        entry_id=bindparam("entry"),
        settled_at=bindparam("now"),
        message_id=bindparam("mail_id"),
        author=bindparam("writer"),
        subject=bindparam("title"),
        kind=bindparam("sort"),
        because=bindparam("why"),
        verdicts=bindparam("opinions"),
        refusals=bindparam("refused"),
        organisation=bindparam("domain"),
        fingerprint=bindparam("print"),
        after_ours=bindparam("after"),
        lease_until=None,
        retry_at=None,
    )
)
LAST_OUT = Statement(
    select(func.max(automatic_counts.c.queued_at)).where(
        automatic_counts.c.scope == bindparam("scope"), automatic_counts.c.key == bindparam("key")
    )
)


def apply(
    context: Context,
    claim: Claim,
    mail: ParsedMail,
    plan: Plan,
    acknowledgement: Callable[[TicketId, OutgoingId], Draft] | None,
    *,
    correspondence: Correspondence,
) -> Applied:
    """Write a plan. Fenced by the claim's token; a second run returns what the first one wrote."""
    row = context.transaction.row(INTAKE, intake_id=claim.intake_id)
    if row is None:
        raise NotFound(f"there is no intake {claim.intake_id}")
    if row[0] == "done":
        return applied_before(context, claim, row)
    if row[1] != claim.token:
        raise Conflict(f"intake {claim.intake_id} was taken over by another worker")
    case = Case(context, claim, mail, plan)
    after_ours = since_ours(case)
    duplicate, ticket_id = hold_key(case)
    if duplicate:
        settle(case, Disposition.DUPLICATE, ticket_id, after_ours=after_ours)
        return Applied(claim.intake_id, Disposition.DUPLICATE, ticket_id)
    entry_id: int | None = None
    outgoing: tuple[OutgoingId, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    ticket_id = plan.ticket_id
    if plan.new_ticket is not None:
        ticket_id = open_ticket(case, plan.new_ticket)
    replies: tuple[OutgoingId, ...] = ()
    alerts: tuple[OutgoingId, ...] = ()
    if ticket_id is not None and (plan.words is not None or plan.unverified):
        entry_id, replies = hear_agent(case, ticket_id, correspondence)
    elif ticket_id is not None and plan.entry_kind is not None:
        entry_id = add_mail(case, ticket_id)
        if plan.new_ticket is None:
            wake(case, ticket_id)
    for address in plan.suppress:
        suppress(context, address, "complaint", None)
    note_suspicion(case)
    if plan.acknowledge and acknowledgement is not None and ticket_id is not None:
        outgoing, refusals = acknowledge(case, ticket_id, acknowledgement)
    if plan.alert and ticket_id is not None:
        alerts, refused = alert_agents(case, ticket_id, correspondence)
        refusals = (*refusals, *refused)
    settle(case, plan.disposition, ticket_id, after_ours=after_ours, entry_id=entry_id, refusals=refusals)
    unknown = next((seen for seen in map(forwarder_named, plan.judgement.verdicts) if seen and seen[1]), None)
    return Applied(claim.intake_id, plan.disposition, ticket_id, outgoing, refusals, alerts, replies, unknown)


def hear_agent(case: Case, ticket_id: TicketId, correspondence: Correspondence) -> tuple[int, tuple[OutgoingId, ...]]:
    """Send an agent's words on to the customer, or file them for colleagues. Returns the entry and what was queued."""
    because = case.plan.unverified
    if case.plan.words is not None and not case.plan.words.internal:
        sent = send_on(case, ticket_id, correspondence)
        if not isinstance(sent, str):
            outgoing, entry_id = sent
            remember_ids(case.context, ticket_id, stored_keys(case.mail))
            return entry_id, (outgoing,)
        because = sent
    entry_id = file_internally(case, ticket_id, because)
    keep_files(case, entry_id)
    touch(case.context, ticket_id)
    return entry_id, ()


def applied_before(context: Context, claim: Claim, row: Row) -> Applied:
    """Return what the first run wrote."""
    refusals = tuple(Refusal(*item) for item in json.loads(row[4] or "[]"))
    caused: dict[str, tuple[OutgoingId, ...]] = {}
    for number, kind in context.transaction.rows(CAUSED, intake_id=claim.intake_id):
        caused[kind] = (*caused.get(kind, ()), OutgoingId(number))
    alerts, replies = caused.pop(OutgoingKind.ALERT, ()), caused.pop(OutgoingKind.REPLY, ())
    others = tuple(number for numbers in caused.values() for number in numbers)
    return Applied(claim.intake_id, Disposition(row[2]), row[3], others, refusals, alerts, replies)


def hold_key(case: Case) -> tuple[bool, TicketId | None]:
    """Take the idempotence key for this intake (I6). True, with the ticket, if an earlier intake holds it.

    The row decides: two nodes with the same mail at once meet here, and the second waits for the first one's commit.
    """
    transaction = case.context.transaction
    taken = transaction.value(TAKE_KEY, key=case.plan.key, queue=case.claim.queue, intake_id=case.claim.intake_id)
    if taken is not None:
        return False, None
    row = transaction.row(KEY_HOLDER, key=case.plan.key, queue=case.claim.queue)
    assert row is not None
    return row[0] != case.claim.intake_id, row[1]


def acknowledge(
    case: Case,
    ticket_id: TicketId,
    acknowledgement: Callable[[TicketId, OutgoingId], Draft],
) -> tuple[tuple[OutgoingId, ...], tuple[Refusal, ...]]:
    """Ask the one function for automatic mail."""
    requester = case.plan.judgement.requester
    queue = case.plan.new_ticket.queue if case.plan.new_ticket else case.claim.queue
    mail = AutomaticMail(
        OutgoingKind.ACKNOWLEDGEMENT,
        queue,
        requester.address if requester else "",
        ticket_id,
        case.claim.intake_id,
        case.plan.fingerprint,
    )
    result = queue_automatic(case.context, mail, lambda outgoing_id: acknowledgement(ticket_id, outgoing_id))
    return ((), (result,)) if isinstance(result, Refusal) else ((result,), ())


def since_ours(case: Case) -> int | None:
    """Return how long ago, before this mail, we last wrote to its organisation by ourselves; None: never."""
    group = case.organisation
    scope = "address" if "@" in group else "organisation"
    last = case.context.transaction.value(LAST_OUT, scope=scope, key=group) if group else None
    return None if last is None else max(0, case.context.now - last)


def settle(
    case: Case,
    disposition: Disposition,
    ticket_id: TicketId | None,
    *,
    after_ours: int | None,
    entry_id: int | None = None,
    refusals: tuple[Refusal, ...] = (),
) -> None:
    """Give the intake its one disposition."""
    if disposition is Disposition.QUARANTINE:
        news.intake_held(case.context, case.claim.intake_id)
    author = case.author
    case.context.transaction.run(
        SETTLE,
        intake=case.claim.intake_id,
        what=disposition.value,
        ticket=ticket_id,
        entry=entry_id,
        now=case.context.now,
        mail_id=case.mail.message_id,
        writer=normal(author.address) if author else "",
        title=case.mail.subject,
        sort=case.plan.judgement.kind.value,
        why=case.plan.thread_because,
        opinions=verdicts_to_json(case.plan.judgement.verdicts),
        refused=json.dumps([[item.rule, item.because] for item in refusals]) if refusals else None,
        domain=case.organisation or None,
        print=case.plan.fingerprint or None,
        after=after_ours,
    )
