"""Direct inboxes: one node fetches, the progress survives, and a sealed secret stays one."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from gateway.model import InboxHealth, InboxProgress
from gateway.store import InboxBook, SealedVault, SqlStore

MINUTE = timedelta(minutes=1)
SECRET = b"s" * 32


async def test_one_node_fetches_until_its_lease_ends(store: SqlStore) -> None:
    book = InboxBook(store)

    assert await book.lease("google", "one", timedelta(milliseconds=100))
    assert await book.lease("google", "one", timedelta(milliseconds=100))
    assert not await book.lease("google", "two", MINUTE)
    await asyncio.sleep(0.15)
    assert await book.lease("google", "two", MINUTE)
    assert not await book.lease("google", "one", MINUTE)


async def test_progress_is_kept(store: SqlStore) -> None:
    book = InboxBook(store)

    assert await book.progress("google") is None
    await book.save_progress("google", InboxProgress(7, 1 << 31, (3, 5)))
    assert await book.progress("google") == InboxProgress(7, 1 << 31, (3, 5))


async def test_health_is_shown(store: SqlStore) -> None:
    book = InboxBook(store)
    await book.report_health("google", InboxHealth.REFUSED, "the password was refused")

    (row,) = await book.list_inboxes()

    assert (row.name, row.health, row.detail) == ("google", InboxHealth.REFUSED, "the password was refused")


async def test_a_secret_is_sealed_and_opens_with_an_older_key(store: SqlStore) -> None:
    await SealedVault(store, SECRET).save("google", b"refresh token")

    assert await SealedVault(store, b"n" * 32, [SECRET]).load("google") == b"refresh token"
    assert await SealedVault(store, b"n" * 32).load("google") is None
    assert await SealedVault(store, SECRET).load("other") is None
    stored = await store.read(
        lambda context: context.transaction.cursor.execute("SELECT value FROM keepsakes").fetchall()
    )
    assert all(b"refresh" not in bytes(value) for (value,) in stored)


async def test_a_sealed_value_cannot_be_exchanged_for_another(store: SqlStore) -> None:
    vault = SealedVault(store, SECRET)
    await vault.save("one", b"1")
    await store.write(lambda context: context.transaction.cursor.execute("UPDATE keepsakes SET name = 'two'"))

    assert await vault.load("two") is None
