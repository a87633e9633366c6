"""Merging and splitting: entries move with mails, deliveries and keys, so that answers find where they are now."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, select, update

from gateway.desk.nouns import Agent, Reach
from gateway.errors import Conflict, NotSendable
from gateway.model import EntryKind, Mailbox, TicketStatus
from gateway.store import news
from gateway.store.context import Context
from gateway.store.desk_changes import ADD_LINK, lock
from gateway.store.filing import INSERT_TAG, INSERT_TICKET
from gateway.store.statement import Statement
from gateway.store.tables import entries, intakes, message_ids, participants, ticket_tags, tickets
from gateway.store.tables_out import deliveries, outgoings
from gateway.store.timeline import (
    INSERT_MESSAGE_ID,
    INSERT_PARTICIPANT,
    add_entry,
    add_participants,
    find_or_add_customer,
    touch,
)

MOVABLE = frozenset({"customer", "agent", "note", "auto_reply"})

t, e, m, p = tickets.c, entries.c, message_ids.c, participants.c
MOVE_ALL = tuple(
    Statement(update(table).where(table.c.ticket_id == bindparam("old")).values(ticket_id=bindparam("new")))
    for table in (entries, deliveries, outgoings)
)
KEYS = Statement(select(m.message_id, m.ours, m.automatic, m.added_at).where(m.ticket_id == bindparam("old")))
DROP_KEYS = Statement(message_ids.delete().where(m.ticket_id == bindparam("old")))
PEOPLE = Statement(select(p.canonical, p.address, p.name, p.role, p.added_at).where(p.ticket_id == bindparam("old")))
TAGS = Statement(select(ticket_tags.c.tag).where(ticket_tags.c.ticket_id == bindparam("old")))
MERGED = Statement(
    update(tickets)
    .where(t.id == bindparam("ticket_id"))
    .values(
        status=TicketStatus.MERGED.value,
        merged_into=bindparam("into"),
        updated_at=bindparam("now"),
        version=t.version + 1,
    )
)
CHOSEN = Statement(
    select(e.kind, e.intake_id, e.outgoing_id, intakes.c.author, intakes.c.message_id)
    .select_from(entries.outerjoin(intakes, intakes.c.id == e.intake_id))
    .where(e.id == bindparam("entry_id"), e.ticket_id == bindparam("ticket_id"))
)
MOVE_ENTRY = Statement(update(entries).where(e.id == bindparam("entry")).values(ticket_id=bindparam("new")))
MOVE_KEY = Statement(
    update(message_ids)
    .where(m.message_id == bindparam("key"), m.ticket_id == bindparam("old"))
    .values(ticket_id=bindparam("new"))
)
OWN_ID = Statement(select(outgoings.c.message_id).where(outgoings.c.id == bindparam("outgoing")))
MOVE_OUTGOING = (
    Statement(update(outgoings).where(outgoings.c.id == bindparam("outgoing")).values(ticket_id=bindparam("new"))),
    Statement(
        update(deliveries).where(deliveries.c.outgoing_id == bindparam("outgoing")).values(ticket_id=bindparam("new"))
    ),
)
REQUESTER = Statement(
    select(t.requester_id, t.queue, t.type, t.priority, t.assignee).where(t.id == bindparam("ticket_id"))
)


def merge(context: Context, reach: Reach, number: int, into: int, by: Agent, *, version: int | None) -> None:
    """Move everything of a ticket to another one; the first stays as a sign to the second."""
    found = {one: lock(context, reach, one, version if one == number else None) for one in sorted((number, into))}
    for one in (number, into):
        if found[one]["merged_into"] is not None:
            raise Conflict(f"ticket {one} was merged into {found[one]['merged_into']}")
    transaction = context.transaction
    for statement in MOVE_ALL:
        transaction.run(statement, old=number, new=into)
    keys = transaction.rows(KEYS, old=number)
    transaction.run(DROP_KEYS, old=number)
    transaction.run_many(
        INSERT_MESSAGE_ID,
        [
            {"message_id": key, "ticket_id": into, "ours": ours, "automatic": automatic, "added_at": at}
            for key, ours, automatic, at in keys
        ],
    )
    transaction.run_many(
        INSERT_PARTICIPANT,
        [
            {
                "ticket_id": into,
                "canonical": canonical,
                "address": address,
                "name": name,
                "role": "participant" if role == "requester" else role,
                "added_at": at,
            }
            for canonical, address, name, role, at in transaction.rows(PEOPLE, old=number)
        ],
    )
    tags = [tag for (tag,) in transaction.rows(TAGS, old=number)]
    transaction.run_many(INSERT_TAG, [{"ticket_id": into, "tag": tag} for tag in tags])
    transaction.run(MERGED, ticket_id=number, into=into, now=context.now)
    told = f"merged into #{into}", f"#{number} was merged into this ticket: {found[number]['subject']}"
    add_entry(context, number, EntryKind.STATE, by.shown, told[0], detail={"event": "merged", "into": into})
    add_entry(context, into, EntryKind.STATE, by.shown, told[1], detail={"event": "merged", "from": number})
    touch(context, into)


def split(context: Context, reach: Reach, number: int, chosen: Sequence[int], subject: str, *, by: Agent) -> int:
    """Move entries to a new ticket, which is linked to the old one."""
    present = lock(context, reach, number)
    rows = {entry: context.transaction.row(CHOSEN, entry_id=entry, ticket_id=number) for entry in chosen}
    if any(row is None or row[0] not in MOVABLE for row in rows.values()):
        raise NotSendable("only messages and notes of this ticket can be moved")
    new = open_beside(context, number, present["queue"], subject, author_of(rows))
    for entry, row in rows.items():
        assert row is not None
        _kind, _intake, outgoing, _author, message_id = row
        context.transaction.run(MOVE_ENTRY, entry=entry, new=new)
        if outgoing is not None:
            message_id = context.transaction.value(OWN_ID, outgoing=outgoing)
            for statement in MOVE_OUTGOING:
                context.transaction.run(statement, outgoing=outgoing, new=new)
        if message_id:
            context.transaction.run(MOVE_KEY, key=message_id, old=number, new=new)
    for one, other, word in ((number, new, "moved to"), (new, number, "moved from")):
        context.transaction.run(ADD_LINK, ticket_id=one, other_id=other, because=f"split by {by.shown}")
        detail = {"event": "split", "other": other, "entries": list(chosen)}
        text = f"{len(chosen)} messages {word} #{other}"
        add_entry(context, one, EntryKind.STATE, by.shown, text, detail=detail)
    touch(context, number)
    return new


def author_of(rows: dict[int, tuple[object, ...] | None]) -> str:
    """Return who wrote the first customer's mail among these, or nobody."""
    return next((str(row[3]) for _, row in sorted(rows.items()) if row and row[0] == "customer" and row[3]), "")


def open_beside(context: Context, number: int, queue: str, subject: str, author: str) -> int:
    """Open a ticket in the same queue, for whoever wrote what is moved, else for the same requester."""
    row = context.transaction.row(REQUESTER, ticket_id=number)
    assert row is not None
    requester, _queue, kind, priority, assignee = row
    if "@" in author:
        requester = find_or_add_customer(context, Mailbox("", author))
    new = int(
        context.transaction.value(
            INSERT_TICKET,
            queue=queue,
            type=kind,
            subject=subject,
            status=TicketStatus.OPEN.value,
            priority=priority,
            assignee=assignee,
            requester_id=requester,
            created_at=context.now,
            updated_at=context.now,
        )
    )
    news.ticket_opened(context, new)
    if "@" in author:
        add_participants(context, new, (Mailbox("", author),), "requester")
    else:
        context.transaction.run_many(
            INSERT_PARTICIPANT,
            [
                {"ticket_id": new, "canonical": one, "address": address, "name": name, "role": role, "added_at": at}
                for one, address, name, role, at in context.transaction.rows(PEOPLE, old=number)
            ],
        )
    return new
