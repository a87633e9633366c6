"""The decision: mail and facts in, a `Plan` out. Pure; live mail, `explain` and `replay --diff` all come through here.

Markers never take a ticket away (I10): what is tied to no ticket and is not a report opens one.
"""

from __future__ import annotations

from dataclasses import replace

from gateway.mail.address import is_valid, normal
from gateway.model import (
    AgentWords,
    Disposition,
    Effect,
    EntryKind,
    Facts,
    Judgement,
    Kind,
    Mailbox,
    NewTicket,
    ParsedMail,
    Plan,
    Priority,
    TicketStatus,
    Verdict,
)
from gateway.policy import Policy
from gateway.routing import assign
from gateway.rules import classify
from gateway.rules.agents import agents_answer
from gateway.rules.behaviour import fingerprint
from gateway.rules.reports import complainants, report_events
from gateway.threading import Thread, find_thread

STORM_TICKETS = 10  # new tickets of one author in 30 minutes, after which further mail joins the last of them

# What a kind becomes when it is tied to a ticket of ours, and the entry that it leaves there.
ON_A_TICKET = {
    Kind.HUMAN: (Disposition.APPEND, EntryKind.CUSTOMER),
    Kind.AUTO_GENERATED: (Disposition.APPEND, EntryKind.CUSTOMER),
    Kind.LIST: (Disposition.APPEND, EntryKind.CUSTOMER),
    Kind.AUTO_REPLY: (Disposition.AUTO_REPLY, EntryKind.AUTO_REPLY),
    Kind.BOUNCE: (Disposition.BOUNCE, EntryKind.DELIVERY),
    Kind.RECEIPT: (Disposition.RECEIPT, EntryKind.RECEIPT),
    Kind.CALENDAR: (Disposition.RECEIPT, EntryKind.RECEIPT),
    Kind.COMPLAINT: (Disposition.COMPLAINT, EntryKind.DELIVERY),
}
# What is not tied to a ticket and becomes no ticket by itself. Everything else does (I10): markers take nothing away.
WITHOUT_A_TICKET = {
    Kind.RECEIPT: Disposition.RECEIPT,
    Kind.CALENDAR: Disposition.RECEIPT,
    Kind.COMPLAINT: Disposition.COMPLAINT,
}


def decide(mail: ParsedMail, facts: Facts, key: str, policy: Policy) -> Plan:
    """Decide what becomes of a mail. Pure; the first line that applies wins."""
    judgement = classify(mail, facts)
    stored = facts.stored
    if stored.duplicate_of is not None:
        return Plan(Disposition.DUPLICATE, judgement, key, ticket_id=stored.duplicate_ticket)
    if judgement.refuse:
        return Plan(Disposition.BLOCKED, judgement, key)
    if judgement.kind is Kind.OWN_COPY:
        return Plan(Disposition.OWN_COPY, judgement, key)
    if judgement.hold and not facts.released:
        return Plan(Disposition.QUARANTINE, judgement, key)
    thread = find_thread(mail, facts, judgement)
    plan = Plan(Disposition.TICKET, judgement, key, thread_because=thread.because, fingerprint=fingerprint(mail))
    if judgement.kind is Kind.BOUNCE:
        return file_report(mail, facts, thread, plan, policy)
    answer = agents_answer(mail, facts, judgement, thread)
    if answer is not None:
        return file_answer(thread, plan, answer)
    if thread.ticket is not None:
        return continue_ticket(mail, facts, thread, plan, policy)
    if judgement.kind in WITHOUT_A_TICKET:
        return file_news(mail, facts, plan, policy)
    if stored.storm_ticket is not None and stored.recent_tickets >= STORM_TICKETS:
        because = f"{stored.recent_tickets} tickets of this author in 30 minutes: joined to the last"
        return replace(
            plan,
            disposition=Disposition.APPEND,
            entry_kind=EntryKind.CUSTOMER,
            ticket_id=stored.storm_ticket,
            thread_because=because,
        )
    return open_ticket(mail, facts, plan, policy)


def file_report(mail: ParsedMail, facts: Facts, thread: Thread, plan: Plan, policy: Policy) -> Plan:
    """File a delivery report on the exact delivery that it is about; hold one that matches nothing of ours.

    One that an operator released opens a ticket: somebody wants to read it.
    """
    events = report_events(mail, facts)
    ticket = thread.ticket
    if ticket is None and not events and facts.released:
        return open_ticket(mail, facts, plan, policy)
    if ticket is None and not events:
        verdict = Verdict("bounce-unmatched", Effect.HOLD, "a delivery report about no mail of ours", "body")
        judgement = replace(plan.judgement, hold=True, verdicts=(*plan.judgement.verdicts, verdict))
        return replace(plan, disposition=Disposition.QUARANTINE, judgement=judgement)
    ticket_id = ticket.ticket_id if ticket else facts.stored.reported_deliveries[0][1]
    return replace(
        plan, disposition=Disposition.BOUNCE, entry_kind=EntryKind.DELIVERY, ticket_id=ticket_id, events=events
    )


