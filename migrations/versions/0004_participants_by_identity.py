"""Participants are told apart by identity: jan-1984@ and jan-1985@ of one domain were taken for one person."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BATCH = 500


def upgrade() -> None:
    """Write the identity of every participant's address. No two rows meet: the old form was the coarser one."""
    from gateway.mail.address import canonical, identity

    connection = op.get_bind()
    read = sa.text(
        "SELECT ticket_id, canonical, address FROM participants "
        "WHERE ticket_id > :ticket OR (ticket_id = :ticket AND canonical > :last) "
        "ORDER BY ticket_id, canonical LIMIT :batch"
    )
    write = sa.text("UPDATE participants SET canonical = :new WHERE ticket_id = :ticket AND canonical = :old")
    ticket, last = 0, ""
    changes: list[dict[str, object]] = []
    while rows := connection.execute(read, {"ticket": ticket, "last": last, "batch": BATCH}).all():
        ticket, last = rows[-1][0], rows[-1][1]
        changes += [
            {"ticket": number, "old": old, "new": identity(address)}
            for number, old, address in rows
            if old == canonical(address) != identity(address)
        ]
    if changes:
        connection.execute(write, changes)
