"""A short run of every world, and one with the bound taken out. The full run is `python -m tests.simulator`."""

import sqlite3
from datetime import datetime, timedelta

import pytest

from gateway.store import BoundTable
from tests.simulator.checks import breaches, densest
from tests.simulator.post import FORWARDERS
from tests.simulator.resident import customers
from tests.simulator.scenarios import NASTIEST, alone, live, pairs, rows, together
from tests.simulator.world import open_world

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


async def test_the_checks_see_what_is_broken_on_purpose(tmp_path):
    """A lost intake, a lost disposition, an acknowledgement for a bounce, a robot's mail that reopened a ticket."""
    world = open_world(tmp_path)
    async with world.store:
        world.residents = [*customers(1, timedelta(hours=5))]
        await world.live(timedelta(days=1))
        assert breaches(world) == []
        with sqlite3.connect(world.database) as connection:
            connection.execute("UPDATE intakes SET disposition = NULL WHERE id = 1")
            connection.execute("UPDATE intakes SET kind = 'bounce' WHERE id = 2")
            connection.execute("INSERT INTO raws (sha256, size, stored_at, content) VALUES ('x', 1, 1, x'')")
            connection.execute("UPDATE intakes SET raw_id = (SELECT max(id) FROM raws) WHERE id = 3")
        world.woken.append("auto_reply changed ticket 1")

        assert breaches(world) == [
            "I1: the intakes are not the mails that were taken",
            "I1: an intake is done with disposition None",
            "I3: automatic mail 2 was caused by bounce",
            "auto_reply changed ticket 1",
        ]


@pytest.mark.parametrize("name", ["CRM, case rotates", "CRM, plus tag rotates"])
async def test_what_a_rotating_address_got_is_counted(name):
    """However it is written: a count of nothing would look like a bound that holds."""
    seen = await live(alone(NAMES.index(name)), days=1)

    assert 0 < seen.fullest_day <= seen.most


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
