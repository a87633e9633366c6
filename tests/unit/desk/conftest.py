"""An office on each database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import MovableClock
from tests.support.desk import Office, open_office


@pytest.fixture
async def office(database_url: str, tmp_path: Path, clock: MovableClock) -> AsyncIterator[Office]:
    async with open_office(database_url, tmp_path, clock) as opened:
        yield opened
