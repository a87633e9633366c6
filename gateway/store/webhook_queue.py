"""Deliveries of webhooks, handed out as mail is: due ones, under a lease, with the attempt counted before."""

from __future__ import annotations

from sqlalchemy import ColumnElement, literal_column, update

from gateway.store.statement import Statement
from gateway.store.tables_webhooks import webhook_deliveries

d = webhook_deliveries.c
QUEUED: ColumnElement[str] = literal_column("'queued'")  # a literal, so that the partial index serves

VOID_LEASES = Statement(
    update(webhook_deliveries)
    .where(d.state == QUEUED, d.lease_until.is_not(None))
    .values(lease_until=None, lease_token=literal_column("0"))
)
