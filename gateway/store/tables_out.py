"""The schema of what goes out: outgoings, deliveries, the ledger of automatic mail; and of people and machinery."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from gateway.store.columns import EMPTY, NO, ZERO, Number, Time, attempted, leased, metadata, needed, number, refers

REACHED = "outcome IS NULL OR NOT (outcome = 'deferred' AND code = 0)"

# --- the way out ----------------------------------------------------------------------------------------------

outgoings = Table(
    "outgoings",
    metadata,
    number(),
    refers("ticket_id", "tickets.id", optional=True, index=True),
    refers("cause_id", "intakes.id", optional=True, index=True),
    needed("kind"),  # OutgoingKind
    needed("queue"),
    Column("channel", Text),
    Column("message_id", Text, index=True),
    needed("author"),
    needed("created_at", Time),
    Column("draft", Text),  # JSON; files stand in outgoing_files
    sqlite_autoincrement=True,
)

outgoing_files = Table(
    "outgoing_files",
    metadata,
    Column("outgoing_id", Number, ForeignKey("outgoings.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    needed("filename"),
    needed("content_type"),
    Column("content_id", Text),
    Column("content", LargeBinary, nullable=False),
)

# I8: signed once; every attempt sends these octets.
outgoing_contents = Table(
    "outgoing_contents",
    metadata,
    Column("outgoing_id", Number, ForeignKey("outgoings.id"), primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    number(),
    refers("outgoing_id", "outgoings.id", index=True),
    refers("ticket_id", "tickets.id", optional=True),
    needed("channel"),
    needed("recipient"),
    needed("canonical"),
    *leased(),
    Index(
        "ix_deliveries_due",
        "channel",
        "due_at",
        sqlite_where=text("state = 'queued'"),
        postgresql_where=text("state = 'queued'"),
    ),
    Index("ix_deliveries_ticket_id_canonical", "ticket_id", "canonical"),
    sqlite_autoincrement=True,
)

attempts = Table(
    "attempts",
    metadata,
    *attempted("deliveries.id"),
    needed("dot_sent", Boolean, NO),
    # What counts against the allowance of its channel: all but those that never reached the server.
    Index("ix_attempts_ended_at", "ended_at", sqlite_where=text(REACHED), postgresql_where=text(REACHED)),
    sqlite_with_rowid=False,
)

# --- the bound (I2, I3) ---------------------------------------------------------------------------------------

# The ledger of automatic mail. The unique rows are causality: one mail of a kind per cause and recipient.
automatic_mails = Table(
    "automatic_mails",
    metadata,
    number(),
    needed("kind"),
    needed("queue"),
    needed("canonical"),
    refers("outgoing_id", "outgoings.id", index=True),
    refers("ticket_id", "tickets.id", optional=True),
    refers("cause_id", "intakes.id", optional=True),
    needed("queued_at", Time),
    Column("sent_at", Time),  # when it was last handed out
    UniqueConstraint("kind", "cause_id", "canonical"),
    Index(
        "uq_automatic_mails_acknowledgement",
        "ticket_id",
        unique=True,
        sqlite_where=text("kind = 'acknowledgement'"),
        postgresql_where=text("kind = 'acknowledgement'"),
    ),
    sqlite_autoincrement=True,
)

# One row per mail and window family; a sliding window is a count over (scope, key, time).
automatic_counts = Table(
    "automatic_counts",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("queued_at", Time, primary_key=True),
    Column("mail_id", Number, ForeignKey("automatic_mails.id"), primary_key=True),
    Column("sent_at", Time),
    Index("ix_automatic_counts_sent", "scope", "key", "sent_at"),
    Index("ix_automatic_counts_mail_id", "mail_id"),
    sqlite_with_rowid=False,
)

# What two nodes lock, in a fixed order, before they count.
bound_locks = Table(
    "bound_locks",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    sqlite_with_rowid=False,
)

breakers = Table(
    "breakers",
    metadata,
    Column("queue", Text, primary_key=True),
    needed("tripped_at", Time),
    needed("open_until", Time),
    needed("trips", Integer, ZERO),
    needed("because"),
)

# What the next digest tells an agent: alerts beyond their limit, by ticket.
missed_alerts = Table(
    "missed_alerts",
    metadata,
    Column("agent_id", Number, ForeignKey("agents.id"), primary_key=True),
    Column("ticket_id", Number, ForeignKey("tickets.id"), primary_key=True),
    needed("since", Time),
    needed("mails", Integer),
    sqlite_with_rowid=False,
)

# How much automatic mail a queue asks for, as sums that fade: what the breaker compares.
demands = Table(
    "demands",
    metadata,
    Column("queue", Text, primary_key=True),
    needed("at", Time),
    needed("lately", Double),  # in the last hour
    needed("usual", Double),  # in an hour, over the last week
)

# What the behaviour detector silenced: no automatic mail to this organisation because of this queue.
suspicions = Table(
    "suspicions",
    metadata,
    Column("organisation", Text, primary_key=True),
    Column("queue", Text, primary_key=True),
    needed("since", Time),
    needed("suspect_until", Time),
    needed("times", Integer, text("1")),
    needed("because", Text, EMPTY),
    sqlite_with_rowid=False,
)

suppressions = Table(
    "suppressions",
    metadata,
    Column("canonical", Text, primary_key=True),
    needed("address"),
    needed("reason"),
    needed("since", Time),
    needed("expires_at", Time),
    Column("delivery_id", Number),
)

blocklist = Table(
    "blocklist",
    metadata,
    Column("pattern", Text, primary_key=True),
    needed("reason", Text, EMPTY),
    needed("added_by", Text, EMPTY),
    needed("added_at", Time),
)

pauses = Table(
    "pauses",
    metadata,
    Column("channel", Text, primary_key=True),
    needed("since", Time),
    needed("because", Text, EMPTY),
)

# --- people and machinery -------------------------------------------------------------------------------------

agents = Table(
    "agents",
    metadata,
    number(),
    Column("address", Text, nullable=False, unique=True),  # normal form
    needed("canonical"),
    needed("name", Text, EMPTY),
    needed("role"),  # agent | admin
    Column("password", Text),  # argon2
    Column("disabled_at", Time),
    needed("created_at", Time),
    Column("settings", Text),  # JSON
    needed("must_change", Boolean, NO),  # the password was chosen by somebody else
    needed("restricted", Boolean, NO),  # sees the queues of agent_queues only
)

# Direct inboxes: who fetches, how far it was read, how it goes.
inboxes = Table(
    "inboxes",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text),
    Column("lease_until", Time),
    Column("uid_validity", BigInteger),
    Column("last_uid", BigInteger),
    Column("pending", Text),  # JSON
    needed("health"),
    needed("detail"),
    needed("changed_at", Time),
)

# Sealed tokens and other small durable values.
keepsakes = Table(
    "keepsakes",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    needed("updated_at", Time),
    Column("value", LargeBinary, nullable=False),
)

# Counts up whenever a list changes that every transaction needs; readers keep the list until it does.
editions = Table(
    "editions",
    metadata,
    Column("name", Text, primary_key=True),
    needed("edition", BigInteger),
)
