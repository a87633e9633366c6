"""Replies of agents: queued with time to take them back, and taken back."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import bindparam, func, literal_column, select, update

from gateway.desk.nouns import Agent, Queued, Reach
from gateway.errors import Conflict, NotFound
from gateway.model import DeliveryState, Draft, EntryKind, OutgoingId, TicketId, TicketStatus
from gateway.store import news
from gateway.store.context import Context
from gateway.store.desk_changes import lock, mark_one, say_change
from gateway.store.desk_guests import brought, let_go, people_of
from gateway.store.desk_shelf import discard_draft, keep_draft, put_file
from gateway.store.drafts import from_json
from gateway.store.outgoing import BY_HAND
from gateway.store.replies import queue_reply
from gateway.store.statement import Statement
from gateway.store.tables import entries, tickets
from gateway.store.tables_out import deliveries, outgoing_files, outgoings
from gateway.store.timeline import SET_STATUS, add_entry, touch
from gateway.store.times import microseconds, to_moment

e, d = entries.c, deliveries.c
ENTRY = Statement(
    select(e.id, e.text, e.detail, e.author).where(
        e.ticket_id == bindparam("ticket_id"),
        e.outgoing_id == bindparam("outgoing"),
        e.kind == literal_column("'agent'"),
    )
)
SET_DETAIL = Statement(update(entries).where(e.id == bindparam("entry")).values(detail=bindparam("told")))
VERSION = Statement(select(tickets.c.version).where(tickets.c.id == bindparam("ticket_id")))
# What was handed out once, or is in somebody's hands, is not taken back. Taken in the statement that asks.
CANCEL = Statement(
    update(deliveries)
    .where(
        d.outgoing_id == bindparam("outgoing"),
        d.state == literal_column("'queued'"),
        d.attempts == literal_column("0"),
        d.lease_until.is_(None),
    )
    .values(state=DeliveryState.CANCELLED.value, due_at=None, finished_at=bindparam("now"), answer="taken back")
)
LIVE = Statement(
    select(func.count())
    .select_from(deliveries)
    .where(
        d.outgoing_id == bindparam("outgoing"),
        d.state.not_in([literal_column("'refused'"), literal_column("'cancelled'")]),
    )
)
DRAFT = Statement(select(outgoings.c.draft).where(outgoings.c.id == bindparam("outgoing")))
FILES = Statement(
    select(outgoing_files.c.filename, outgoing_files.c.content_type, outgoing_files.c.content)
    .where(outgoing_files.c.outgoing_id == bindparam("outgoing"), BY_HAND)
    .order_by(outgoing_files.c.position)
)


def queue_answer(
    context: Context,
    reach: Reach,
    number: int,
    by: Agent,
    *,
    text: str,
    make_draft: Callable[[OutgoingId], Draft],
    delay: timedelta,
    status: str,
    version: int | None,
) -> Queued:
    """Queue a reply to be sent after `delay`, set the ticket's status, and throw the draft away."""
    before = lock(context, reach, number, version)["status"]
    people = people_of(context, number)
    outgoing, entry = queue_reply(context, TicketId(number), make_draft, by.shown, delay=delay, words=text)
    joined = brought(people, people_of(context, number))
    told = {"event": "reply", "before": before, "after": status, "brought": joined}
    context.transaction.run(SET_DETAIL, entry=entry, told=json.dumps(told))
    if status != TicketStatus.WAITING.value:
        context.transaction.run(SET_STATUS, ticket_id=number, word=status, now=context.now)
    if status != before and TicketStatus.SOLVED.value in {status, before}:
        say_change(context, number, by, "status", before=before, after=status)
    discard_draft(context, reach.agent, number, "reply")
    mark_one(context, reach.agent, number, entry)
    current = context.transaction.value(VERSION, ticket_id=number)
    return Queued(int(outgoing), entry, to_moment(context.now + microseconds(delay)), int(current))


def take_back(context: Context, reach: Reach, number: int, outgoing: int, by: Agent) -> str:
    """Cancel a reply as long as none of it was handed out; its words and files are a draft again.

    The ticket gets its status back, unless somebody has given it another one meanwhile; and whom only this reply made
    participants, are none any more.
    """
    present = lock(context, reach, number)["status"]
    row = context.transaction.row(ENTRY, ticket_id=number, outgoing=outgoing)
    if row is None:
        raise NotFound("there is no such reply")
    entry, text, detail, author = row
    told = json.loads(detail) if detail else {}
    if author != by.shown:
        raise Conflict("only its author can take a reply back")
    if told.get("event") == "taken_back":
        raise Conflict("this reply was taken back already")
    cancelled = context.transaction.run(CANCEL, outgoing=outgoing, now=context.now)
    if not cancelled or context.transaction.value(LIVE, outgoing=outgoing):
        raise Conflict("it is too late: the reply is on its way")  # the savepoint undoes what was cancelled
    news.outgoing_cancelled(context, outgoing)
    context.transaction.run(SET_DETAIL, entry=entry, told=json.dumps({**told, "event": "taken_back"}))
    let_go(context, number)
    taken = add_entry(
        context, number, EntryKind.STATE, by.shown, "reply taken back", detail={"event": "took_back", "entry": entry}
    )
    before = told.get("before", TicketStatus.OPEN.value)
    if present == told.get("after", present) and present != before:
        context.transaction.run(SET_STATUS, ticket_id=number, word=before, now=context.now)
        if TicketStatus.SOLVED.value in {present, before}:
            taken = say_change(context, number, by, "status", before=present, after=before)
    mark_one(context, reach.agent, number, taken)
    draft = context.transaction.value(DRAFT, outgoing=outgoing)
    copies = ", ".join(box.address for box in from_json(draft).cc) if draft else ""
    keep_draft(context, reach.agent, number, "reply", text=text, cc=copies, version=None)
    for name, kind, content in context.transaction.rows(FILES, outgoing=outgoing):
        put_file(context, reach.agent, number, "reply", filename=name, content_type=kind, content=bytes(content))
    touch(context, number)
    return str(text)
