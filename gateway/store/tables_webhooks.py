"""The schema of webhooks: events that a receiver is to hear of, one delivery per webhook, and the attempts under it.

An event is written in the transaction that changes what it tells of. No row refers to a ticket by a foreign key: events
are a copy of what was, and outlive it or go before it.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Table, Text, text

from gateway.store.columns import EMPTY, NO, Number, Time, attempted, leased, metadata, needed, number, refers

events = Table(
    "events",
    metadata,
    number(),
    Column("key", Text, nullable=False, unique=True),  # the `webhook-id`: the same in every attempt, guessed by nobody
    needed("type"),  # EventType
    needed("queue", Text, EMPTY),
    Column("ticket_id", Number),
    needed("created_at", Time),
    needed("payload"),  # the JSON that is sent: the same octets in every attempt
    sqlite_autoincrement=True,
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    number(),
    refers("event_id", "events.id", index=True),
    needed("webhook"),  # its name in the configuration
    Column("ticket_id", Number),
    *leased(),
    Index(
        "ix_webhook_deliveries_due",
        "webhook",
        "due_at",
        sqlite_where=text("state = 'queued'"),
        postgresql_where=text("state = 'queued'"),
    ),
    Index(
        "ix_webhook_deliveries_order",
        "webhook",
        "ticket_id",
        "id",
        sqlite_where=text("state = 'queued'"),
        postgresql_where=text("state = 'queued'"),
    ),
    Index("ix_webhook_deliveries_webhook_id", "webhook", "id"),
    Index("ix_webhook_deliveries_ended", "webhook", "state", "finished_at"),
    sqlite_autoincrement=True,
)

webhook_attempts = Table(
    "webhook_attempts",
    metadata,
    *attempted("webhook_deliveries.id"),
    sqlite_with_rowid=False,
)

# Webhooks that hear nothing at present: paused by a person (events wait), or gone (410: nothing is written for them).
webhook_stops = Table(
    "webhook_stops",
    metadata,
    Column("webhook", Text, primary_key=True),
    needed("since", Time),
    needed("because", Text, EMPTY),
    needed("gone", Boolean, NO),
)
