"""Mail that a customer's or an agent's mail causes besides the acknowledgement: alerts to agents, agents' answers.

Both are written from what the open transaction knows of the ticket. Notes are never read here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import bindparam, exists, func, literal_column, or_, select

from gateway.errors import NotFound, NotSendable
from gateway.mail.address import identity
from gateway.mail.parse import SUBSTITUTE_DOMAIN
from gateway.mail.quoting import by_participants
from gateway.model import (
    AlertWish,
    AutomaticMail,
    Conversation,
    DeliveryState,
    DeskAgent,
    EntryKind,
    Mailbox,
    OutgoingId,
    OutgoingKind,
    Refusal,
    Said,
    TicketId,
)
from gateway.ports import Correspondence
from gateway.store.bound import queue_automatic
from gateway.store.case import Case
from gateway.store.context import Context
from gateway.store.digests import WAITS, is_waiting, note_missed
from gateway.store.replies import queue_reply
from gateway.store.statement import Statement
from gateway.store.tables import entries, intakes, participants, tickets
from gateway.store.tables_out import deliveries, outgoings
from gateway.store.timeline import add_entry
from gateway.store.times import microseconds, to_moment
from gateway.store.windows import hours

MOST_SAID = 10
UNSENT = (DeliveryState.CANCELLED.value, DeliveryState.REFUSED.value)
ANSWERS_BY_MAIL = 12  # of one agent on one ticket in an hour: people write less, and no loop of robots writes more

TICKET = Statement(
    select(tickets.c.queue, tickets.c.subject, tickets.c.assignee).where(tickets.c.id == bindparam("ticket_id"))
)
PEOPLE = Statement(
    select(participants.c.address, participants.c.name, participants.c.role)
    .where(participants.c.ticket_id == bindparam("ticket_id"))
    .order_by(participants.c.added_at, participants.c.canonical)
)
# Only these two kinds are ever quoted; a note is not among them, whatever it holds. What was cancelled, or taken back,
# before it went to anybody stays unsaid.
SAID = Statement(
    select(entries.c.author, entries.c.created_at, entries.c.text)
    .where(
        entries.c.ticket_id == bindparam("ticket_id"),
        entries.c.kind.in_([literal_column("'customer'"), literal_column("'agent'")]),
        or_(
            entries.c.outgoing_id.is_(None),
            exists().where(
                deliveries.c.outgoing_id == entries.c.outgoing_id,
                deliveries.c.state.not_in([literal_column(f"'{state}'") for state in UNSENT]),
            ),
        ),
    )
    .order_by(entries.c.id.desc())
    .limit(literal_column(str(MOST_SAID)))
)
LAST_MAILS = Statement(
    select(entries.c.author, intakes.c.message_id)
    .select_from(entries.join(intakes, intakes.c.id == entries.c.intake_id))
    .where(entries.c.ticket_id == bindparam("ticket_id"), entries.c.kind == literal_column("'customer'"))
    .order_by(entries.c.id.desc())
    .limit(literal_column(str(MOST_SAID)))
)
BY_MAIL = Statement(
    select(func.count())
    .select_from(outgoings)
    .where(
        outgoings.c.ticket_id == bindparam("ticket_id"),
        outgoings.c.kind == literal_column("'reply'"),
        outgoings.c.cause_id.is_not(None),
        outgoings.c.author == bindparam("who"),
        outgoings.c.created_at > bindparam("since"),
    )
)


@dataclass(frozen=True, slots=True)
class Mailed:
    """A mail that came, and who wrote it."""

    author: str
    message_id: str | None


def read_conversation(context: Context, ticket_id: TicketId) -> tuple[Conversation, str | None]:
    """Return a ticket as letters about it need to know it, and its assignee."""
    transaction = context.transaction
    row = transaction.row(TICKET, ticket_id=ticket_id)
    if row is None:
        raise NotFound(f"there is no ticket {ticket_id}")
    queue, subject, assignee = row
    people = [(role, Mailbox(name, address)) for address, name, role in transaction.rows(PEOPLE, ticket_id=ticket_id)]
    newcomers = [box.address for role, box in people if role == "newcomer"]
    mails = by_participants((Mailed(*row) for row in transaction.rows(LAST_MAILS, ticket_id=ticket_id)), newcomers)
    last = mails[0].message_id or "" if mails else ""
    return Conversation(
        ticket_id,
        queue,
        subject,
        requester=next((box for role, box in people if role == "requester"), None),
        others=tuple(box for role, box in people if role == "participant"),
        answers="" if last.endswith(f"@{SUBSTITUTE_DOMAIN}") else last,
        said=by_participants(
            (Said(author, to_moment(at), text) for author, at, text in transaction.rows(SAID, ticket_id=ticket_id)),
            newcomers,
        ),
    ), assignee


# --- to agents ------------------------------------------------------------------------------------------------


def alert_agents(
    case: Case, ticket_id: TicketId, letters: Correspondence
) -> tuple[tuple[OutgoingId, ...], tuple[Refusal, ...]]:
    """Tell the agents who want to know of a customer's mail, inside the bound. What is refused is shown."""
    context = case.context
    wishing = [agent for agent in context.people().desk if agent.alerts is not AlertWish.OFF]
    if not wishing:
        return (), ()
    about, assignee = read_conversation(context, ticket_id)
    author = identity(case.author.address) if case.author else ""
    sent: list[OutgoingId] = []
    refused: list[Refusal] = []
    for agent in wishing:
        if not wants(agent, about.queue, assignee) or identity(agent.address) == author:
            continue
        result = alert_one(case, about, agent, letters)
        if isinstance(result, Refusal):
            refused.append(result)
        else:
            sent.append(result)
    return tuple(sent), tuple(refused)


