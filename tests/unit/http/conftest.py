"""An office on SQLite with its HTTP side: what differs between databases is tested with the desk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import MovableClock
from tests.support.desk import Office, open_office
from tests.support.site import browsers


@pytest.fixture
async def office(migrated_sqlite_url: str, tmp_path: Path, clock: MovableClock) -> AsyncIterator[Office]:
    async with open_office(migrated_sqlite_url, tmp_path, clock) as opened:
        yield opened


@pytest.fixture
async def browser(office):
    async with browsers(office) as open_browser:
        yield open_browser
