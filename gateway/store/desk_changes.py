"""Changes of tickets by agents: one transaction each, with its entry, fenced by the ticket's version."""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, literal_column, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from gateway.desk.nouns import Agent, Changes, Reach
from gateway.errors import Conflict, NotSendable
from gateway.model import EntryKind
from gateway.store import news
from gateway.store.context import Context
from gateway.store.reach import QUEUE_OF, nothing, within
from gateway.store.statement import Statement, insert
from gateway.store.tables import entries, ticket_links, ticket_tags, tickets
from gateway.store.tables_desk import agent_queues, notices, read_marks
from gateway.store.tables_out import agents
from gateway.store.timeline import add_entry, touch
from gateway.store.times import to_moment, to_number

FIELDS = ("status", "assignee", "priority", "type", "queue", "subject", "due_at")
NOTHING = {"assignee": "nobody", "type": "none", "due_at": "none"}

t = tickets.c
TICKET = Statement(
    select(t.version, t.merged_into, *(t[name] for name in FIELDS))
    .where(t.id == bindparam("ticket_id"))
    .with_for_update(key_share=True)
)
CHANGE = Statement(
    update(tickets)
    .where(t.id == bindparam("ticket_id"))
    .values(
        **{name: bindparam(f"new_{name}") for name in FIELDS},
        updated_at=bindparam("now"),
        version=t.version + literal_column("1"),
    )
)
# Agents who may see a queue: only they can be given its tickets.
ASSIGNABLE = Statement(
    select(agents.c.id).where(
        agents.c.address == bindparam("address"),
        agents.c.disabled_at.is_(None),
        or_(
            agents.c.restricted.is_(False),
            agents.c.role == literal_column("'admin'"),
            select(agent_queues.c.queue)
            .where(agent_queues.c.agent_id == agents.c.id, agent_queues.c.queue == bindparam("queue"))
            .exists(),
        ),
    )
)
MAY_SEE = Statement(select(agents.c.address).where(agents.c.id == bindparam("agent"), agents.c.disabled_at.is_(None)))
ADD_TAG = insert(ticket_tags, "ticket_id", "tag", ignore=True, returning="tag")
REMOVE_TAG = Statement(
    ticket_tags.delete().where(ticket_tags.c.ticket_id == bindparam("ticket"), ticket_tags.c.tag == bindparam("word"))
)
NOTIFY = insert(notices, "agent_id", "ticket_id", "entry_id", "why", "by", "created_at")
ADD_LINK = insert(ticket_links, "ticket_id", "other_id", "because", ignore=True)
REMOVE_LINK = Statement(
    ticket_links.delete().where(
        ticket_links.c.ticket_id == bindparam("ticket"), ticket_links.c.other_id == bindparam("other")
    )
)
LAST_ENTRY = Statement(
    select(entries.c.id).where(entries.c.ticket_id == bindparam("ticket_id")).order_by(entries.c.id.desc()).limit(1)
)
MARK = Statement(
    upsert(read_marks)
    .values(agent_id=bindparam("agent"), ticket_id=bindparam("ticket"), entry_id=bindparam("upto"))
    .on_conflict_do_update(index_elements=["agent_id", "ticket_id"], set_={"entry_id": bindparam("upto")})
)
READ_NOTICES = Statement(
    update(notices)
    .where(
        notices.c.agent_id == bindparam("agent"),
        notices.c.ticket_id == bindparam("ticket"),
        notices.c.read_at.is_(None),
    )
    .values(read_at=bindparam("now"))
)


def lock(context: Context, reach: Reach, number: int, version: int | None = None) -> dict[str, Any]:
    """Return a ticket as it is, locked. Raises NotFound out of reach, Conflict if it has another version."""
    row = context.transaction.row(TICKET, ticket_id=number)
    if row is None or not within(reach, row[2 + FIELDS.index("queue")]):
        raise nothing()
    if version is not None and version != row[0]:
        raise Conflict(f"ticket {number} was changed by somebody else")
    news.ticket_changes(context, number)
    return {"version": row[0], "merged_into": row[1], **dict(zip(FIELDS, row[2:], strict=True))}


