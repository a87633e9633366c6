"""What agents keep: drafts with files, views, canned answers, notices; and answers under idempotency keys."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import timedelta

from sqlalchemy import bindparam, func, literal_column, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from gateway.desk.nouns import Canned, DraftRow, FileRow, Filter, Notice, Reach, Upload, View
from gateway.errors import Conflict, NotFound, NotSendable
from gateway.store.context import Context
from gateway.store.desk_page import DRAFTS, as_draft
from gateway.store.reach import check, within
from gateway.store.statement import Statement, insert
from gateway.store.tables import tickets
from gateway.store.tables_desk import canned_answers, draft_files, drafts, idempotency_keys, notices, views
from gateway.store.times import microseconds, to_moment

MOST_FILES = 20
MOST_OCTETS = 25 << 20
KEPT_ANSWERS, UNDER_WAY = timedelta(days=1), timedelta(minutes=2)

w, f = drafts.c, draft_files.c
OWN = (w.agent_id == bindparam("agent")) & (w.ticket_id == bindparam("ticket")) & (w.kind == bindparam("sort"))
OWN_FILES = (f.agent_id == bindparam("agent")) & (f.ticket_id == bindparam("ticket")) & (f.kind == bindparam("sort"))
ALL_DRAFTS = Statement(
    select(w.ticket_id, w.kind, w.text, w.cc, w.saved_at, w.version)
    .where(w.agent_id == bindparam("agent"))
    .order_by(w.saved_at.desc())
    .limit(literal_column("200"))
)
DRAFT_VERSION = Statement(select(w.version).where(OWN).with_for_update())
SAVE_DRAFT = Statement(
    upsert(drafts)
    .values(
        agent_id=bindparam("agent"),
        ticket_id=bindparam("ticket"),
        kind=bindparam("sort"),
        text=bindparam("words"),
        cc=bindparam("copies"),
        saved_at=bindparam("now"),
        version=bindparam("number"),
    )
    .on_conflict_do_update(
        index_elements=["agent_id", "ticket_id", "kind"],
        set_={
            "text": bindparam("words"),
            "cc": bindparam("copies"),
            "saved_at": bindparam("now"),
            "version": bindparam("number"),
        },
    )
)
DROP_DRAFT = Statement(drafts.delete().where(OWN))
DROP_FILES = Statement(draft_files.delete().where(OWN_FILES))
DROP_FILE = Statement(draft_files.delete().where(OWN_FILES, f.position == bindparam("place")))
MEASURE = Statement(
    select(func.count(), func.coalesce(func.sum(f.size), literal_column("0")), func.max(f.position)).where(OWN_FILES)
)
PUT_FILE = insert(
    draft_files, "agent_id", "ticket_id", "kind", "position", "filename", "content_type", "size", "content"
)
READ_FILES = Statement(select(f.filename, f.content_type, f.content).where(OWN_FILES).order_by(f.position))


# --- drafts ----------------------------------------------------------------------------------------------------


def list_drafts(context: Context, agent: int) -> list[DraftRow]:
    """Return an agent's drafts."""
    return [as_draft(context, agent, row) for row in context.transaction.rows(ALL_DRAFTS, agent=agent)]


def save_draft(
    context: Context, reach: Reach, number: int, kind: str, *, text: str, cc: str, version: int | None
) -> DraftRow:
    """Keep a draft on a ticket in reach."""
    check(context, reach, number)
    return keep_draft(context, reach.agent, number, kind, text=text, cc=cc, version=version)


def keep_draft(
    context: Context, agent: int, number: int, kind: str, *, text: str, cc: str, version: int | None
) -> DraftRow:
    """Keep a draft. Raises Conflict if it has another version than the caller knows."""
    present = context.transaction.value(DRAFT_VERSION, agent=agent, ticket=number, sort=kind) or 0
    if version is not None and version != present:
        raise Conflict("this draft was saved in another window")
    context.transaction.run(
        SAVE_DRAFT, agent=agent, ticket=number, sort=kind, words=text, copies=cc, now=context.now, number=present + 1
    )
    row = next(row for row in context.transaction.rows(DRAFTS, agent=agent, ticket_id=number) if row[1] == kind)
    return as_draft(context, agent, row)


def discard_draft(context: Context, agent: int, number: int, kind: str) -> bool:
    """Throw a draft away with its files."""
    context.transaction.run(DROP_FILES, agent=agent, ticket=number, sort=kind)
    return context.transaction.run(DROP_DRAFT, agent=agent, ticket=number, sort=kind) > 0