def file_news(mail: ParsedMail, facts: Facts, plan: Plan, policy: Policy) -> Plan:
    """File what machines tell about no ticket of ours. People read complaints: one open ticket of the queue has all."""
    plan = replace(plan, disposition=WITHOUT_A_TICKET[plan.judgement.kind])
    if plan.disposition is not Disposition.COMPLAINT:
        return plan
    if facts.stored.abuse_ticket is None:
        return replace(open_ticket(mail, facts, plan, policy), disposition=plan.disposition, acknowledge=False)
    because = "complaints about no ticket of ours share one"
    return replace(plan, entry_kind=EntryKind.DELIVERY, ticket_id=facts.stored.abuse_ticket, thread_because=because)


def file_answer(thread: Thread, plan: Plan, answer: AgentWords | str) -> Plan:
    """Send an agent's answer on to the customer; keep what only claims to be one as an internal entry."""
    assert thread.ticket is not None
    plan = replace(plan, disposition=Disposition.APPEND, entry_kind=EntryKind.NOTE, ticket_id=thread.ticket.ticket_id)
    if isinstance(answer, str):
        return replace(plan, unverified=answer)
    return replace(plan, words=answer, entry_kind=EntryKind.NOTE if answer.internal else EntryKind.AGENT)


def continue_ticket(mail: ParsedMail, facts: Facts, thread: Thread, plan: Plan, policy: Policy) -> Plan:
    """Put a mail on its ticket. Only a person reopens it (I4), or a machine that a token of ours vouches for."""
    ticket, judgement = thread.ticket, plan.judgement
    assert ticket is not None
    disposition, entry = ON_A_TICKET[judgement.kind]
    closed_policy = policy.queues[facts.route.queue].closed
    if ticket.status is TicketStatus.CLOSED and entry is EntryKind.CUSTOMER and closed_policy == "new":
        return replace(open_ticket(mail, facts, plan, policy), linked=(ticket.ticket_id,), acknowledge=False)
    stays_closed = ticket.status is TicketStatus.CLOSED and closed_policy == "append"
    author = judgement.requester
    return replace(
        plan,
        disposition=disposition,
        entry_kind=entry,
        ticket_id=ticket.ticket_id,
        reopen=entry is EntryKind.CUSTOMER and judgement.may_reopen and not stays_closed,
        participants=() if thread.newcomer else others(mail, facts, author),
        newcomers=(author,) if thread.newcomer and author else (),
        suppress=complainants(mail, facts, judgement),
        alert=may_alert(judgement),
    )


def open_ticket(mail: ParsedMail, facts: Facts, plan: Plan, policy: Policy) -> Plan:
    """Open a ticket: subject is the title, body the description, the author the customer."""
    judgement = plan.judgement
    assignment = assign(mail, facts.route, judgement, policy.routing)
    priority = Priority.LOW if judgement.low_priority and not assignment.priority else assignment.priority
    return replace(
        plan,
        disposition=Disposition.TICKET,
        entry_kind=EntryKind.AUTO_REPLY if judgement.kind is Kind.AUTO_REPLY else EntryKind.CUSTOMER,
        new_ticket=NewTicket(
            queue=assignment.queue,
            subject=mail.subject,
            ticket_type=assignment.ticket_type,
            priority=priority or Priority.NORMAL,
            assignee=assignment.assignee,
            tags=(*assignment.tags, *judgement.tags),
        ),
        linked=facts.stored.siblings,
        participants=others(mail, facts, judgement.requester),
        acknowledge=may_acknowledge(judgement, policy.queues[assignment.queue].acknowledge),
        alert=may_alert(judgement),
    )


def may_acknowledge(judgement: Judgement, wanted: bool) -> bool:
    """Tell whether to ask for an acknowledgement. The bound (I2) may still refuse it."""
    return wanted and not judgement.silent and judgement.requester is not None


def may_alert(judgement: Judgement) -> bool:
    """Tell whether agents may be told by mail: of what people wrote (I3, I4), and of nothing like a loop.

    An own address in From is one, unless somebody else stands in Reply-To, as in the mail of many a web form.
    """
    loops = {"loop-suspected", "storm", "own-token-copied"} | (
        {"own-address"} if judgement.requester is None else set()
    )
    return judgement.kind is Kind.HUMAN and all(verdict.rule not in loops for verdict in judgement.verdicts)


def others(mail: ParsedMail, facts: Facts, author: Mailbox | None) -> tuple[Mailbox, ...]:
    """Return the people in To and Cc, once each, without the author and without addresses of ours."""
    known = facts.own_addresses | {normal(author.address) if author else ""}
    found = {normal(box.address): box for box in (*mail.to, *mail.cc) if is_valid(box.address)}
    return tuple(box for address, box in found.items() if address not in known)
