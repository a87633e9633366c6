"""Whom a reply put on its ticket, and how they leave again when it is taken back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import bindparam, literal_column, select, update

from gateway.mail.address import canonical, identity
from gateway.store.context import Context
from gateway.store.drafts import from_json
from gateway.store.statement import Statement
from gateway.store.tables import entries, intakes, participants
from gateway.store.tables_out import deliveries, outgoings

p, e, d, o = participants.c, entries.c, deliveries.c, outgoings.c
PEOPLE = Statement(select(p.canonical, p.role, p.added_at, p.address).where(p.ticket_id == bindparam("ticket")))
REPLIES = Statement(
    select(e.id, e.detail)
    .where(e.ticket_id == bindparam("ticket"), e.kind == literal_column("'agent'"), e.detail.is_not(None))
    .order_by(e.id)
)
SINCE = Statement(
    select(e.kind, e.detail, intakes.c.author)
    .select_from(entries.outerjoin(intakes, intakes.c.id == e.intake_id))
    .where(
        e.ticket_id == bindparam("ticket"),
        e.id > bindparam("entry"),
        e.kind.in_([literal_column(f"'{kind}'") for kind in ("customer", "auto_reply", "state")]),
    )
)
WRITTEN_TO = Statement(
    select(o.draft)
    .select_from(deliveries.join(outgoings, o.id == d.outgoing_id))
    .where(
        d.ticket_id == bindparam("ticket"),
        d.canonical == bindparam("folded"),
        d.state.not_in([literal_column("'refused'"), literal_column("'cancelled'")]),
        o.kind == literal_column("'reply'"),
        o.draft.is_not(None),
    )
)
ONE = (
    (p.ticket_id == bindparam("ticket"))
    & (p.canonical == bindparam("person"))
    & (p.added_at == bindparam("since"))
    & (p.role == literal_column("'participant'"))
)
REMOVE = Statement(participants.delete().where(ONE))
DEMOTE = Statement(update(participants).where(ONE).values(role="newcomer"))


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody on a ticket. `since` tells one row from another of the same person."""

    role: str
    since: int
    address: str


def people_of(context: Context, number: int) -> dict[str, Guest]:
    """Return who is on a ticket, by identity."""
    return {row[0]: Guest(*row[1:]) for row in context.transaction.rows(PEOPLE, ticket=number)}


def brought(before: Mapping[str, Guest], after: Mapping[str, Guest]) -> dict[str, tuple[str, int]]:
    """Return who became a participant: the role until then, "" for nobody yet, and since when they are there."""
    roles = {person: before[person].role if person in before else "" for person in after}
    return {
        person: (roles[person], guest.since)
        for person, guest in after.items()
        if guest.role == "participant" and roles[person] != guest.role
    }


def let_go(context: Context, number: int) -> None:
    """Give those whom only replies that were taken back made participants the place that they had before (I5).

    All of them are looked at: a second reply, taken back later, may have been the last that held somebody.
    """
    present = people_of(context, number)
    for person, (role, since, entry) in owed(context, number).items():
        guest = present.get(person)
        if guest is None or (guest.role, guest.since) != ("participant", since):
            continue  # gone, or put there anew by something else
        if written_to(context, number, person, guest.address):
            continue
        wrote, may_stay = meanwhile(context, number, entry, person, since)
        if may_stay:
            continue
        # Who wrote meanwhile is on the ticket by that mail, as every stranger is: only shown.
        undo = DEMOTE if role == "newcomer" or wrote else REMOVE
        context.transaction.run(undo, ticket=number, person=person, since=since)


def owed(context: Context, number: int) -> dict[str, tuple[str, int, int]]:
    """Return whom replies that were taken back brought: the role before, since when, and the last such entry."""
    found: dict[str, tuple[str, int, int]] = {}
    for entry, detail in context.transaction.rows(REPLIES, ticket=number):
        told = json.loads(detail)
        if told.get("event") == "taken_back":
            found |= {person: (role, since, entry) for person, (role, since) in told.get("brought", {}).items()}
    return found


def written_to(context: Context, number: int, person: str, address: str) -> bool:
    """Tell whether a reply that stands names them in To or Cc. A blind copy makes nobody a participant."""
    drafts = (
        from_json(text)
        for (text,) in context.transaction.rows(WRITTEN_TO, ticket=number, folded=canonical(address))  # indexed
    )
    return any(identity(box.address) == person for draft in drafts for box in (*draft.to, *draft.cc))


def meanwhile(context: Context, number: int, entry: int, person: str, since: int) -> tuple[bool, bool]:
    """Tell whether somebody wrote since an entry, and whether something else since may have put them there.

    To and Cc of a mail are not kept, so that anybody else's may have named them. A ticket merged into this one still
    has its people: it counts if they took part there, unless the reply itself came from there.
    """
    wrote = may_stay = False
    for kind, detail, author in context.transaction.rows(SINCE, ticket=number, entry=entry):
        if kind == "state":
            told = json.loads(detail) if detail else {}
            there = people_of(context, told.get("from", 0)).get(person) if told.get("event") == "merged" else None
            may_stay |= there is not None and there.role != "newcomer" and there.since != since
        elif author and identity(author) == person:
            wrote = True
        else:
            may_stay = True
    return wrote, may_stay
