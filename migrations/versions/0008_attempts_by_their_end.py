"""An index that finds the attempts of a window: what a channel's provider allows is counted from them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

REACHED = sa.text("outcome IS NULL OR NOT (outcome = 'deferred' AND code = 0)")


def upgrade() -> None:
    """Create the index; no row changes."""
    op.create_index(
        op.f("ix_attempts_ended_at"), "attempts", ["ended_at"], sqlite_where=REACHED, postgresql_where=REACHED
    )
