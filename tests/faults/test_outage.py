"""A short run of the long outage on both databases, and proof that its judgement sees what breaks the promises."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from gateway.outbound import schedule
from gateway.telemetry import log
from tests.faults import outage

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("outage")]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    log.configure("error")
    yield
    log.configure("info")


@pytest.mark.parametrize("database", ["migrated_sqlite_url", "migrated_postgres_url"])
async def test_five_days_without_a_relay(database: str, request: pytest.FixtureRequest) -> None:
    outcome = await outage.run(request.getfixturevalue(database), 4, rate=10)

    assert outcome.faults == []
    assert outcome.busiest == 10
    assert outcome.states["failed"] > 0  # what was queued first was given up
    assert outcome.states["sent"] > 20
    assert outcome.states["refused"] > 0  # notices that the bound stopped when they would have left together


async def test_the_judgement_sees_haste_bursts_and_mails_sent_twice(
    migrated_sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = outage.Relay.send

    async def twice(self, envelope_from, recipients, content):
        await send(self, envelope_from, recipients, content)
        return await send(self, envelope_from, recipients, content)

    monkeypatch.setattr(outage.Relay, "send", twice)
    monkeypatch.setattr(schedule, "DELAYS", tuple(wait / 2 for wait in schedule.DELAYS))
    monkeypatch.setattr(schedule, "GIVE_UP_AFTER", timedelta(days=4))
    outcome = await outage.run(migrated_sqlite_url, 2, rate=4)

    for words in ("min after the one before", "was given up too early", "was sent 2 times", "in one minute, 4 allowed"):
        assert any(words in fault for fault in outcome.faults), words
