"""Webhooks: events, their deliveries and attempts, and webhooks that are stopped."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
EMPTY, NO, ZERO = sa.text("''"), sa.text("false"), sa.text("0")


def upgrade() -> None:
    """Create the four tables; nothing that there was changes."""
    op.create_table(
        "events",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), server_default=EMPTY, nullable=False),
        sa.Column("ticket_id", NUMBER, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sa.UniqueConstraint("key", name=op.f("uq_events_key")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("event_id", NUMBER, nullable=False),
        sa.Column("webhook", sa.Text(), nullable=False),
        sa.Column("ticket_id", NUMBER, nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("queued_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=ZERO, nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("lease_token", sa.BigInteger(), server_default=ZERO, nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("warned", sa.Boolean(), server_default=NO, nullable=False),
        sa.Column("channel_down", sa.Boolean(), server_default=NO, nullable=False),
        sa.Column("code", sa.Integer(), server_default=ZERO, nullable=False),
        sa.Column("answer", sa.Text(), server_default=EMPTY, nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_webhook_deliveries_event_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
        sqlite_autoincrement=True,
    )
    queued: Any = {"sqlite_where": sa.text("state = 'queued'"), "postgresql_where": sa.text("state = 'queued'")}
    known: Any = {
        "sqlite_where": sa.text("finished_at IS NOT NULL"),
        "postgresql_where": sa.text("finished_at IS NOT NULL"),
    }
    table = "webhook_deliveries"
    op.create_index("ix_webhook_deliveries_event_id", table, ["event_id"])
    op.create_index("ix_webhook_deliveries_due", table, ["webhook", "due_at"], **queued)
    op.create_index("ix_webhook_deliveries_order", table, ["webhook", "ticket_id", "id"], **queued)
    op.create_index("ix_webhook_deliveries_webhook_id", table, ["webhook", "id"])
    op.create_index("ix_webhook_deliveries_finished_at", table, ["finished_at"], **known)
    op.create_table(
        "webhook_attempts",
        sa.Column("delivery_id", NUMBER, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("code", sa.Integer(), server_default=ZERO, nullable=False),
        sa.Column("answer", sa.Text(), server_default=EMPTY, nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["webhook_deliveries.id"], name=op.f("fk_webhook_attempts_delivery_id")
        ),
        sa.PrimaryKeyConstraint("delivery_id", "number", name=op.f("pk_webhook_attempts")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "webhook_stops",
        sa.Column("webhook", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("because", sa.Text(), server_default=EMPTY, nullable=False),
        sa.Column("gone", sa.Boolean(), server_default=NO, nullable=False),
        sa.PrimaryKeyConstraint("webhook", name=op.f("pk_webhook_stops")),
    )
