"""The bound as a property: whatever is asked for, on two nodes at once, no sliding window holds more than its limit.

The model is the definition itself: a list of (time, keys), counted over every window that ends at a member.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.mail.address import canonical, organisation
from gateway.model import DeliveryResult, Outcome, Refusal
from gateway.store import BoundTable, SqlStore, StoreOptions, open_store
from tests.conftest import MovableClock
from tests.support.postgres import PostgresServer
from tests.unit.store.cases import send_automatic

MINUTE = timedelta(minutes=1)
# Small limits, so that short stories reach them.
BOUND = BoundTable(
    address=((3 * MINUTE, 1), (10 * MINUTE, 2)),
    organisation=((4 * MINUTE, 2), (12 * MINUTE, 4)),
    fingerprint=((8 * MINUTE, 2),),
    queue=((5 * MINUTE, 4), (15 * MINUTE, 7)),
    breaker=2 * MINUTE,
)
OPTIONS = StoreOptions(bound=BOUND, writers=3)

recipients = st.sampled_from(
    ["a@one.example.com", "A+x@one.example.com", "b@two.example.com", "c@example.net", "d@gmail.com", "e@gmail.com"]
)
requests = st.tuples(recipients, st.sampled_from(["", "f1", "f2"]), st.booleans())
steps = st.tuples(st.integers(0, 240), st.lists(requests, min_size=1, max_size=6))
stories = st.lists(steps, min_size=1, max_size=8)
PATIENT = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@dataclass
class Model:
    """What was sent, and the rule that it must keep."""

    sent: list[tuple[datetime, dict[str, str]]] = field(default_factory=list)

    def note(self, now: datetime, recipient: str, fingerprint: str) -> None:
        keys = {"address": canonical(recipient), "queue": "support"}
        if group := organisation(recipient):
            keys["organisation"] = group
        if fingerprint:
            keys["fingerprint"] = fingerprint
        self.sent.append((now, keys))

    def broken_windows(self) -> list[str]:
        """Return every window that holds more than its limit."""
        broken = []
        for scope in ("address", "organisation", "fingerprint", "queue"):
            for length, most in BOUND.windows(scope):
                for end, keys in self.sent:
                    inside = [
                        moment
                        for moment, other in self.sent
                        if scope in keys and other.get(scope) == keys[scope] and end - length < moment <= end
                    ]
                    if len(inside) > most:
                        broken.append(f"{scope} {length}: {len(inside)} > {most}")
        return broken


@asynccontextmanager
async def two_nodes(url: str, clock: MovableClock) -> AsyncIterator[tuple[SqlStore, SqlStore]]:
    async with (
        open_store(url, clock=clock, options=OPTIONS) as one,
        open_store(url, clock=clock, options=OPTIONS) as two,
    ):
        yield one, two


def test_two_nodes_queueing_at_once_never_exceed_a_window(postgres: PostgresServer, migrated_postgres_url: str) -> None:
    counted = {"sent": 0, "refused": 0}

    @PATIENT
    @given(stories)
    def check(story) -> None:
        async def play() -> Model:
            clock, model = MovableClock(), Model()
            postgres.empty(migrated_postgres_url)
            async with two_nodes(migrated_postgres_url, clock) as nodes:
                for seconds, batch in story:
                    clock.move(seconds=seconds)
                    results = await asyncio.gather(
                        *(send_automatic(nodes[second], who, fingerprint=mark) for who, mark, second in batch)
                    )
                    for (who, mark, _), result in zip(batch, results, strict=True):
                        counted["refused" if isinstance(result, Refusal) else "sent"] += 1
                        if not isinstance(result, Refusal):
                            model.note(clock.now(), who, mark)
                assert len(await nodes[0].list_outbox(1000)) == len(model.sent)
            return model

        model = asyncio.run(play())
        assert model.broken_windows() == []
        assert model.sent, "the first request of a story is always within the bound"

    check()
    assert counted["sent"] > 25
    assert counted["refused"] > 25


def test_a_drained_channel_never_exceeds_a_window_either(postgres: PostgresServer, migrated_postgres_url: str) -> None:
    handed_out = 0

    @PATIENT
    @given(stories, st.lists(st.integers(0, 300), min_size=1, max_size=6))
    def check(story, drains) -> None:
        async def play() -> Model:
            nonlocal handed_out
            clock, model = MovableClock(), Model()
            postgres.empty(migrated_postgres_url)
            async with two_nodes(migrated_postgres_url, clock) as nodes:
                await nodes[0].pause_channel("relay", "maintenance")
                marks: dict[int, str] = {}
                for seconds, batch in story:
                    clock.move(seconds=seconds)
                    for who, mark, second in batch:
                        result = await send_automatic(nodes[second], who, fingerprint=mark)
                        if not isinstance(result, Refusal):
                            marks[result] = mark
                await nodes[0].resume_channel("relay")
                for seconds in drains:
                    clock.move(seconds=seconds)
                    for claims in await asyncio.gather(*(n.claim_deliveries("relay", 3, MINUTE) for n in nodes)):
                        for claimed in claims:
                            model.note(clock.now(), claimed.recipient, marks[claimed.outgoing_id])
                            await nodes[0].record_delivery(claimed, DeliveryResult(Outcome.SENT, 250), None)
            handed_out += len(model.sent)
            return model

        assert asyncio.run(play()).broken_windows() == []

    check()
    assert handed_out > 25
