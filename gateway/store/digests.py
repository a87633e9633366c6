"""Alerts beyond an agent's limit: noted by ticket, and told in one digest, which counts like an alert.

Once an agent missed one, nothing more goes to them until the digest does, so that its place in the limit gets free: at
most an hour later, and not before it is worth a mail.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import bindparam, delete, func, literal_column, select
from sqlalchemy.dialects.postgresql import insert as upsert

from gateway.mail.address import canonical
from gateway.model import (
    AlertWish,
    AutomaticMail,
    DeskAgent,
    Digest,
    Missed,
    OutgoingId,
    OutgoingKind,
    Refusal,
    TicketId,
)
from gateway.ports import WriteDigest
from gateway.store.bound import lock, queue_automatic
from gateway.store.context import Context
from gateway.store.statement import Statement
from gateway.store.tables import tickets
from gateway.store.tables_out import missed_alerts
from gateway.store.times import microseconds

GATHERED_FOR = timedelta(minutes=15)  # after the first missed alert
WAITS = Refusal("digest-waits", "the limit of alerts was reached; the next digest tells of it")

NOTE = Statement(
    upsert(missed_alerts)
    .values(
        agent_id=bindparam("agent"), ticket_id=bindparam("ticket"), since=bindparam("now"), mails=literal_column("1")
    )
    .on_conflict_do_update(
        index_elements=["agent_id", "ticket_id"], set_={"mails": missed_alerts.c.mails + literal_column("1")}
    )
)
WAITING = Statement(
    select(missed_alerts.c.ticket_id).where(missed_alerts.c.agent_id == bindparam("agent")).limit(literal_column("1"))
)
DUE = Statement(
    select(missed_alerts.c.agent_id)
    .group_by(missed_alerts.c.agent_id)
    .having(func.min(missed_alerts.c.since) <= bindparam("before"))
    .order_by(missed_alerts.c.agent_id)
)
MISSED = Statement(
    select(missed_alerts.c.ticket_id, tickets.c.queue, tickets.c.subject, missed_alerts.c.mails)
    .select_from(missed_alerts.join(tickets, tickets.c.id == missed_alerts.c.ticket_id))
    .where(missed_alerts.c.agent_id == bindparam("agent"))
    .order_by(missed_alerts.c.ticket_id.desc())
)
FORGET = Statement(delete(missed_alerts).where(missed_alerts.c.agent_id == bindparam("agent")))


def is_waiting(context: Context, agent: DeskAgent) -> bool:
    """Tell whether an agent missed an alert that no digest has told them of."""
    return context.transaction.value(WAITING, agent=agent.agent_id) is not None


def note_missed(context: Context, agent: DeskAgent, ticket_id: TicketId) -> None:
    """Keep for the next digest that an agent was not told of a mail."""
    context.transaction.run(NOTE, agent=agent.agent_id, ticket=ticket_id, now=context.now)


def send_digests(context: Context, write: WriteDigest) -> tuple[OutgoingId, ...]:
    """Queue the digests that are due and fit the agents' limits; the others wait."""
    desk = {agent.agent_id: agent for agent in context.people().desk}
    sent: list[OutgoingId] = []
    before = context.now - microseconds(GATHERED_FOR)
    for (number,) in context.transaction.rows(DUE, before=before):
        agent = desk.get(number)
        result = send_one(context, agent, write) if agent is not None else None
        if isinstance(result, Refusal) and result.rule.startswith("bound-"):
            continue
        context.transaction.run(FORGET, agent=number)
        if result is not None and not isinstance(result, Refusal):
            sent.append(result)
    return tuple(sent)


def send_one(context: Context, agent: DeskAgent, write: WriteDigest) -> OutgoingId | Refusal | None:
    """Queue what one agent missed; None if there is nothing that they want and may hear of."""
    lock(context, [("agent", canonical(agent.address))])  # another node may be at the same digest
    rows = context.transaction.rows(MISSED, agent=agent.agent_id)
    seen = [row for row in rows if agent.sees(row[1])]
    if not seen or agent.alerts is AlertWish.OFF:
        return None
    digest = Digest(agent, seen[0][1], tuple(Missed(ticket, subject, mails) for ticket, _, subject, mails in seen))
    mail = AutomaticMail(OutgoingKind.ALERT, digest.queue, agent.address, digest.tickets[0].ticket_id)
    return queue_automatic(context, mail, lambda outgoing: write(digest, outgoing))
