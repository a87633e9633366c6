"""The worker for digests looks again and again, and a store that does not answer ends nothing."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import cast

import pytest
from structlog.testing import capture_logs

from gateway.daemon import digests
from gateway.errors import StorageUnavailable
from gateway.model import Digest, Draft, OutgoingId
from gateway.ports import Store


class Cardboard:
    """A store that fails once, then queues one digest, then has none."""

    def __init__(self) -> None:
        self.answers: list[object] = [StorageUnavailable("away"), (7,)]
        self.looks = 0

    async def transact(self, job):
        self.looks += 1
        answer = self.answers.pop(0) if self.answers else ()
        if isinstance(answer, Exception):
            raise answer
        return answer


def nothing_to_write(digest: Digest, outgoing: OutgoingId) -> Draft:
    raise AssertionError((digest, outgoing))


async def test_digests_are_looked_for_until_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "PERIOD", timedelta(milliseconds=5))
    store, woken = Cardboard(), []
    with capture_logs() as lines:
        task = asyncio.create_task(
            digests.keep_digests(cast("Store", store), lambda: nothing_to_write, lambda: woken.append(1))
        )
        async with asyncio.timeout(5):
            while store.looks < 4:
                await asyncio.sleep(0.01)
        task.cancel()

    assert [line["event"] for line in lines] == ["digests.unsent", "digests.queued"]
    assert woken == [1]
