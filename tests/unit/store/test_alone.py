"""A job that is alone in its transaction, on both databases: all of it or nothing, and its caller hears which."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest

from gateway.errors import StorageUnavailable
from gateway.store import SqlStore
from gateway.store.statement import Transaction, insert
from gateway.store.tables_out import pauses

PAUSE = insert(pauses, "channel", "since", "because")


def notes(channel: str, then: Callable[[Transaction], None]) -> Callable[[Transaction], None]:
    """Return a job that writes a row, and then does what it is told."""

    def work(transaction: Transaction) -> None:
        transaction.run(PAUSE, channel=channel, since=1, because="x")
        then(transaction)

    return work


def has_a_bug(_transaction: Transaction) -> None:
    raise RuntimeError("a bug")


def breaks_a_rule(transaction: Transaction) -> None:
    transaction.run(PAUSE, channel=None, since=1, because="x")


def passes_over_it(transaction: Transaction) -> None:
    with contextlib.suppress(Exception):
        breaks_a_rule(transaction)


async def written(store: SqlStore) -> list[str]:
    return [pause.channel for pause in (await store.statistics()).pauses]


@pytest.mark.parametrize("fails", [has_a_bug, breaks_a_rule])
async def test_a_job_that_fails_leaves_nothing_and_the_next_one_is_written(store: SqlStore, fails) -> None:
    with pytest.raises(RuntimeError if fails is has_a_bug else Exception, match=r"bug|NOT NULL|not-null"):
        await store._writes.run(notes("half", fails))
    await store._writes.run(notes("whole", lambda _: None))

    assert await written(store) == ["whole"]


async def test_who_passes_over_an_error_hears_of_success_only_if_it_is_written(store: SqlStore) -> None:
    """PostgreSQL rolls such a transaction back, and answers its COMMIT without an error."""
    told = True
    try:
        await store._writes.run(notes("one", passes_over_it))
    except StorageUnavailable:
        told = False

    assert await written(store) == (["one"] if told else [])
    await store._writes.run(notes("two", lambda _: None))
    assert (await written(store))[-1:] == ["two"]
