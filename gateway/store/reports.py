"""What machines tell us about our mail and theirs: bounces, complaints, and behaviour like a loop."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from gateway.mail.address import canonical, normal
from gateway.model import (
    Action,
    DeliveryState,
    EntryKind,
    ReportEvent,
    TicketId,
)
from gateway.rules.behaviour import LONGEST_SUSPICION, silence
from gateway.store import news
from gateway.store.case import Case
from gateway.store.context import Context
from gateway.store.gather import SUSPECT
from gateway.store.statement import Statement
from gateway.store.tables_out import deliveries, suppressions, suspicions
from gateway.store.timeline import (
    add_entry,
)
from gateway.store.times import microseconds

SUPPRESSED_FOR = timedelta(days=60)  # after that, one more mail tells whether the address lives
LOOP_RULE = "loop-suspected"  # the verdict of the behaviour detector

BOUNCED = Statement(
    update(deliveries)
    .where(deliveries.c.id == bindparam("delivery_id"))
    .values(state=DeliveryState.BOUNCED.value, answer=bindparam("words"), finished_at=bindparam("now"))
)
OWNER = Statement(
    select(deliveries.c.ticket_id, deliveries.c.recipient).where(deliveries.c.id == bindparam("delivery_id"))
)
SUPPRESS = Statement(
    upsert(suppressions)
    .values(
        canonical=bindparam("folded"),
        address=bindparam("who"),
        reason=bindparam("why"),
        since=bindparam("now"),
        expires_at=bindparam("until"),
        delivery_id=bindparam("delivery"),
    )
    .on_conflict_do_update(
        index_elements=["canonical"],
        set_={"reason": bindparam("why"), "expires_at": bindparam("until"), "delivery_id": bindparam("delivery")},
    )
)
EARLIER_SUSPICION = Statement(
    select(suspicions.c.times, suspicions.c.suspect_until).where(
        suspicions.c.organisation == bindparam("organisation"), suspicions.c.queue == bindparam("queue")
    )
)
SUSPECT_AGAIN = Statement(
    upsert(suspicions)
    .values(
        organisation=bindparam("domain"),
        queue=bindparam("where"),
        since=bindparam("now"),
        suspect_until=bindparam("until"),
        times=bindparam("count"),
        because=bindparam("why"),
    )
    .on_conflict_do_update(
        index_elements=["organisation", "queue"],
        set_={
            "since": bindparam("now"),
            "suspect_until": bindparam("until"),
            "times": bindparam("count"),
            "because": bindparam("why"),
        },
    )
)


def report(case: Case, event: ReportEvent, ticket_id: TicketId) -> int:
    """Apply a delivery report to the one delivery that it is about, and show it on that delivery's ticket."""
    said = event.recipient
    row = case.context.transaction.row(OWNER, delivery_id=event.delivery_id)
    owner, recipient = row or (None, said.recipient)
    words = " ".join(filter(None, (said.status, said.diagnostic)))
    if said.action is Action.FAILED:  # a delay is no failure
        case.context.transaction.run(BOUNCED, delivery_id=event.delivery_id, words=words, now=case.context.now)
        news.delivery_changed(case.context, event.delivery_id)
    if event.suppress:
        suppress(case.context, recipient, words or "failed", event.delivery_id)
    return add_entry(
        case.context,
        owner if owner is not None else ticket_id,
        EntryKind.DELIVERY,
        "report",
        f"Mail to {recipient}: {said.action.value}{f' ({words})' if words else ''}",
        intake_id=case.claim.intake_id,
        delivery_id=event.delivery_id,
        detail={
            "event": said.action.value,
            "recipient": recipient,
            "status": said.status,
            "permanent": said.permanent,
            "diagnostic": said.diagnostic,
            "suppressed": event.suppress,
        },
    )


def suppress(context: Context, address: str, why: str, delivery_id: int | None) -> None:
    """Mute automatic mail to an address for a while, never for ever."""
    until = context.now + microseconds(SUPPRESSED_FOR)
    context.transaction.run(
        SUPPRESS,
        folded=canonical(address),
        who=normal(address),
        why=why,
        now=context.now,
        until=until,
        delivery=delivery_id,
    )


def note_suspicion(case: Case) -> None:
    """Keep what the behaviour detector found, and for how long it silences."""
    found = next((verdict for verdict in case.plan.judgement.verdicts if verdict.rule == LOOP_RULE), None)
    group = case.organisation
    if found is None or not group:
        return
    transaction, now = case.context.transaction, case.context.now
    if transaction.value(SUSPECT, organisation=group, queue=case.claim.queue, now=now) is not None:
        return
    row = transaction.row(EARLIER_SUSPICION, organisation=group, queue=case.claim.queue)
    lately = row is not None and row[1] > now - microseconds(LONGEST_SUSPICION)
    times = row[0] + 1 if row is not None and lately else 1
    until = now + microseconds(silence(times))
    transaction.run(
        SUSPECT_AGAIN, domain=group, where=case.claim.queue, now=now, until=until, count=times, why=found.because
    )
