"""The one read of `process`: everything that the database knows about a mail before it is judged."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import bindparam, func, literal_column, select

from gateway.mail.address import canonical, identity, normal, organisation
from gateway.model import (
    Arrival,
    Claim,
    DeliveryId,
    DeskAgent,
    IntakeId,
    Mailbox,
    ParsedMail,
    ReportKind,
    Route,
    Stored,
    TicketId,
    TicketRef,
    TicketStatus,
    Token,
    TokenPurpose,
    Tokens,
)
from gateway.rules.judge import ABUSE
from gateway.store.context import Context
from gateway.store.statement import Row, Statement
from gateway.store.tables import customers, intakes, mail_keys, message_ids, participants, ticket_tags, tickets
from gateway.store.tables_out import automatic_counts, deliveries, suppressions, suspicions
from gateway.store.timeline import KEY_LENGTH
from gateway.store.times import microseconds, to_moment
from gateway.store.windows import hours
from gateway.threading import thread_keys

RECENT = microseconds(hours(0.5))
A_DAY = microseconds(hours(24))
MOST_ARRIVALS = 100
MOST_TICKETS = 64  # of those that one mail names or refers to
ALIVE = (TicketStatus.NEW, TicketStatus.OPEN, TicketStatus.WAITING)
MERGES = 8  # followed at most: a ring in the data ends

SAME_MAIL = Statement(
    select(mail_keys.c.queue, mail_keys.c.intake_id, intakes.c.ticket_id)
    .select_from(mail_keys.join(intakes, intakes.c.id == mail_keys.c.intake_id))
    .where(mail_keys.c.key == bindparam("key"))
)
DELIVERY = Statement(
    select(deliveries.c.id, deliveries.c.ticket_id, deliveries.c.recipient).where(
        deliveries.c.id == bindparam("delivery_id")
    )
)
DELIVERIES = Statement(
    select(deliveries.c.id, deliveries.c.ticket_id, deliveries.c.recipient)
    .where(deliveries.c.outgoing_id == bindparam("outgoing_id"), deliveries.c.ticket_id == bindparam("ticket_id"))
    .order_by(deliveries.c.id)
)
REFERENCED = Statement(
    select(message_ids.c.ticket_id, message_ids.c.ours, message_ids.c.automatic)
    .where(message_ids.c.message_id == bindparam("key"))
    .order_by(message_ids.c.ticket_id.desc())
    .limit(literal_column("8"))
)
TICKET = Statement(
    select(tickets.c.id, tickets.c.queue, tickets.c.status, tickets.c.subject, tickets.c.merged_into).where(
        tickets.c.id == bindparam("ticket_id")
    )
)
PARTICIPANTS = Statement(
    select(participants.c.canonical).where(
        participants.c.ticket_id == bindparam("ticket_id"), participants.c.role != literal_column("'newcomer'")
    )
)
SUPPRESSED = Statement(
    select(suppressions.c.canonical).where(
        suppressions.c.canonical == bindparam("folded"), suppressions.c.expires_at > bindparam("now")
    )
)
LAST_TO = Statement(
    select(func.max(automatic_counts.c.queued_at)).where(
        automatic_counts.c.scope == bindparam("scope"), automatic_counts.c.key == bindparam("folded")
    )
)
OPENED = Statement(
    select(tickets.c.id, tickets.c.queue)
    .select_from(tickets.join(customers, customers.c.id == tickets.c.requester_id))
    .where(customers.c.canonical == bindparam("folded"), tickets.c.created_at > bindparam("since"))
    .order_by(tickets.c.id.desc())
    .limit(literal_column("200"))
)
ARRIVALS = Statement(
    select(intakes.c.received_at, intakes.c.fingerprint, intakes.c.after_ours)
    .where(
        intakes.c.organisation == bindparam("organisation"),
        intakes.c.queue == bindparam("queue"),
        intakes.c.received_at > bindparam("since"),
        intakes.c.id != bindparam("intake_id"),
    )
    .order_by(intakes.c.received_at.desc())
    .limit(literal_column(str(MOST_ARRIVALS)))
)
ABUSE_TICKET = Statement(
    select(func.max(tickets.c.id))
    .select_from(ticket_tags.join(tickets, tickets.c.id == ticket_tags.c.ticket_id))
    .where(
        ticket_tags.c.tag == bindparam("tag"),
        tickets.c.queue == bindparam("queue"),
        tickets.c.status.in_([literal_column(f"'{status.value}'") for status in ALIVE]),
    )
)
SUSPECT = Statement(
    select(suspicions.c.suspect_until).where(
        suspicions.c.organisation == bindparam("organisation"),
        suspicions.c.queue == bindparam("queue"),
        suspicions.c.suspect_until > bindparam("now"),
    )
)


def gather(context: Context, claim: Claim, mail: ParsedMail, *, route: Route, tokens: Tokens, key: str) -> Stored:
    """Read everything that bears on one mail."""
    transaction, people = context.transaction, context.people()
    duplicate, duplicate_ticket, siblings = same_mail(transaction.rows(SAME_MAIL, key=key), claim)
    reported = reported_deliveries(context, tokens)
    named = [token.subject for token in all_tokens(tokens) if token.purpose is not TokenPurpose.BOUNCE]
    referenced, automatic = look_up(context, mail)
    author = author_of(mail, context)
    folded = canonical(author.address) if author else ""
    opened = transaction.rows(OPENED, folded=folded, since=context.now - RECENT) if folded else []
    # What we send to agents is counted in limits of their own.
    scope = "agent" if author and identity(author.address) in people.agents else "address"
    last = transaction.value(LAST_TO, scope=scope, folded=folded) if folded else None
    group = organisation_key(author)
    return Stored(
        duplicate_of=duplicate,
        duplicate_ticket=duplicate_ticket,
        siblings=siblings,
        tickets=read_tickets(context, [*named, *(ticket for _, ticket, _ in reported)]),
        referenced=read_tickets(context, referenced),
        refers_to_automatic=automatic,
        reported_deliveries=reported,
        blocklist=people.patterns,
        agents=people.agent_addresses,
        suppressed=bool(folded) and transaction.value(SUPPRESSED, folded=folded, now=context.now) is not None,
        seconds_since_ours=None if last is None else max(0, context.now - last) / 1e6,
        recent_tickets=len(opened),
        storm_ticket=next((TicketId(number) for number, queue in opened if queue == route.queue), None),
        abuse_ticket=abuse_ticket(context, mail, route.queue),
        arrivals=arrivals(context, group, route.queue, claim.intake_id) if group else (),
        suspect_until=suspect_until(context, group, route.queue) if group else None,
        author_agent=agent_in_from(context, mail),
    )


def same_mail(rows: list[Row], claim: Claim) -> tuple[IntakeId | None, TicketId | None, tuple[TicketId, ...]]:
    """Tell an earlier copy in this queue (I6) from the copies in others (I7)."""
    duplicate, ticket, siblings = None, None, []
    for queue, intake_id, ticket_id in rows:
        if queue == claim.queue:
            if intake_id != claim.intake_id:
                duplicate, ticket = IntakeId(intake_id), ticket_id
        elif ticket_id is not None:
            siblings.append(TicketId(ticket_id))
    return duplicate, ticket, tuple(siblings)


def all_tokens(tokens: Tokens) -> Iterable[Token]:
    single = (tokens.recipient, tokens.message, tokens.loop, tokens.body)
    return (*(token for token in single if token is not None), *tokens.references, *tokens.reported)


def reported_deliveries(context: Context, tokens: Tokens) -> tuple[tuple[DeliveryId, TicketId, str], ...]:
    """Return the deliveries that verified tokens name: of the bounce address, or of the mail that a report is about."""
    rows: list[Row] = []
    if tokens.recipient is not None and tokens.recipient.purpose is TokenPurpose.BOUNCE:
        rows += context.transaction.rows(DELIVERY, delivery_id=tokens.recipient.subject)
    for token in tokens.reported[:4]:
        rows += context.transaction.rows(DELIVERIES, outgoing_id=token.detail, ticket_id=token.subject)
    found = {row[0]: (DeliveryId(row[0]), TicketId(row[1]), str(row[2])) for row in rows if row[1] is not None}
    return tuple(found.values())


def look_up(context: Context, mail: ParsedMail) -> tuple[list[int], bool]:
    """Return the tickets that know what this mail refers to, nearest first, and whether any of it is automatic."""
    found: dict[int, None] = {}
    refers_to_automatic = False
    own = mail.message_id
    for key in thread_keys(mail):
        for ticket_id, ours, automatic in context.transaction.rows(REFERENCED, key=key[:KEY_LENGTH]):
            found.setdefault(ticket_id)
            refers_to_automatic = refers_to_automatic or bool(ours and automatic and key != own)
    return list(found), refers_to_automatic


def read_tickets(context: Context, numbers: Iterable[int]) -> tuple[TicketRef, ...]:
    """Return tickets in the order named, each followed by those that it was merged into."""
    refs: dict[int, TicketRef] = {}
    for number in list(dict.fromkeys(numbers))[:MOST_TICKETS]:
        wanted: int | None = number
        for _ in range(MERGES):
            if wanted is None or wanted in refs:
                break
            row = context.transaction.row(TICKET, ticket_id=wanted)
            if row is None:
                break
            ticket_id, queue, status, subject, merged_into = row
            people = frozenset(name for (name,) in context.transaction.rows(PARTICIPANTS, ticket_id=ticket_id))
            refs[ticket_id] = TicketRef(ticket_id, queue, TicketStatus(status), people, subject, merged_into)
            wanted = merged_into
    return tuple(refs.values())


def abuse_ticket(context: Context, mail: ParsedMail, queue: str) -> TicketId | None:
    """Return the open ticket that collects a queue's complaints. Asked for only where a mail may be one."""
    reports = mail.report is not None and mail.report.kind is ReportKind.FEEDBACK
    if not reports and not mail.values("x-apple-unsubscribe"):
        return None
    found = context.transaction.value(ABUSE_TICKET, tag=ABUSE, queue=queue)
    return None if found is None else TicketId(found)


