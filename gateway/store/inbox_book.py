"""What direct inboxes keep in the store: who fetches, how far, and how it goes (ports.InboxLedger)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import bindparam, or_, select, update

from gateway.model import InboxHealth, InboxProgress, InboxRow
from gateway.store.context import Context
from gateway.store.core import StoreCore
from gateway.store.statement import Statement, insert
from gateway.store.tables_out import inboxes
from gateway.store.times import lease_time, microseconds, to_moment

KNOW = insert(inboxes, "name", "health", "detail", "changed_at", ignore=True)
LEASE = Statement(
    update(inboxes)
    .where(
        inboxes.c.name == bindparam("which"),
        or_(
            inboxes.c.holder.is_(None),
            inboxes.c.holder == bindparam("who"),
            inboxes.c.lease_until < bindparam("lease_now"),
        ),
    )
    .values(holder=bindparam("who"), lease_until=bindparam("until"))
)
PROGRESS = Statement(
    select(inboxes.c.uid_validity, inboxes.c.last_uid, inboxes.c.pending).where(inboxes.c.name == bindparam("name"))
)
SAVE = Statement(
    update(inboxes)
    .where(inboxes.c.name == bindparam("which"))
    .values(uid_validity=bindparam("validity"), last_uid=bindparam("uid"), pending=bindparam("open"))
)
REPORT = Statement(
    update(inboxes)
    .where(inboxes.c.name == bindparam("which"))
    .values(health=bindparam("state"), detail=bindparam("words"), changed_at=bindparam("now"))
)
ALL = Statement(
    select(inboxes.c.name, inboxes.c.health, inboxes.c.detail, inboxes.c.changed_at).order_by(inboxes.c.name)
)


class InboxBook:
    """Implements ports.InboxLedger on a store."""

    def __init__(self, store: StoreCore) -> None:
        self._store = store

    async def lease(self, name: str, holder: str, duration: timedelta) -> bool:
        """Take or keep the right to fetch this inbox; False while another node holds it."""

        def take(context: Context) -> bool:
            know(context, name)
            now = lease_time(context.transaction)
            until = now + microseconds(duration)
            return context.transaction.run(LEASE, which=name, who=holder, lease_now=now, until=until) > 0

        await self._store.void_leases()
        return await self._store.write(take)

    async def progress(self, name: str) -> InboxProgress | None:
        """Return how far this inbox was read, or None before the first time."""
        row = await self._store.read(lambda context: context.transaction.row(PROGRESS, name=name))
        if row is None or row[0] is None:
            return None
        return InboxProgress(row[0], row[1], tuple(json.loads(row[2] or "[]")))

    async def save_progress(self, name: str, progress: InboxProgress) -> None:
        """Record how far this inbox was read. Only called after the intakes are durable."""

        def save(context: Context) -> None:
            know(context, name)
            context.transaction.run(
                SAVE,
                which=name,
                validity=progress.uid_validity,
                uid=progress.last_uid,
                open=json.dumps(progress.pending),
            )

        await self._store.write(save)

    async def report_health(self, name: str, health: InboxHealth, detail: str) -> None:
        """Record the state of an inbox for pages, metrics and `doctor`."""

        def report(context: Context) -> None:
            know(context, name)
            context.transaction.run(REPORT, which=name, state=health.value, words=detail, now=context.now)

        await self._store.write(report)

    async def list_inboxes(self) -> Sequence[InboxRow]:
        """Return what is known of each inbox."""
        rows = await self._store.read(lambda context: context.transaction.rows(ALL))
        return [InboxRow(name, InboxHealth(health), detail, to_moment(at)) for name, health, detail, at in rows]


def know(context: Context, name: str) -> None:
    """Make sure that an inbox has its row."""
    context.transaction.run(KNOW, name=name, health=InboxHealth.STARTING.value, detail="", changed_at=context.now)
