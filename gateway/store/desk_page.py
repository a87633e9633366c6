"""Everything that a ticket's page shows, read in one snapshot; and the octets behind it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, func, literal_column, select

from gateway.desk.nouns import DraftRow, FileRow, LinkRow, Moment, Reach, Route, TicketLine, TicketPage, Why
from gateway.errors import NotFound
from gateway.mail.html import REMOTE
from gateway.model import DeliveryState, OutboxRow, ParticipantRow, Refusal
from gateway.store.context import Context
from gateway.store.desk_lists import lines_of
from gateway.store.intakes import verdicts_from_json
from gateway.store.listings import OUTBOX, PARTICIPANTS, as_delivery
from gateway.store.outgoing import BY_HAND
from gateway.store.reach import check, nothing, within
from gateway.store.statement import Row, Statement
from gateway.store.tables import attachments, entries, intakes, ticket_links, tickets
from gateway.store.tables_desk import draft_files, drafts, notices
from gateway.store.tables_out import agents, deliveries, outgoing_contents, outgoing_files, outgoings
from gateway.store.times import to_moment

PREVIEWED = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf"})
OTHERS = 20  # further tickets of the same customer

t, e, d = tickets.c, entries.c, deliveries.c
TICKET = Statement(select(t.queue, t.merged_into, t.requester_id).where(t.id == bindparam("ticket_id")))
ENTRIES = Statement(
    select(
        e.id, e.kind, e.author, e.created_at, e.text, e.quoted, e.html.is_not(None), e.html.like(f"%{REMOTE}=%"),
        e.intake_id, e.outgoing_id, e.detail, e.delivery_id,
    )
    .where(e.ticket_id == bindparam("ticket_id"))
    .order_by(e.created_at, e.id)
)  # fmt: skip
FILES = Statement(
    select(
        attachments.c.id, attachments.c.entry_id, attachments.c.filename, attachments.c.content_type,
        attachments.c.size, attachments.c.inline, attachments.c.content_id, attachments.c.dangerous,
        attachments.c.sniffed_type, attachments.c.part, attachments.c.intake_id,
    )
    .select_from(attachments.join(entries, e.id == attachments.c.entry_id))
    .where(e.ticket_id == bindparam("ticket_id"))
    .order_by(attachments.c.id)
)  # fmt: skip
o = outgoing_files.c
SENT_FILES = Statement(
    select(o.outgoing_id, o.position, o.filename, o.content_type, func.length(o.content), o.content_id)
    .select_from(outgoing_files.join(outgoings, outgoings.c.id == o.outgoing_id))
    .where(outgoings.c.ticket_id == bindparam("ticket_id"), BY_HAND)
    .order_by(o.outgoing_id, o.position)
)
DELIVERIES = Statement(OUTBOX.where(d.ticket_id == bindparam("ticket_id")).order_by(d.id))
LINKS = Statement(
    select(t.id, t.subject, t.status, t.queue, ticket_links.c.because)
    .select_from(ticket_links.join(tickets, t.id == ticket_links.c.other_id))
    .where(ticket_links.c.ticket_id == bindparam("ticket_id"))
    .order_by(t.id)
)
OTHER_TICKETS = Statement(
    select(t.id, t.queue)
    .where(t.requester_id == bindparam("requester"), t.id != bindparam("ticket_id"))
    .order_by(t.created_at.desc())
    .limit(literal_column("60"))
)
i = intakes.c
CAUSE = Statement(
    select(i.id, i.kind, i.because, i.verdicts, i.refusals)
    .where(i.ticket_id == bindparam("ticket_id"), i.disposition == literal_column("'ticket'"))
    .order_by(i.id)
    .limit(literal_column("1"))
)
ACKNOWLEDGED = Statement(
    select(func.count())
    .select_from(outgoings)
    .where(outgoings.c.ticket_id == bindparam("ticket_id"), outgoings.c.kind == literal_column("'acknowledgement'"))
)
f = draft_files.c
DRAFTS = Statement(
    select(
        drafts.c.ticket_id, drafts.c.kind, drafts.c.text, drafts.c.cc, drafts.c.saved_at, drafts.c.version,
    )
    .where(drafts.c.agent_id == bindparam("agent"), drafts.c.ticket_id == bindparam("ticket_id"))
    .order_by(drafts.c.kind)
)  # fmt: skip
DRAFT_FILES = Statement(
    select(f.position, f.filename, f.content_type, f.size)
    .where(f.agent_id == bindparam("agent"), f.ticket_id == bindparam("ticket_id"), f.kind == bindparam("sort"))
    .order_by(f.position)
)
DRAFTING = Statement(
    select(agents.c.name, agents.c.address)
    .select_from(drafts.join(agents, agents.c.id == drafts.c.agent_id))
    .where(
        drafts.c.ticket_id == bindparam("ticket_id"),
        drafts.c.agent_id != bindparam("agent"),
        drafts.c.kind == literal_column("'reply'"),
    )
    .order_by(agents.c.address)
)
TOLD = Statement(
    select(func.count())
    .select_from(notices)
    .where(
        notices.c.agent_id == bindparam("agent"),
        notices.c.ticket_id == bindparam("ticket_id"),
        notices.c.read_at.is_(None),
    )
)
HTML = Statement(select(e.html).where(e.id == bindparam("entry_id"), e.ticket_id == bindparam("ticket_id")))
SENT_FILE = Statement(
    select(o.filename, o.content_type, func.length(o.content), o.content_id, o.content)
    .select_from(outgoing_files.join(outgoings, outgoings.c.id == o.outgoing_id))
    .where(
        outgoings.c.ticket_id == bindparam("ticket_id"),
        o.outgoing_id == bindparam("outgoing"),
        o.position == bindparam("place"),
    )
)
BEHIND = Statement(
    select(e.intake_id, e.outgoing_id, i.raw_id)
    .select_from(entries.outerjoin(intakes, i.id == e.intake_id))
    .where(e.id == bindparam("entry_id"), e.ticket_id == bindparam("ticket_id"))
)
SIGNED = Statement(select(outgoing_contents.c.content).where(outgoing_contents.c.outgoing_id == bindparam("outgoing")))
RAW_ID = Statement(select(i.raw_id).where(i.id == bindparam("intake")))


def page(context: Context, reach: Reach, number: int) -> TicketPage:
    """Return a ticket with everything that its page shows."""
    transaction = context.transaction
    row = transaction.row(TICKET, ticket_id=number)
    if row is None or not within(reach, row[0]):
        raise nothing()
    _queue, merged_into, requester = row
    related: list[int] = []
    if requester is not None:
        rows = transaction.rows(OTHER_TICKETS, requester=requester, ticket_id=number)
        related = [other for other, queue in rows if within(reach, queue)][:OTHERS]
    lines = lines_of(context, reach.agent, [number, *related])
    return TicketPage(
        line=lines[number],
        merged_into=merged_into,
        participants=tuple(ParticipantRow(*item) for item in transaction.rows(PARTICIPANTS, ticket_id=number)),
        links=tuple(LinkRow(*item) for item in transaction.rows(LINKS, ticket_id=number) if within(reach, item[3])),
        moments=moments(context, number),
        others=tuple(sorted((lines[other] for other in related if other in lines), key=created, reverse=True)),
        why=why(context, number),
        route=Route((), (), "", ""),
        drafts=tuple(as_draft(context, reach.agent, item) for item in own_drafts(context, reach.agent, number)),
        others_drafting=tuple(
            name or address for name, address in transaction.rows(DRAFTING, ticket_id=number, agent=reach.agent)
        ),
        notices=int(transaction.value(TOLD, ticket_id=number, agent=reach.agent)),
    )


def created(line: TicketLine) -> Any:
    return line.created_at


def moments(context: Context, number: int) -> tuple[Moment, ...]:
    """Return the time-line with what belongs to each entry."""
    transaction = context.transaction
    files: dict[int, list[FileRow]] = defaultdict(list)
    for row in transaction.rows(FILES, ticket_id=number):
        files[row[1]].append(as_file(row))
    sent: dict[int, list[FileRow]] = defaultdict(list)
    for outgoing, position, name, kind, size, cid in transaction.rows(SENT_FILES, ticket_id=number):
        sent[outgoing].append(
            FileRow("sent", outgoing, position, name, kind, size, cid is not None, cid, False, kind in PREVIEWED)
        )
    by_outgoing: dict[int, list[OutboxRow]] = defaultdict(list)
    for row in transaction.rows(DELIVERIES, ticket_id=number):
        delivery = as_delivery(row)
        by_outgoing[delivery.outgoing].append(delivery)
    return tuple(
        as_moment(context, row, files[row[0]], sent, by_outgoing) for row in transaction.rows(ENTRIES, ticket_id=number)
    )


def as_moment(
    context: Context,
    row: Row,
    files: list[FileRow],
    sent: dict[int, list[FileRow]],
    by_outgoing: dict[int, list[OutboxRow]],
) -> Moment:
    """Return one entry."""
    number, kind, author, at, text, quoted, has_html, remote, intake, outgoing, detail, _delivery = row
    told = json.loads(detail) if detail else {}
    of_mail = kind in {"agent", "acknowledgement"} and outgoing is not None
    outbox = tuple(by_outgoing.get(outgoing, ())) if of_mail else ()
    waiting = [item for item in outbox if item.state == DeliveryState.QUEUED.value and item.attempts == 0]
    due = min((item.next_attempt_at for item in waiting if item.next_attempt_at), default=None)
    undo = kind == "agent" and due is not None and len(waiting) == sum(item.state != "refused" for item in outbox)
    taken_back = told.get("event") == "taken_back"
    return Moment(
        id=number,
        kind=kind,
        author=author,
        created_at=to_moment(at),
        text=text,
        whole=quoted,
        has_html=bool(has_html),
        remote_images=bool(remote),
        intake=intake,
        outgoing=outgoing,
        detail=told,
        files=(*files, *(sent.get(outgoing, ()) if kind == "agent" else ())),
        deliveries=outbox,
        undo_until=due if undo and due is not None and due > to_moment(context.now) else None,
        taken_back=taken_back,
    )


def as_file(row: Row) -> FileRow:
    """Return an attachment of a mail. It may be shown if its octets are what it claims to be."""
    number, _entry, name, kind, size, inline, cid, dangerous, sniffed, _part, _intake = row
    shown = kind in PREVIEWED and sniffed in {kind, ""} and not dangerous and (sniffed or kind == "application/pdf")
    return FileRow("mail", number, 0, name, kind, size, bool(inline), cid, bool(dangerous), bool(shown))


def why(context: Context, number: int) -> Why | None:
    """Return how the mail that opened a ticket was judged."""
    row = context.transaction.row(CAUSE, ticket_id=number)
    if row is None:
        return None
    intake, kind, because, verdicts, refusals = row
    return Why(
        intake,
        kind,
        because,
        verdicts_from_json(verdicts),
        tuple(Refusal(*item) for item in json.loads(refusals or "[]")),
        bool(context.transaction.value(ACKNOWLEDGED, ticket_id=number)),
    )


def own_drafts(context: Context, agent: int, number: int) -> Sequence[Row]:
    """Return an agent's drafts on a ticket."""
    return context.transaction.rows(DRAFTS, agent=agent, ticket_id=number)


