"""Which worlds are lived through, for how long, and what is written down of each."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from gateway.store import BoundTable
from tests.simulator.checks import breaches, densest
from tests.simulator.machines import machines
from tests.simulator.people import people
from tests.simulator.post import FORWARDERS
from tests.simulator.resident import DAY, HOUR, Resident, customers
from tests.simulator.robots import desks, nasty, responders
from tests.simulator.world import open_world

DAYS = 10.0
CUSTOMER_EVERY = 9 * HOUR
MEMORY = Path("/dev/shm")  # the daemon's fsync is tested elsewhere; here ten days have to pass quickly


@dataclass(frozen=True)
class Outcome:
    """What was seen in one world."""

    number: int
    name: str
    forwarder: str
    became: Counter[str]  # dispositions of the counterpart's mails
    automatic: int  # automatic mails that it got
    fullest_day: int
    most: int
    customers: int
    wrong: tuple[str, ...]


def rows() -> list[Resident]:
    """Return every counterpart, new-born."""
    return [*responders(), *desks(), *nasty(), *machines(), *people()]


def pairs() -> Iterator[tuple[int, int]]:
    """Yield the places of the nastiest in `rows()`, two by two."""
    names = [row.name for row in rows()]
    nastiest = [names.index(name) for name in NASTIEST]
    yield from ((one, other) for place, one in enumerate(nastiest) for other in nastiest[place + 1 :])


NASTIEST = (
    "vacation without marks, on every mail",
    "out-of-office that threads nothing",
    "FreeScout: no marks",
    "a desk that acknowledges every mail",
    "another Poterne, all headers stripped",
    "CRM, new text each time",
)


async def live(
    make: Callable[[], list[Resident]], forwarder: str = "F7", days: float = DAYS, bound: BoundTable | None = None
) -> Outcome:
    """Let counterparts live together with genuine customers, and return what was seen."""
    residents = make()
    for number, resident in enumerate(residents[1:], 2):
        resident.domain = resident.domain.replace("robot", f"robot{number}")
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        world = open_world(Path(folder), forward=FORWARDERS[forwarder], bound=bound)
        async with world.store:
            among = customers(days, CUSTOMER_EVERY)
            world.residents = [*residents, *among]
            await world.live(timedelta(days=days) + HOUR)
            audit = await world.store.audit()
        wrong = [*breaches(world), *(problem for resident in residents for problem in resident.expect(world))]
        wrong.extend(f"audit: {problem}" for problem in audit.problems)
        for customer in among:
            wrong.extend(customer.expect(world) if not residents[0].floods else customer.expect_ticket(world))
        got = [sent for resident in residents for sent in resident.got(world)]
        return Outcome(
            number=residents[0].number,
            name=" and ".join(resident.name for resident in residents),
            forwarder=forwarder,
            became=sum((resident.became(world) for resident in residents), Counter()),
            automatic=len(got),
            fullest_day=densest((sent.at for sent in got), DAY),
            most=sum(resident.most for resident in residents),
            customers=len(among),
            wrong=tuple(wrong),
        )


def alone(place: int) -> Callable[[], list[Resident]]:
    """Return how to make one counterpart."""
    return lambda: [rows()[place]]


def together(one: int, other: int) -> Callable[[], list[Resident]]:
    """Return how to make two counterparts."""
    return lambda: [rows()[one], rows()[other]]
