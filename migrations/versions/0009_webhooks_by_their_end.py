"""An index from which the ended deliveries of a webhook are counted, and found when they are old."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Replace the index of ends by one of webhook, state and end; no row changes."""
    op.drop_index("ix_webhook_deliveries_finished_at", table_name="webhook_deliveries")
    op.create_index("ix_webhook_deliveries_ended", "webhook_deliveries", ["webhook", "state", "finished_at"])
