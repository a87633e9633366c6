"""The breaker looks at how much automatic mail a queue asks for, and at the texts of its newest tickets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table of demands, empty: what is usual is learnt; and index the intakes that opened tickets."""
    op.create_table(
        "demands",
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("lately", sa.Double(), nullable=False),
        sa.Column("usual", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("queue", name=op.f("pk_demands")),
    )
    opened = sa.text("disposition = 'ticket'")
    op.create_index("ix_intakes_tickets", "intakes", ["queue", "id"], sqlite_where=opened, postgresql_where=opened)