def author_of(mail: ParsedMail, context: Context) -> Mailbox | None:
    """Return whose history to look at: From, or Reply-To where a forwarder put an address of ours into From."""
    for box in (mail.from_, *mail.reply_to[:1]):
        if box is not None and box.address and identity(box.address) not in context.standing.own:
            return box
    return mail.from_


def agent_in_from(context: Context, mail: ParsedMail) -> DeskAgent | None:
    """Return the agent whose very address stands in From; a spelling that only folds to it is somebody else's."""
    if mail.from_ is None or not context.people().desk:
        return None
    address = normal(mail.from_.address)
    return next((agent for agent in context.people().desk if agent.address == address), None)


def organisation_key(box: Mailbox | None) -> str:
    """Return what arrivals are grouped by: the organisation's domain, else the canonical address."""
    if box is None or not box.address:
        return ""
    return organisation(box.address) or canonical(box.address)


def arrivals(context: Context, group: str, queue: str, intake_id: int) -> tuple[Arrival, ...]:
    """Return the earlier mails of an organisation to a queue in the last day, oldest first."""
    rows = context.transaction.rows(
        ARRIVALS, organisation=group, queue=queue, since=context.now - A_DAY, intake_id=intake_id
    )
    return tuple(
        Arrival(to_moment(received_at), fingerprint or "", None if after is None else after / 1e6)
        for received_at, fingerprint, after in reversed(rows)
    )


def suspect_until(context: Context, group: str, queue: str) -> datetime | None:
    until = context.transaction.value(SUSPECT, organisation=group, queue=queue, now=context.now)
    return None if until is None else to_moment(until)
