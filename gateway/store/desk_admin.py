"""What only administrators look at: direct inboxes, deliveries by state, forwarders that were seen."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from sqlalchemy import literal_column, select

from gateway.model import InboxHealth, InboxRow, OutboxRow
from gateway.rules.trace import forwarder_named
from gateway.store import listings
from gateway.store.context import Context
from gateway.store.intakes import verdicts_from_json
from gateway.store.statement import Statement
from gateway.store.tables import intakes
from gateway.store.tables_out import inboxes
from gateway.store.times import to_moment

LOOKED_AT = 5000  # of the newest intakes

INBOXES = Statement(
    select(inboxes.c.name, inboxes.c.health, inboxes.c.detail, inboxes.c.changed_at).order_by(inboxes.c.name)
)
JUDGED = Statement(
    select(intakes.c.queue, intakes.c.verdicts, intakes.c.received_at)
    .where(intakes.c.verdicts.is_not(None))
    .order_by(intakes.c.id.desc())
    .limit(literal_column(str(LOOKED_AT)))
)


def inbox_rows(context: Context) -> list[InboxRow]:
    """Return how the direct inboxes go."""
    return [
        InboxRow(name, InboxHealth(health), detail, to_moment(changed))
        for name, health, detail, changed in context.transaction.rows(INBOXES)
    ]


def find_deliveries(
    context: Context, limit: int, before: int | None, state: str | None, channel: str | None
) -> list[OutboxRow]:
    """Return deliveries, newest first."""
    return listings.list_outbox(context, limit, before, state=state, channel=channel)


def forwarders_seen(context: Context, limit: int) -> list[tuple[str, str, int, datetime, str]]:
    """Return the forwarders that the newest mails show, most mails first, with the line that an unknown one lacks."""
    seen: Counter[tuple[str, str]] = Counter()
    newest: dict[tuple[str, str], tuple[int, str]] = {}
    for queue, opinions, received in context.transaction.rows(JUDGED):
        if '"forwarder-' not in opinions:
            continue
        for name, line in filter(None, map(forwarder_named, verdicts_from_json(opinions))):
            seen[queue, name] += 1
            newest.setdefault((queue, name), (received, line))
    return [
        (queue, name, mails, to_moment(newest[queue, name][0]), newest[queue, name][1])
        for (queue, name), mails in seen.most_common(limit)
    ]
