"""The schema of what comes in: raw mail, intakes, tickets. `tables_out` has what goes out.

Numbers that people and signed tokens refer to are never used again (`sqlite_autoincrement`; PostgreSQL never does).
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text, text

from gateway.store.columns import EMPTY, NO, ZERO, Number, Time, metadata, needed, number, refers, where_known

# --- mail as it came ------------------------------------------------------------------------------------------

raws = Table(
    "raws",
    metadata,
    number(),
    needed("sha256"),
    needed("size", BigInteger),
    needed("stored_at", Time),
    Column("location", Text),  # of a file or object; NULL: here
    Column("content", LargeBinary),  # NULL: in raw_chunks, or elsewhere
)

# Large mails in pieces: no piece is ever copied together with the others.
raw_chunks = Table(
    "raw_chunks",
    metadata,
    Column("raw_id", Number, ForeignKey("raws.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

intakes = Table(
    "intakes",
    metadata,
    number(),
    refers("raw_id", "raws.id"),
    needed("queue"),
    needed("mail_from"),
    needed("rcpt_to"),
    needed("received_at", Time),
    needed("source"),
    Column("source_ref", Text),  # the one copy that was fetched from a direct inbox
    needed("session"),
    needed("peer"),
    needed("state"),  # IntakeState
    needed("attempts", Integer, ZERO),
    Column("retry_at", Time),
    Column("lease_until", Time),
    needed("lease_token", BigInteger, ZERO),
    needed("released", Boolean, NO),  # an operator released it from quarantine
    Column("disposition", Text),
    Column("ticket_id", Number, ForeignKey("tickets.id")),
    Column("entry_id", Number),
    Column("settled_at", Time),
    Column("message_id", Text),
    Column("author", Text),
    Column("subject", Text),
    Column("kind", Text),
    Column("organisation", Text),  # of the author, or the author's canonical address at a free-mail provider
    Column("fingerprint", Text),
    Column("after_ours", BigInteger),  # microseconds since our last mail to that organisation
    needed("because", Text, EMPTY),  # why it is held, why the last try failed, or which evidence attached it
    Column("verdicts", Text),  # JSON
    Column("refusals", Text),  # JSON: automatic mail that it did not cause, and why
    Index(
        "ix_intakes_waiting", "id", sqlite_where=text("state = 'waiting'"), postgresql_where=text("state = 'waiting'")
    ),
    # Accepting writes as little as can be: what is known only later joins its index later.
    where_known("ix_intakes_source_ref", "source_ref", unique=True),
    where_known("ix_intakes_disposition", "disposition", "id"),
    where_known("ix_intakes_ticket_id", "ticket_id"),
    Index(
        "ix_intakes_tickets",
        "queue",
        "id",
        sqlite_where=text("disposition = 'ticket'"),
        postgresql_where=text("disposition = 'ticket'"),
    ),
    where_known("ix_intakes_message_id", "message_id"),
    where_known("ix_intakes_author", "author"),
    where_known("ix_intakes_organisation", "organisation", "queue", "received_at"),
    sqlite_autoincrement=True,
)

# I6: a queue takes one mail once. The row decides, inside the transaction that opens the ticket.
mail_keys = Table(
    "mail_keys",
    metadata,
    Column("key", Text, primary_key=True),
    Column("queue", Text, primary_key=True),
    refers("intake_id", "intakes.id"),
    sqlite_with_rowid=False,
)

# --- tickets --------------------------------------------------------------------------------------------------

customers = Table(
    "customers",
    metadata,
    number(),
    Column("address", Text, nullable=False, unique=True),  # normal form
    needed("canonical"),
    needed("name", Text, EMPTY),
    needed("created_at", Time),
    Column("organisation", Text),  # registrable domain; NULL at free-mail providers
    Index("ix_customers_canonical", "canonical"),
    Index("ix_customers_organisation", "organisation"),
)

tickets = Table(
    "tickets",
    metadata,
    number(),
    needed("queue"),
    Column("type", Text),
    needed("subject"),
    needed("status"),  # TicketStatus
    needed("priority"),
    Column("assignee", Text),
    Column("requester_id", Number, ForeignKey("customers.id")),
    needed("created_at", Time),
    needed("updated_at", Time),
    Column("due_at", Time),
    Column("merged_into", Number, ForeignKey("tickets.id")),
    needed("version", Integer, text("1")),  # for optimistic concurrency
    Index("ix_tickets_requester_id_created_at", "requester_id", "created_at"),
    Index("ix_tickets_queue_status_updated_at", "queue", "status", "updated_at"),
    Index("ix_tickets_queue_status_created_at", "queue", "status", "created_at"),
    Index("ix_tickets_assignee_updated_at", "assignee", "updated_at"),
    Index("ix_tickets_status_queue_assignee", "status", "queue", "assignee", "due_at"),
    where_known("ix_tickets_due_at", "due_at"),
    where_known("ix_tickets_type", "type", "updated_at"),
    sqlite_autoincrement=True,
)

participants = Table(
    "participants",
    metadata,
    Column("ticket_id", Number, ForeignKey("tickets.id"), primary_key=True),
    Column("canonical", Text, primary_key=True),
    needed("address"),
    needed("name", Text, EMPTY),
    needed("role"),  # requester | participant | newcomer (I5: only shown)
    needed("added_at", Time),
    sqlite_with_rowid=False,
)

ticket_tags = Table(
    "ticket_tags",
    metadata,
    Column("ticket_id", Number, ForeignKey("tickets.id"), primary_key=True),
    Column("tag", Text, primary_key=True),
    Index("ix_ticket_tags_tag", "tag"),
    sqlite_with_rowid=False,
)

ticket_links = Table(
    "ticket_links",
    metadata,
    Column("ticket_id", Number, ForeignKey("tickets.id"), primary_key=True),
    Column("other_id", Number, ForeignKey("tickets.id"), primary_key=True),
    needed("because", Text, EMPTY),
    sqlite_with_rowid=False,
)

entries = Table(
    "entries",
    metadata,
    number(),
    refers("ticket_id", "tickets.id", index=True),
    needed("kind"),  # EntryKind
    needed("author"),  # name and address of a person, or of the rule that acted
    needed("created_at", Time),
    refers("intake_id", "intakes.id", optional=True),
    Column("outgoing_id", Number),
    Column("delivery_id", Number),
    Column("detail", Text),  # JSON of state changes and delivery events
    needed("text"),
    Column("quoted", Text),  # the whole text, where the author's new words are less than that
    Column("html", Text),  # sanitised
)

attachments = Table(
    "attachments",
    metadata,
    number(),
    refers("entry_id", "entries.id", index=True),
    refers("intake_id", "intakes.id", optional=True),
    needed("filename"),
    needed("content_type"),
    needed("size", BigInteger),
    needed("sha256"),
    Column("content_id", Text),
    needed("inline", Boolean, NO),
    needed("from_tnef", Boolean, NO),
    needed("part"),
    needed("sniffed_type", Text, EMPTY),
    needed("dangerous", Boolean, NO),
)

# Every Message-ID of every mail that we keep or send, and the ancestors that kept mails name.
message_ids = Table(
    "message_ids",
    metadata,
    Column("message_id", Text, primary_key=True),
    Column("ticket_id", Number, ForeignKey("tickets.id"), primary_key=True),
    needed("ours", Boolean, NO),
    needed("automatic", Boolean, NO),
    needed("added_at", Time),
    sqlite_with_rowid=False,
)
