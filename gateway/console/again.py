"""Judges mails that were taken before, under the configuration at hand. Reads the database, and changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from gateway.console.desk import Books, Desk
from gateway.decision import decide
from gateway.mail import parse
from gateway.model import Claim, Disposition, Envelope, IntakeId, IntakeRow, Plan, Stored, Verdict
from gateway.pipeline import gather

PAGE = 200

# Rules that look, or may look, at the moment: how fast an answer came, how many mails there were, who was muted.
MOMENTARY = frozenset({"answers-at-once", "responder-confirmed", "loop-suspected", "storm", "suppressed"})
# And those of the worker, which hold a mail that was never judged.
UNJUDGED = frozenset({"parser-died", "daemon-died", "processing-failed"})


@dataclass(frozen=True, slots=True)
class Change:
    """One mail that would be judged otherwise: each difference as (what, before, after)."""

    row: IntakeRow
    plan: Plan
    differences: tuple[tuple[str, str, str], ...]

    @property
    def momentary(self) -> bool:
        """Tell whether it was judged by what had just happened then: only its other verdicts are compared."""
        return depends_on_its_moment(self.row)


async def changes(desk: Desk, since: datetime) -> AsyncIterator[Change]:
    """Yield what each mail since then would become now, newest first, with how that differs from what it became."""
    async for row in intakes_since(desk.books, since):
        raw = await desk.books.raw(row.id)
        plan = await judge(desk, row, raw)
        yield Change(row, plan, differences(row, plan))


async def intakes_since(books: Books, since: datetime) -> AsyncIterator[IntakeRow]:
    """Yield the intakes that were received since then, newest first."""
    before: int | None = None
    while page := await books.list_intakes(PAGE, before):
        for row in page:
            if row.received_at < since:
                return
            yield row
        before = page[-1].id


async def judge(desk: Desk, row: IntakeRow, raw: bytes) -> Plan:
    """Judge one mail again by the steps of `pipeline.settle`, but that the plan is not applied."""
    mail = await asyncio.to_thread(parse, raw)
    found = desk.policy.routes.route(row.rcpt_to)
    queue = found.queue if found else row.queue
    if queue not in desk.policy.queues:
        queue = next(iter(desk.policy.queues))
    envelope = Envelope(row.mail_from, row.rcpt_to, row.received_at.astimezone(UTC), source="replay")
    claim = Claim(IntakeId(row.id), envelope, raw, queue, row.attempts, 0)
    facts, key = await desk.books.inspect(lambda w: gather(w, claim, mail, desk.policy, row.received_at))
    facts = replace(facts, stored=as_it_was(facts.stored, row))
    return decide(mail, facts, key, desk.policy)


def as_it_was(stored: Stored, row: IntakeRow) -> Stored:
    """Take out of the facts what came after the mail: the ticket that it opened itself, and whatever counts time."""
    opened = row.ticket if row.disposition == Disposition.TICKET.value else None
    earlier = [
        tuple(ref for ref in refs if opened is None or ref.ticket_id < opened)
        for refs in (stored.tickets, stored.referenced)
    ]
    return replace(
        stored,
        tickets=earlier[0],
        referenced=earlier[1],
        siblings=tuple(ticket for ticket in stored.siblings if opened is None or ticket < opened),
        suppressed=False,
        seconds_since_ours=None,
        recent_tickets=0,
        storm_ticket=None,
        arrivals=(),
        suspect_until=None,
    )


def differences(row: IntakeRow, plan: Plan) -> tuple[tuple[str, str, str], ...]:
    """Compare the record with a new judgement.

    A mail that was not judged differs in nothing. What had happened just before a mail does not come back: where that
    was among its verdicts, the other verdicts are compared, and not what became of it.
    """
    if row.disposition is None or any(item.rule in UNJUDGED for item in row.verdicts):
        return ()
    if depends_on_its_moment(row):
        lasting = [
            rules([item for item in verdicts if item.rule not in MOMENTARY])
            for verdicts in (row.verdicts, plan.judgement.verdicts)
        ]
        return () if lasting[0] == lasting[1] else (("verdicts", lasting[0], lasting[1]),)
    queue = plan.new_ticket.queue if plan.new_ticket else row.queue
    pairs = [
        ("disposition", row.disposition, plan.disposition.value),
        ("queue", row.queue, queue),
        ("verdicts", rules(row.verdicts), rules(plan.judgement.verdicts)),
    ]
    return tuple(pair for pair in pairs if pair[1] != pair[2])


def depends_on_its_moment(row: IntakeRow) -> bool:
    """Tell whether a mail was judged by what had happened just before it, too."""
    return any(item.rule in MOMENTARY for item in row.verdicts)


def rules(verdicts: Sequence[Verdict]) -> str:
    """Return the rules and effects of verdicts as one sorted text."""
    return " ".join(sorted({f"{item.rule}={item.effect.value}" for item in verdicts})) or "-"
