"""Run the migrations on the connection that `gateway.store.migrate` hands over, all of them in one transaction."""

from __future__ import annotations

from alembic import context

from gateway.store import tables, tables_out

metadata = tables.raws.metadata
assert metadata is tables_out.deliveries.metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters tables by making them anew
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
