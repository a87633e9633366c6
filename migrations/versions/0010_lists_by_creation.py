"""Lists of tickets by their creation, and of one type, from an index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Index tickets by queue, status and creation; and those that have a type."""
    op.create_index("ix_tickets_queue_status_created_at", "tickets", ["queue", "status", "created_at"], unique=False)
    known = sa.text("type IS NOT NULL")
    op.create_index("ix_tickets_type", "tickets", ["type", "updated_at"], sqlite_where=known, postgresql_where=known)