def attach(context: Context, reach: Reach, number: int, kind: str, file: Upload) -> FileRow:
    """Attach a file to a draft, which is made if there is none."""
    check(context, reach, number)
    if context.transaction.value(DRAFT_VERSION, agent=reach.agent, ticket=number, sort=kind) is None:
        keep_draft(context, reach.agent, number, kind, text="", cc="", version=None)
    return put_file(
        context,
        reach.agent,
        number,
        kind,
        filename=file.filename,
        content_type=file.content_type,
        content=file.content,
    )


def put_file(
    context: Context, agent: int, number: int, kind: str, *, filename: str, content_type: str, content: bytes
) -> FileRow:
    """Put a file beside a draft, if there is room."""
    row = context.transaction.row(MEASURE, agent=agent, ticket=number, sort=kind)
    count, octets, last = row or (0, 0, None)
    if count >= MOST_FILES or octets + len(content) > MOST_OCTETS:
        raise NotSendable(f"at most {MOST_FILES} files and {MOST_OCTETS >> 20} MiB fit into one mail")
    position = 0 if last is None else last + 1
    context.transaction.run(
        PUT_FILE,
        agent_id=agent,
        ticket_id=number,
        kind=kind,
        position=position,
        filename=filename,
        content_type=content_type,
        size=len(content),
        content=content,
    )
    return FileRow("draft", number, position, filename, content_type, len(content))


def detach(context: Context, agent: int, number: int, kind: str, position: int) -> bool:
    """Take a file off a draft."""
    return context.transaction.run(DROP_FILE, agent=agent, ticket=number, sort=kind, place=position) > 0


def files_of(context: Context, agent: int, number: int, kind: str) -> list[Upload]:
    """Return the files of a draft with their octets."""
    rows = context.transaction.rows(READ_FILES, agent=agent, ticket=number, sort=kind)
    return [Upload(name, sort, bytes(content)) for name, sort, content in rows]


# --- views -----------------------------------------------------------------------------------------------------

v = views.c
VIEWS = Statement(
    select(v.id, v.name, v.filter, v.shared, v.agent_id)
    .where(or_(v.agent_id == bindparam("agent"), v.shared.is_(True)))
    .order_by(v.name, v.id)
)
ADD_VIEW = insert(views, "agent_id", "name", "filter", "shared", returning="id")
SET_VIEW = Statement(
    update(views)
    .where(v.id == bindparam("which"), v.agent_id == bindparam("agent"))
    .values(name=bindparam("title"), filter=bindparam("words"), shared=bindparam("everybodys"))
)
DROP_VIEW = Statement(views.delete().where(v.id == bindparam("which"), v.agent_id == bindparam("agent")))


def list_views(context: Context, agent: int) -> list[View]:
    """Return an agent's views and the shared ones."""
    return [
        View(number, name, filter_of(words), bool(shared), owner == agent)
        for number, name, words, shared, owner in context.transaction.rows(VIEWS, agent=agent)
    ]


def filter_of(words: str) -> Filter:
    """Read a filter; keys of other versions are left out."""
    kept = json.loads(words)
    known = {name: kept[name] for name in Filter.__dataclass_fields__ if name in kept}
    return Filter(**{**known, "statuses": tuple(known.get("statuses", ()))})


def save_view(context: Context, agent: int, view: View) -> View:
    """Keep a view."""
    words = json.dumps(asdict(view.filter), ensure_ascii=False)
    if not view.id:
        number = context.transaction.value(ADD_VIEW, agent_id=agent, name=view.name, filter=words, shared=view.shared)
        return View(int(number), view.name, view.filter, view.shared, mine=True)
    if not context.transaction.run(
        SET_VIEW, which=view.id, agent=agent, title=view.name, words=words, everybodys=view.shared
    ):
        raise NotFound("there is no such view")
    return View(view.id, view.name, view.filter, view.shared, mine=True)


def remove_view(context: Context, agent: int, view: int) -> bool:
    """Remove an agent's own view."""
    return context.transaction.run(DROP_VIEW, which=view, agent=agent) > 0


# --- canned answers --------------------------------------------------------------------------------------------

c = canned_answers.c
CANNED = Statement(select(c.id, c.name, c.text, c.queue, c.shortcut).order_by(c.name, c.id))
ADD_CANNED = insert(canned_answers, "name", "text", "queue", "shortcut", returning="id")
SET_CANNED = Statement(
    update(canned_answers)
    .where(c.id == bindparam("which"))
    .values(name=bindparam("title"), text=bindparam("words"), queue=bindparam("place"), shortcut=bindparam("short"))
)
DROP_CANNED = Statement(canned_answers.delete().where(c.id == bindparam("which")))


