"""A store on each database, and mails to put into it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gateway.store import SqlStore, open_store
from tests.conftest import MovableClock


@pytest.fixture
async def store(database_url: str, clock: MovableClock) -> AsyncIterator[SqlStore]:
    async with open_store(database_url, clock=clock) as opened:
        yield opened
