"""The time-line of a ticket: one function writes entries, whatever caused them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import bindparam, literal_column, select, update

from gateway.mail.address import canonical, identity, normal, organisation
from gateway.model import EntryKind, Mailbox
from gateway.store import news, search
from gateway.store.context import Context
from gateway.store.statement import Statement, insert
from gateway.store.tables import customers, entries, message_ids, participants, tickets

INSERT_ENTRY = insert(
    entries,
    "ticket_id",
    "kind",
    "author",
    "created_at",
    "intake_id",
    "outgoing_id",
    "delivery_id",
    "detail",
    "text",
    "quoted",
    "html",
    returning="id",
)
TOUCH = Statement(
    update(tickets)
    .where(tickets.c.id == bindparam("ticket_id"))
    .values(updated_at=bindparam("now"), version=tickets.c.version + literal_column("1"))
)
SET_STATUS = Statement(
    update(tickets)
    .where(tickets.c.id == bindparam("ticket_id"))
    .values(status=bindparam("word"), updated_at=bindparam("now"), version=tickets.c.version + literal_column("1"))
)
INSERT_PARTICIPANT = insert(participants, "ticket_id", "canonical", "address", "name", "role", "added_at", ignore=True)
PROMOTE = Statement(
    update(participants)
    .where(
        participants.c.ticket_id == bindparam("ticket"),
        participants.c.canonical == bindparam("folded"),
        participants.c.role == literal_column("'newcomer'"),
    )
    .values(role="participant")
)
FIND_CUSTOMER = Statement(select(customers.c.id, customers.c.name).where(customers.c.address == bindparam("address")))
INSERT_CUSTOMER = insert(
    customers, "address", "canonical", "name", "created_at", "organisation", ignore=True, returning="id"
)
NAME_CUSTOMER = Statement(
    update(customers).where(customers.c.id == bindparam("customer_id")).values(name=bindparam("known_as"))
)
INSERT_MESSAGE_ID = insert(message_ids, "message_id", "ticket_id", "ours", "automatic", "added_at", ignore=True)
KEY_LENGTH = 500  # characters of a thread key that count


def add_entry(
    context: Context,
    ticket_id: int,
    kind: EntryKind,
    author: str,
    text: str,
    *,
    intake_id: int | None = None,
    outgoing_id: int | None = None,
    delivery_id: int | None = None,
    detail: dict[str, Any] | None = None,
    quoted: str | None = None,
    html: str | None = None,
    subject: str = "",
    files: Iterable[str] = (),
    words: str | None = None,
) -> int:
    """Write one entry, with `subject` and the names of `files` in the index only. It does not touch the ticket.

    `words` are those of `text` for the index, where they are known already.
    """
    entry_id = int(
        context.transaction.value(
            INSERT_ENTRY,
            ticket_id=ticket_id,
            kind=kind.value,
            author=author,
            created_at=context.now,
            intake_id=intake_id,
            outgoing_id=outgoing_id,
            delivery_id=delivery_id,
            detail=json.dumps(detail, ensure_ascii=False) if detail else None,
            text=text,
            quoted=quoted,
            html=html,
        )
    )
    if kind in search.SAID or subject:
        search.remember(context.transaction, entry_id, (subject, author, *files), text, words)
    news.entry_written(context, ticket_id, entry_id, kind, author)
    return entry_id


def touch(context: Context, ticket_id: int) -> None:
    """Note that a ticket changed."""
    context.transaction.run(TOUCH, ticket_id=ticket_id, now=context.now)


def find_or_add_customer(context: Context, box: Mailbox) -> int:
    """Return the customer with this address, new or known; a name that was missing is learnt."""
    address = normal(box.address)
    row = context.transaction.row(FIND_CUSTOMER, address=address)
    if row is None:
        found = context.transaction.value(
            INSERT_CUSTOMER,
            address=address,
            canonical=canonical(address),
            name=box.name,
            created_at=context.now,
            organisation=organisation(address),
        )
        if found is not None:
            return int(found)
        row = context.transaction.row(FIND_CUSTOMER, address=address)  # another node was quicker
        assert row is not None
    customer_id, name = row
    if box.name and not name:
        context.transaction.run(NAME_CUSTOMER, customer_id=customer_id, known_as=box.name)
    return int(customer_id)


def add_participants(context: Context, ticket_id: int, boxes: tuple[Mailbox, ...], role: str) -> None:
    """Put people on a ticket. A newcomer is only shown (I5); who is there already keeps the role."""
    rows = [
        {
            "ticket_id": ticket_id,
            "canonical": identity(box.address),
            "address": normal(box.address),
            "name": box.name,
            "role": role,
            "added_at": context.now,
        }
        for box in boxes
    ]
    # Own addresses are never participants, or the desk would write to itself.
    own, agents = context.standing.own, context.people().agents if rows else frozenset()
    context.transaction.run_many(
        INSERT_PARTICIPANT, [row for row in rows if row["canonical"] not in own and row["canonical"] not in agents]
    )


def promote(context: Context, ticket_id: int, addresses: tuple[str, ...]) -> None:
    """Make participants of newcomers: an agent chose to write to them."""
    context.transaction.run_many(PROMOTE, [{"ticket": ticket_id, "folded": identity(address)} for address in addresses])


def remember_ids(
    context: Context, ticket_id: int, keys: tuple[str, ...], *, ours: bool = False, automatic: bool = False
) -> None:
    """Remember the Message-IDs and other keys under which answers find this ticket."""
    context.transaction.run_many(
        INSERT_MESSAGE_ID,
        [
            {
                "message_id": key[:KEY_LENGTH],
                "ticket_id": ticket_id,
                "ours": ours,
                "automatic": automatic,
                "added_at": context.now,
            }
            for key in keys
            if key
        ],
    )


def written_by(box: Mailbox | None) -> str:
    """Return how an author is shown."""
    return box.shown if box else ""
