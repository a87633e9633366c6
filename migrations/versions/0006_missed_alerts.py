"""Alerts beyond an agent's limit are kept for a digest."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table, empty: what was missed before is on the tickets."""
    op.create_table(
        "missed_alerts",
        sa.Column("agent_id", NUMBER, nullable=False),
        sa.Column("ticket_id", NUMBER, nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("mails", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_missed_alerts_agent_id_agents")),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_missed_alerts_ticket_id_tickets")),
        sa.PrimaryKeyConstraint("agent_id", "ticket_id", name=op.f("pk_missed_alerts")),
        sqlite_with_rowid=False,
    )
