"""Put a mail where it belongs: open the ticket, write the entry, let the ticket feel it."""

from __future__ import annotations

from sqlalchemy import bindparam, func, literal_column, select

from gateway.model import (
    EntryKind,
    Mailbox,
    NewTicket,
    Plan,
    TicketId,
    TicketStatus,
)
from gateway.store import news
from gateway.store.case import Case
from gateway.store.context import Context
from gateway.store.reports import report
from gateway.store.statement import Statement, insert
from gateway.store.tables import attachments, entries, ticket_links, ticket_tags, tickets
from gateway.store.timeline import (
    SET_STATUS,
    add_entry,
    add_participants,
    find_or_add_customer,
    remember_ids,
    touch,
    written_by,
)
from gateway.store.times import microseconds
from gateway.store.windows import hours
from gateway.threading import stored_keys

REOPENINGS = ((hours(1), 3), (hours(24), 10))  # of one ticket; what comes beyond is appended all the same
CLOSED = frozenset({TicketStatus.SOLVED.value, TicketStatus.CLOSED.value})

INSERT_TICKET = insert(
    tickets,
    "queue",
    "type",
    "subject",
    "status",
    "priority",
    "assignee",
    "requester_id",
    "created_at",
    "updated_at",
    returning="id",
)
INSERT_TAG = insert(ticket_tags, "ticket_id", "tag", ignore=True)
INSERT_LINK = insert(ticket_links, "ticket_id", "other_id", "because", ignore=True)
INSERT_ATTACHMENT = insert(
    attachments,
    "entry_id",
    "intake_id",
    "filename",
    "content_type",
    "size",
    "sha256",
    "content_id",
    "inline",
    "from_tnef",
    "part",
    "sniffed_type",
    "dangerous",
)
STATUS = Statement(
    select(tickets.c.status).where(tickets.c.id == bindparam("ticket_id")).with_for_update(key_share=True)
)
REOPENED = Statement(
    select(func.count())
    .select_from(entries)
    .where(
        entries.c.ticket_id == bindparam("ticket_id"),
        entries.c.kind == literal_column("'state'"),
        entries.c.author == literal_column("'reopened'"),
        entries.c.created_at > bindparam("since"),
    )
)


def open_ticket(case: Case, new: NewTicket) -> TicketId:
    """Open a ticket with its customer, participants, tags and links."""
    requester = requester_of(case.plan)
    ticket_id = TicketId(
        case.context.transaction.value(
            INSERT_TICKET,
            queue=new.queue,
            type=new.ticket_type,
            subject=new.subject,
            status=TicketStatus.NEW.value,
            priority=new.priority.value,
            assignee=new.assignee,
            requester_id=find_or_add_customer(case.context, requester) if requester else None,
            created_at=case.context.now,
            updated_at=case.context.now,
        )
    )
    news.ticket_opened(case.context, ticket_id)
    if requester is not None:
        add_participants(case.context, ticket_id, (requester,), "requester")
    case.context.transaction.run_many(
        INSERT_TAG, [{"ticket_id": ticket_id, "tag": tag} for tag in dict.fromkeys(new.tags)]
    )
    for other in case.plan.linked:
        for pair in ((ticket_id, other), (other, ticket_id)):
            case.context.transaction.run(
                INSERT_LINK, ticket_id=pair[0], other_id=pair[1], because=case.plan.thread_because
            )
    return ticket_id


def requester_of(plan: Plan) -> Mailbox | None:
    """Return the customer of a new ticket: whom we may answer, else who wrote."""
    box = plan.judgement.requester or plan.judgement.author
    return box if box is not None and "@" in box.address else None


def add_mail(case: Case, ticket_id: TicketId) -> int:
    """Put the mail on the time-line with its attachments, people and ids; a report as one event per delivery."""
    assert case.plan.entry_kind is not None
    if case.plan.events:
        entry_id = min(report(case, event, ticket_id) for event in case.plan.events)
    else:
        author = case.author
        entry_id = add_entry(
            case.context,
            ticket_id,
            case.plan.entry_kind,
            written_by(author),
            case.mail.reply_text or case.mail.text,
            intake_id=case.claim.intake_id,
            quoted=case.mail.whole_text,
            html=case.mail.html,
            subject=case.mail.subject,
            files=(file.filename for file in case.mail.attachments),
            words=case.mail.words,
        )
    keep_files(case, entry_id)
    add_participants(case.context, ticket_id, case.plan.participants, "participant")
    add_participants(case.context, ticket_id, case.plan.newcomers, "newcomer")
    remember_ids(case.context, ticket_id, stored_keys(case.mail))
    return entry_id


def keep_files(case: Case, entry_id: int) -> None:
    """Note the attachments of a mail under its entry."""
    case.context.transaction.run_many(
        INSERT_ATTACHMENT,
        [
            {
                "entry_id": entry_id,
                "intake_id": case.claim.intake_id,
                "filename": file.filename,
                "content_type": file.content_type,
                "size": file.size,
                "sha256": file.sha256,
                "content_id": file.content_id,
                "inline": file.inline,
                "from_tnef": file.from_tnef,
                "part": file.part,
                "sniffed_type": file.sniffed_type,
                "dangerous": file.dangerous,
            }
            for file in case.mail.attachments
        ],
    )


def wake(case: Case, ticket_id: TicketId) -> None:
    """Let a ticket feel new mail: only a person's answer changes its state (I4), and not without end."""
    if not case.plan.reopen:
        if case.plan.entry_kind is EntryKind.CUSTOMER:
            touch(case.context, ticket_id)
        return
    news.ticket_changes(case.context, ticket_id)
    status = case.context.transaction.value(STATUS, ticket_id=ticket_id)
    if status == TicketStatus.WAITING.value:
        case.context.transaction.run(
            SET_STATUS, ticket_id=ticket_id, word=TicketStatus.OPEN.value, now=case.context.now
        )
    elif status in CLOSED and may_reopen(case.context, ticket_id):
        case.context.transaction.run(
            SET_STATUS, ticket_id=ticket_id, word=TicketStatus.OPEN.value, now=case.context.now
        )
        detail = {"event": "status", "from": status, "to": TicketStatus.OPEN.value}
        add_entry(
            case.context, ticket_id, EntryKind.STATE, "reopened", f"{status} → open: an answer came", detail=detail
        )
    else:
        touch(case.context, ticket_id)


def may_reopen(context: Context, ticket_id: TicketId) -> bool:
    """Tell whether a ticket may be reopened once more: reopening is part of a loop, too."""
    return all(
        context.transaction.value(REOPENED, ticket_id=ticket_id, since=context.now - microseconds(length)) < most
        for length, most in REOPENINGS
    )