def as_draft(context: Context, agent: int, row: Row) -> DraftRow:
    """Return a draft with the names of its files."""
    number, kind, text, cc, saved_at, version = row
    files = context.transaction.rows(DRAFT_FILES, agent=agent, ticket_id=number, sort=kind)
    shown = tuple(FileRow("draft", number, position, name, sort, size) for position, name, sort, size in files)
    return DraftRow(number, kind, text, cc, to_moment(saved_at), version, shown)


# --- octets ----------------------------------------------------------------------------------------------------


def entry_html(context: Context, reach: Reach, number: int, entry: int) -> tuple[str, list[FileRow]]:
    """Return the HTML of an entry, and its files. Raises NotFound where there is none."""
    check(context, reach, number)
    html = context.transaction.value(HTML, entry_id=entry, ticket_id=number)
    if html is None:
        raise nothing()
    rows = context.transaction.rows(FILES, ticket_id=number)
    return str(html), [as_file(row) for row in rows if row[1] == entry]


def find_file(
    context: Context, reach: Reach, number: int, source: str, *, ident: int, position: int
) -> tuple[FileRow, str, bytes | int]:
    """Return an attachment, the part where it stands, and its octets or the raw mail that has them."""
    check(context, reach, number)
    if source == "sent":
        row = context.transaction.row(SENT_FILE, ticket_id=number, outgoing=ident, place=position)
        if row is None:
            raise NotFound("there is no such attachment")
        name, kind, size, cid, content = row
        return (
            FileRow("sent", ident, position, name, kind, size, False, cid, False, kind in PREVIEWED),
            "",
            bytes(content),
        )
    rows = context.transaction.rows(FILES, ticket_id=number) if source == "mail" else []
    found = next((row for row in rows if row[0] == ident and position == 0), None)
    raw_id = context.transaction.value(RAW_ID, intake=found[-1]) if found and found[-1] is not None else None
    if found is None or raw_id is None:
        raise NotFound("there is no such attachment")
    return as_file(found), found[-2], int(raw_id)


def behind(context: Context, reach: Reach, number: int, entry: int) -> bytes | int:
    """Return the signed octets of what was sent, or the raw mail that came."""
    check(context, reach, number)
    row = context.transaction.row(BEHIND, entry_id=entry, ticket_id=number)
    if row is None:
        raise nothing()
    intake, outgoing, raw_id = row
    if intake is not None and raw_id is not None:
        return int(raw_id)
    content = None if outgoing is None else context.transaction.value(SIGNED, outgoing=outgoing)
    if content is None:
        raise NotFound("there is no mail behind this entry yet")
    return bytes(content)