def wants(agent: DeskAgent, queue: str, assignee: str | None) -> bool:
    """Tell whether an agent wants to hear of a ticket, and may."""
    mine = assignee is not None and identity(assignee) == identity(agent.address)
    return agent.sees(queue) and (mine or agent.alerts is AlertWish.ALL)


def alert_one(case: Case, about: Conversation, agent: DeskAgent, letters: Correspondence) -> OutgoingId | Refusal:
    """Ask the one function for automatic mail; a refusal names the agent."""
    mail = AutomaticMail(
        OutgoingKind.ALERT, about.queue, agent.address, about.ticket_id, case.claim.intake_id, case.plan.fingerprint
    )
    if is_waiting(case.context, agent):
        result: OutgoingId | Refusal = WAITS
    else:
        result = queue_automatic(case.context, mail, lambda outgoing: letters.alert(about, agent, outgoing))
    if not isinstance(result, Refusal):
        return result
    if result.rule in {"bound-agent", WAITS.rule}:
        note_missed(case.context, agent, about.ticket_id)
    refusal = replace(result, because=f"no alert to {agent.address}: {result.because}")
    # One alert for several mails in a row is how it is meant to be; everything else is news on the ticket.
    if refusal.rule != "bound-agent-ticket":
        detail = {"event": "refused", "rule": refusal.rule, "recipient": agent.address}
        text = refusal.because[0].upper() + refusal.because[1:]
        add_entry(case.context, about.ticket_id, EntryKind.DELIVERY, refusal.rule, text, detail=detail)
    return refusal


# --- from agents ----------------------------------------------------------------------------------------------


def send_on(case: Case, ticket_id: TicketId, letters: Correspondence) -> tuple[OutgoingId, int] | str:
    """Queue an agent's answer for the customer, and return it and its entry, or why it was not."""
    words, context = case.plan.words, case.context
    assert words is not None
    since = context.now - microseconds(hours(1))
    if context.transaction.value(BY_MAIL, ticket_id=ticket_id, who=words.agent.shown, since=since) >= ANSWERS_BY_MAIL:
        return f"{ANSWERS_BY_MAIL} answers by mail in an hour already"
    conversation, _ = read_conversation(context, ticket_id)
    mark = context.transaction.savepoint("answer")
    try:
        result: tuple[OutgoingId, int] | str = queue_reply(
            context,
            ticket_id,
            lambda outgoing: letters.reply(conversation, outgoing),
            words.agent.shown,
            words=words.text,
            intake_id=case.claim.intake_id,
        )
    except NotSendable as error:
        context.transaction.roll_back("answer", mark)
        result = str(error)
    context.transaction.release("answer")
    return result


def file_internally(case: Case, ticket_id: TicketId, because: str) -> int:
    """Keep a mail on the ticket as an internal entry: an agent's note, or what only claims to be an agent's."""
    plan, mail = case.plan, case.mail
    author = case.mail.from_
    name = plan.words.agent.shown if plan.words else author.shown if author else "nobody"
    text = plan.words.text if plan.words else mail.reply_text or mail.text
    detail = {"event": "unverified" if because and plan.words is None else "by_mail", "because": because}
    shown = f"Not sent to the customer: {because}.\n\n{text}" if because else text
    return add_entry(
        case.context,
        ticket_id,
        EntryKind.NOTE,
        name if plan.words else f"{name} (unverified)",
        shown,
        intake_id=case.claim.intake_id,
        detail=detail,
        files=(file.filename for file in mail.attachments),
    )
