"""The schema of the agents' desk: who is signed in, what they keep, what they have read.

Beside these stands `entry_words`, the full-text index: FTS5 on SQLite, a tsvector on PostgreSQL. No table of
SQLAlchemy can say both; migration 0002 makes it and `search.py` writes it.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

from gateway.store.columns import EMPTY, NO, ZERO, Number, Time, metadata, needed, number, refers

# --- who -------------------------------------------------------------------------------------------------------

agent_queues = Table(
    "agent_queues",
    metadata,
    Column("agent_id", Number, ForeignKey("agents.id"), primary_key=True),
    Column("queue", Text, primary_key=True),
    sqlite_with_rowid=False,
)

sessions = Table(
    "sessions",
    metadata,
    number(),
    refers("agent_id", "agents.id", index=True),
    Column("digest", Text, nullable=False, unique=True),  # SHA-256 of what stands in the cookie
    needed("created_at", Time),
    needed("seen_at", Time),
    needed("expires_at", Time),
    needed("peer"),
    needed("browser"),
    sqlite_autoincrement=True,
)

api_tokens = Table(
    "api_tokens",
    metadata,
    number(),
    refers("agent_id", "agents.id", index=True),
    needed("name"),
    Column("digest", Text, nullable=False, unique=True),
    needed("scopes"),  # words, with blanks between
    needed("created_at", Time),
    Column("expires_at", Time),
    Column("used_at", Time),
    sqlite_autoincrement=True,
)

sign_in_tries = Table(
    "sign_in_tries",
    metadata,
    Column("key", Text, primary_key=True),
    needed("failures", Integer, ZERO),
    needed("last_at", Time),
    Column("blocked_until", Time),
)

# --- what they keep --------------------------------------------------------------------------------------------

drafts = Table(
    "drafts",
    metadata,
    Column("agent_id", Number, ForeignKey("agents.id"), primary_key=True),
    Column("ticket_id", Number, ForeignKey("tickets.id"), primary_key=True),
    Column("kind", Text, primary_key=True),  # reply | note
    needed("text"),
    needed("cc", Text, EMPTY),
    needed("saved_at", Time),
    needed("version", Integer),
    Index("ix_drafts_ticket_id", "ticket_id"),
)

draft_files = Table(
    "draft_files",
    metadata,
    Column("agent_id", Number, primary_key=True),
    Column("ticket_id", Number, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("position", Integer, primary_key=True),
    needed("filename"),
    needed("content_type"),
    needed("size", BigInteger),
    Column("content", LargeBinary, nullable=False),
)

read_marks = Table(
    "read_marks",
    metadata,
    Column("agent_id", Number, ForeignKey("agents.id"), primary_key=True),
    Column("ticket_id", Number, ForeignKey("tickets.id"), primary_key=True),
    needed("entry_id", Number),  # everything up to this one was read
    sqlite_with_rowid=False,
)

views = Table(
    "views",
    metadata,
    number(),
    refers("agent_id", "agents.id", index=True),
    needed("name"),
    needed("filter"),  # JSON
    needed("shared", Boolean, NO),
    sqlite_autoincrement=True,
)

canned_answers = Table(
    "canned_answers",
    metadata,
    number(),
    needed("name"),
    needed("text"),
    Column("queue", Text),  # NULL: every queue
    needed("shortcut", Text, EMPTY),
    sqlite_autoincrement=True,
)

notices = Table(
    "notices",
    metadata,
    number(),
    refers("agent_id", "agents.id"),
    refers("ticket_id", "tickets.id"),
    Column("entry_id", Number),
    needed("why"),  # assigned | mentioned
    needed("by"),
    needed("created_at", Time),
    Column("read_at", Time),
    Index("ix_notices_agent_id_id", "agent_id", "id"),
    sqlite_autoincrement=True,
)

# --- requests and presence -------------------------------------------------------------------------------------

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("agent_id", Number, primary_key=True),
    Column("key", Text, primary_key=True),
    needed("digest"),  # of the request: a key belongs to one
    needed("status", Integer, ZERO),  # 0: under way
    needed("body", Text, EMPTY),
    needed("created_at", Time),
    Index("ix_idempotency_keys_created_at", "created_at"),
)

presences = Table(
    "presences",
    metadata,
    Column("agent_id", Number, ForeignKey("agents.id"), primary_key=True),
    Column("ticket_id", Number, ForeignKey("tickets.id"), primary_key=True),
    needed("doing"),
    needed("since", Time),
    needed("seen_at", Time),
    Index("ix_presences_seen_at", "seen_at"),
)
