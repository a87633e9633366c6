"""A 250 outlives kill -9 (I1), nothing becomes two tickets (I6), nothing is acknowledged twice (I8)."""

from __future__ import annotations

import pytest

from tests.faults.kills import run
from tests.support.postgres import postgres_server


async def test_sqlite(tmp_path):
    outcome = await run(tmp_path, kills=5)

    assert outcome.faults == [], outcome
    assert outcome.promised == outcome.sent > 50
    assert outcome.acknowledgements > 0


async def test_postgresql(tmp_path):
    with postgres_server(fsync=True) as server:
        outcome = await run(tmp_path, kills=2, database=server.new_database(), patient=False)

    assert outcome.faults == [], outcome
    assert outcome.promised == outcome.sent > 50


@pytest.mark.parametrize(
    "point",
    [
        "accept.before-commit",
        "accept.after-commit",
        "process.before-commit",
        "outbound.after-dot",
    ],
)
async def test_dying_at_the_worst_moment(tmp_path, point):
    outcome = await run(tmp_path, kills=1, dies_at=point)

    assert outcome.faults == [], outcome
    assert outcome.promised == outcome.sent