def change(context: Context, reach: Reach, number: int, by: Agent, *, changes: Changes, version: int | None) -> int:
    """Change what differs, with one entry for each; return the version afterwards."""
    present = lock(context, reach, number, version)
    if present["merged_into"] is not None:
        raise Conflict(f"ticket {number} was merged into {present['merged_into']}")
    new = {name: present[name] for name in FIELDS}
    for name in ("status", "assignee", "priority", "type", "queue", "subject"):
        if (value := getattr(changes, name)) is not None:
            new[name] = value or None
    if changes.due_at is not None or changes.no_due:
        new["due_at"] = None if changes.no_due or changes.due_at is None else to_number(changes.due_at)
    assignee = None
    if new["assignee"] and (new["assignee"] != present["assignee"] or changes.assignee):
        assignee = context.transaction.value(ASSIGNABLE, address=new["assignee"], queue=new["queue"])
        if assignee is None:
            raise NotSendable(f"{new['assignee']} has no account that may see the queue {new['queue']}")
    tags = change_tags(context, number, changes)
    changed = [name for name in FIELDS if new[name] != present[name]]
    if not changed and not tags:
        return int(present["version"])
    context.transaction.run(
        CHANGE, ticket_id=number, now=context.now, **{f"new_{name}": value for name, value in new.items()}
    )
    for name in changed:
        say_change(context, number, by, name, before=present[name], after=new[name])
    for word, added in tags:
        detail = {"event": "tag", "tag": word, "added": added}
        text = f"tag {'+' if added else '-'}{word}"
        add_entry(context, number, EntryKind.STATE, by.shown, text, detail=detail)
    if assignee is not None and "assignee" in changed:
        notify(context, assignee, number, "assigned", by)
    return int(present["version"]) + 1


def change_tags(context: Context, number: int, changes: Changes) -> list[tuple[str, bool]]:
    """Add and remove tags; return those that were not so before."""
    done = [
        (word, True)
        for word in changes.add_tags
        if context.transaction.value(ADD_TAG, ticket_id=number, tag=word) is not None
    ]
    return done + [
        (word, False) for word in changes.remove_tags if context.transaction.run(REMOVE_TAG, ticket=number, word=word)
    ]


def say_change(context: Context, number: int, by: Agent, name: str, *, before: Any, after: Any) -> int:
    """Write the entry of one change."""
    old, new = shown(name, before), shown(name, after)
    word = "due" if name == "due_at" else name
    detail = (
        {"event": word, "from": before, "to": after} if name != "due_at" else {"event": word, "from": old, "to": new}
    )
    return add_entry(
        context,
        number,
        EntryKind.STATE,
        by.shown,
        f"{word}: {old} → {new}",
        detail=detail,
        subject=new if name == "subject" else "",
    )


def shown(name: str, value: Any) -> str:
    """Return a value as an entry shows it."""
    if value is None:
        return NOTHING.get(name, "none")
    return to_moment(value).isoformat(timespec="minutes") if name == "due_at" else str(value)


def notify(context: Context, agent: int, number: int, why: str, by: Agent, *, entry: int | None = None) -> None:
    """Tell an agent; nobody is told of what they did themselves."""
    if agent != by.id:
        context.transaction.run(
            NOTIFY, agent_id=agent, ticket_id=number, entry_id=entry, why=why, by=by.shown, created_at=context.now
        )


def note(context: Context, reach: Reach, number: int, by: Agent, *, text: str, mentioned: tuple[int, ...]) -> int:
    """Write a note, tell those mentioned who may see the ticket, and throw the draft away."""
    present = lock(context, reach, number)
    entry = add_entry(context, number, EntryKind.NOTE, by.shown, text)
    touch(context, number)
    for agent in mentioned:
        address = context.transaction.value(MAY_SEE, agent=agent)
        if address and context.transaction.value(ASSIGNABLE, address=address, queue=present["queue"]) is not None:
            notify(context, agent, number, "mentioned", by, entry=entry)
    mark_one(context, reach.agent, number, entry)
    return entry


def link(context: Context, reach: Reach, number: int, other: int, by: Agent, *, linked: bool) -> None:
    """Link two tickets that are both in reach, or end that."""
    for one in sorted((number, other)):
        lock(context, reach, one)
    pairs = ((number, other), (other, number))
    if linked:
        for one, two in pairs:
            context.transaction.run(ADD_LINK, ticket_id=one, other_id=two, because=f"linked by {by.shown}")
    elif not sum(context.transaction.run(REMOVE_LINK, ticket=one, other=two) for one, two in pairs):
        return
    for one, two in pairs:
        word = "linked to" if linked else "no longer linked to"
        detail = {"event": "linked" if linked else "unlinked", "other": two}
        add_entry(context, one, EntryKind.STATE, by.shown, f"{word} #{two}", detail=detail)
        touch(context, one)


def mark(context: Context, reach: Reach, numbers: tuple[int, ...], *, read: bool) -> None:
    """Note what an agent has read; what is out of reach is left alone."""
    for number in numbers:
        row = context.transaction.row(QUEUE_OF, ticket_id=number)
        if row is not None and within(reach, row[0]):
            last = context.transaction.value(LAST_ENTRY, ticket_id=number) if read else 0
            mark_one(context, reach.agent, number, last or 0)


def mark_one(context: Context, agent: int, number: int, entry: int) -> None:
    """Note that an agent has read a ticket up to an entry, and with it what they were told of it.

    The house itself (agent 0) reads nothing.
    """
    if agent:
        context.transaction.run(MARK, agent=agent, ticket=number, upto=entry)
    if agent and entry:
        context.transaction.run(READ_NOTICES, agent=agent, ticket=number, now=context.now)