def list_canned(context: Context, reach: Reach) -> list[Canned]:
    """Return the canned answers for every queue, and for those in reach."""
    found = [Canned(*row) for row in context.transaction.rows(CANNED)]
    return [item for item in found if item.queue is None or within(reach, item.queue)]


def may_keep(context: Context, reach: Reach, canned: int) -> None:
    """Raise NotFound unless a canned answer may be changed by whoever has this reach."""
    kept = next((item for item in list_canned(context, reach) if item.id == canned), None)
    if kept is None or (kept.queue is None and reach.queues is not None):
        raise NotFound("there is no such answer")


def save_canned(context: Context, reach: Reach, canned: Canned) -> Canned:
    """Keep a canned answer of a queue in reach."""
    if canned.queue is not None and not within(reach, canned.queue):
        raise NotFound("there is no such answer")
    if not canned.id:
        number = context.transaction.value(
            ADD_CANNED, name=canned.name, text=canned.text, queue=canned.queue, shortcut=canned.shortcut
        )
        return Canned(int(number), canned.name, canned.text, canned.queue, canned.shortcut)
    may_keep(context, reach, canned.id)
    context.transaction.run(
        SET_CANNED,
        which=canned.id,
        title=canned.name,
        words=canned.text,
        place=canned.queue,
        short=canned.shortcut,
    )
    return canned


def remove_canned(context: Context, reach: Reach, canned: int) -> bool:
    """Remove a canned answer."""
    may_keep(context, reach, canned)
    return context.transaction.run(DROP_CANNED, which=canned) > 0


# --- notices ---------------------------------------------------------------------------------------------------

n = notices.c
NOTICES = Statement(
    select(n.id, n.ticket_id, tickets.c.subject, n.entry_id, n.why, n.by, n.created_at, n.read_at)
    .select_from(notices.join(tickets, tickets.c.id == n.ticket_id))
    .where(n.agent_id == bindparam("agent"), n.id < bindparam("before"))
    .order_by(n.id.desc())
    .limit(bindparam("limit"))
)
READ = Statement(
    update(notices)
    .where(n.agent_id == bindparam("agent"), n.id <= bindparam("upto"), n.read_at.is_(None))
    .values(read_at=bindparam("now"))
)


def list_notices(context: Context, agent: int, limit: int, before: int | None) -> list[Notice]:
    """Return an agent's notices."""
    rows = context.transaction.rows(NOTICES, agent=agent, limit=limit, before=before or 2**62)
    return [
        Notice(number, ticket, subject, entry, why, by, to_moment(at), read is not None)
        for number, ticket, subject, entry, why, by, at, read in rows
    ]


def read_notices(context: Context, agent: int, upto: int) -> int:
    """Mark notices as read."""
    return context.transaction.run(READ, agent=agent, upto=upto, now=context.now)


# --- idempotency keys ------------------------------------------------------------------------------------------

k = idempotency_keys.c
THIS_KEY = (k.agent_id == bindparam("agent")) & (k.key == bindparam("word"))
CLAIM = insert(idempotency_keys, "agent_id", "key", "digest", "created_at", ignore=True, returning="key")
KEPT = Statement(select(k.digest, k.status, k.body).where(THIS_KEY))
FINISH = Statement(update(idempotency_keys).where(THIS_KEY).values(status=bindparam("code"), body=bindparam("answer")))
LET_GO = Statement(idempotency_keys.delete().where(THIS_KEY))
EXPIRE = Statement(
    idempotency_keys.delete().where(
        or_(k.created_at < bindparam("old"), (k.status == literal_column("0")) & (k.created_at < bindparam("stuck")))
    )
)


def begin_once(context: Context, agent: int, key: str, digest: str) -> tuple[int, str] | None:
    """Claim a key, or return the answer that was kept under it."""
    context.transaction.run(
        EXPIRE, old=context.now - microseconds(KEPT_ANSWERS), stuck=context.now - microseconds(UNDER_WAY)
    )
    if context.transaction.value(CLAIM, agent_id=agent, key=key, digest=digest, created_at=context.now) is not None:
        return None
    row = context.transaction.row(KEPT, agent=agent, word=key)
    if row is None or row[1] == 0:
        raise Conflict("the first request with this key is still under way")
    if row[0] != digest:
        raise NotSendable("this idempotency key belongs to another request")
    return row[1], row[2]


def finish_once(context: Context, agent: int, key: str, status: int, body: str) -> None:
    """Keep the answer under a key, or let go of the key."""
    if status:
        context.transaction.run(FINISH, agent=agent, word=key, code=status, answer=body)
    else:
        context.transaction.run(LET_GO, agent=agent, word=key)
