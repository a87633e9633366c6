"""A short run of every world, and one with the bound taken out. The full run is `python -m tests.simulator`."""

from datetime import datetime, timedelta

import pytest

from gateway.store import BoundTable
from tests.simulator.checks import densest
from tests.simulator.post import FORWARDERS
from tests.simulator.scenarios import NASTIEST, alone, live, pairs, rows, together

NAMES = [row.name for row in rows()]
BEHIND = (
    "vacation, once a week, all marks",
    "Exchange out-of-office",
    "Zendesk",
    "a desk that acknowledges every mail",
    "bounces: failed 5.1.1",
    "newsletter with one click",
    "people: thanks, a bounce, out-of-office, a form",
)
WITHOUT = ((timedelta(days=1), 10_000_000),)
UNBOUNDED = BoundTable(address=WITHOUT, organisation=WITHOUT, fingerprint=WITHOUT, queue=WITHOUT)


@pytest.mark.parametrize("place", range(len(NAMES)), ids=lambda place: NAMES[place].replace(" ", "_"))
async def test_nothing_goes_wrong_with(place):
    seen = await live(alone(place), days=rows()[place].shortly)

    assert seen.wrong == ()
    assert seen.fullest_day <= seen.most


@pytest.mark.parametrize("forwarder", [name for name in FORWARDERS if name != "F7"])
@pytest.mark.parametrize("name", BEHIND, ids=lambda name: name.replace(" ", "_"))
async def test_nothing_goes_wrong_behind(forwarder, name):
    place = NAMES.index(name)
    seen = await live(alone(place), forwarder, days=rows()[place].shortly)

    assert seen.wrong == ()


@pytest.mark.parametrize("pair", list(pairs())[::4], ids=lambda pair: f"{pair[0]}_{pair[1]}")
async def test_nothing_goes_wrong_between(pair):
    seen = await live(together(*pair), days=1.5)

    assert seen.wrong == ()


@pytest.mark.parametrize("name", ["CRM, plus tag rotates", "CRM, local part rotates"])
async def test_without_the_bound_the_worlds_go_wrong(name):
    """Broken on purpose: everything else stands, only the limits are out of reach."""
    seen = await live(alone(NAMES.index(name)), days=1.5, bound=UNBOUNDED)

    assert any(problem.startswith("I2: ") for problem in seen.wrong), seen.wrong
    assert seen.fullest_day > seen.most


def test_every_row_of_the_list_of_counterparts_is_there():
    assert {row.number for row in rows()} == set(range(1, 41))
    assert len(set(NAMES)) == len(NAMES)
    assert set(NASTIEST) <= set(NAMES)


def test_the_fullest_window_is_half_open():
    start = datetime(2026, 1, 1)  # noqa: DTZ001 - only differences count
    hours = [start + timedelta(hours=n) for n in (0, 1, 2, 24, 25)]

    assert densest(hours, timedelta(hours=24)) == 4 - 1
    assert densest(hours, timedelta(hours=25)) == 4
    assert densest([], timedelta(hours=1)) == 0
