"""A store on each database, and mails to put into it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gateway.store import SqlStore, migrate, open_store
from tests.conftest import MovableClock


@pytest.fixture
async def store(database_url: str, clock: MovableClock) -> AsyncIterator[SqlStore]:
    if database_url.startswith("postgresql"):
        migrate(database_url)
    async with open_store(database_url, clock=clock) as opened:
        yield opened
