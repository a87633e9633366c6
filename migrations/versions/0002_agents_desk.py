"""The agents' desk: sessions, tokens, drafts, views, notices, presence, and the full-text index of what entries say."""

from __future__ import annotations

import unicodedata
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
LONGEST = 50_000
BATCH = 500


def upgrade() -> None:
    """Create what the desk keeps, extend what was there, and index the entries that there are."""
    create_people()
    create_work()
    extend()
    create_index()
    fill_organisations()
    fill_index()


def create_people() -> None:
    """Create what hangs on nothing or on agents alone."""
    op.create_table(
        "canned_answers",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=True),
        sa.Column("shortcut", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_canned_answers")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "draft_files",
        sa.Column("agent_id", NUMBER, nullable=False),
        sa.Column("ticket_id", NUMBER, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("agent_id", "ticket_id", "kind", "position", name=op.f("pk_draft_files")),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("agent_id", NUMBER, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("body", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("agent_id", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"], unique=False)
    op.create_table(
        "sign_in_tries",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("blocked_until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_sign_in_tries")),
    )
    op.create_table(
        "agent_queues",
        sa.Column("agent_id", NUMBER, nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_agent_queues_agent_id")),
        sa.PrimaryKeyConstraint("agent_id", "queue", name=op.f("pk_agent_queues")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "api_tokens",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("agent_id", NUMBER, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_api_tokens_agent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_tokens")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_tokens_digest")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_api_tokens_agent_id"), "api_tokens", ["agent_id"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("agent_id", NUMBER, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("peer", sa.Text(), nullable=False),
        sa.Column("browser", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_sessions_agent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("digest", name=op.f("uq_sessions_digest")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_sessions_agent_id"), "sessions", ["agent_id"], unique=False)
    op.create_table(
        "views",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("agent_id", NUMBER, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("filter", sa.Text(), nullable=False),
        sa.Column("shared", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_views_agent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_views")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_views_agent_id"), "views", ["agent_id"], unique=False)


def create_work() -> None:
    """Create what agents keep on tickets."""
    op.create_table(
        "drafts",
        sa.Column("agent_id", NUMBER, nullable=False),
        sa.Column("ticket_id", NUMBER, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("cc", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("saved_at", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_drafts_agent_id")),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_drafts_ticket_id")),
        sa.PrimaryKeyConstraint("agent_id", "ticket_id", "kind", name=op.f("pk_drafts")),
    )
    op.create_index("ix_drafts_ticket_id", "drafts", ["ticket_id"], unique=False)
    op.create_table(
        "notices",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("agent_id", NUMBER, nullable=False),
        sa.Column("ticket_id", NUMBER, nullable=False),
        sa.Column("entry_id", NUMBER, nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("read_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_notices_agent_id")),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_notices_ticket_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_notices_agent_id_id", "notices", ["agent_id", "id"], unique=False)
    op.create_table(
        "presences",
        sa.Column("agent_id", NUMBER, nullable=False),
        sa.Column("ticket_id", NUMBER, nullable=False),
        sa.Column("doing", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_presences_agent_id")),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_presences_ticket_id")),
        sa.PrimaryKeyConstraint("agent_id", "ticket_id", name=op.f("pk_presences")),
    )
    op.create_index("ix_presences_seen_at", "presences", ["seen_at"], unique=False)
    op.create_table(
        "read_marks",
        sa.Column("agent_id", NUMBER, nullable=False),
        sa.Column("ticket_id", NUMBER, nullable=False),
        sa.Column("entry_id", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_read_marks_agent_id")),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_read_marks_ticket_id")),
        sa.PrimaryKeyConstraint("agent_id", "ticket_id", name=op.f("pk_read_marks")),
        sqlite_with_rowid=False,
    )


def extend() -> None:
    """Extend the tables of the first schema."""
    op.add_column("agents", sa.Column("must_change", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("agents", sa.Column("restricted", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("customers", sa.Column("organisation", sa.Text(), nullable=True))
    op.create_index("ix_customers_organisation", "customers", ["organisation"], unique=False)
    op.create_index("ix_tickets_assignee_updated_at", "tickets", ["assignee", "updated_at"], unique=False)
    known = sa.text("due_at IS NOT NULL")
    op.create_index("ix_tickets_due_at", "tickets", ["due_at"], sqlite_where=known, postgresql_where=known)
    op.create_index(
        "ix_tickets_status_queue_assignee", "tickets", ["status", "queue", "assignee", "due_at"], unique=False
    )


def create_index() -> None:
    """Create the full-text index: one row for each entry that says something."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("CREATE VIRTUAL TABLE entry_words USING fts5(words, content='', columnsize=0, tokenize='unicode61')")
    else:
        op.execute("CREATE TABLE entry_words (entry_id BIGINT PRIMARY KEY, words TSVECTOR NOT NULL)")
        op.execute("CREATE INDEX ix_entry_words_words ON entry_words USING gin (words)")


def fill_organisations() -> None:
    """Note the organisation of every customer."""
    from gateway.mail.address import organisation

    connection = op.get_bind()
    change = sa.text("UPDATE customers SET organisation = :organisation WHERE id = :id")
    last = 0
    while rows := connection.execute(
        sa.text("SELECT id, address FROM customers WHERE id > :last ORDER BY id LIMIT :batch"),
        {"last": last, "batch": BATCH},
    ).all():
        last = rows[-1][0]
        connection.execute(change, [{"id": number, "organisation": organisation(address)} for number, address in rows])


def fill_index() -> None:
    """Index what entries say, who said it, the subject of the ticket and the names of attachments."""
    connection = op.get_bind()
    names = "group_concat(filename, ' ')" if connection.dialect.name == "sqlite" else "string_agg(filename, ' ')"
    read = sa.text(
        "SELECT e.id, t.subject, e.author, e.text, "  # noqa: S608 - the words of this file alone
        f"(SELECT {names} FROM attachments a WHERE a.entry_id = e.id) "
        "FROM entries e JOIN tickets t ON t.id = e.ticket_id "
        "WHERE e.id > :last AND e.kind IN ('customer', 'agent', 'note', 'auto_reply') ORDER BY e.id LIMIT :batch"
    )
    if connection.dialect.name == "sqlite":
        write = sa.text("INSERT INTO entry_words (rowid, words) VALUES (:id, :words)")
    else:
        write = sa.text("INSERT INTO entry_words (entry_id, words) VALUES (:id, to_tsvector('simple', :words))")
    last = 0
    while rows := connection.execute(read, {"last": last, "batch": BATCH}).all():
        last = rows[-1][0]
        connection.execute(write, [{"id": row[0], "words": folded(row[1:])} for row in rows])


def folded(parts: Any) -> str:
    """Return words as they are searched: without accents and case, nothing but letters and digits."""
    text = " ".join(part for part in parts if part)[:LONGEST]
    plain = unicodedata.normalize("NFKD", text).casefold()
    return " ".join("".join(c if c.isalnum() else "" if unicodedata.combining(c) else " " for c in plain).split())
