"""Two Poternes that acknowledge each other, everything stripped between them that could tell them what they are."""

from dataclasses import dataclass
from datetime import timedelta

import pytest

from gateway.model import DeliveryResult
from gateway.store import BoundTable
from tests.simulator.checks import breaches, densest
from tests.simulator.post import Message
from tests.simulator.resident import DAY, HOUR, WORDS, Customer, Resident, customers
from tests.simulator.world import World, live_together, open_world

LENGTH = 4 * DAY
WITHOUT = ((DAY, 10_000_000),)


@dataclass
class Mirror(Resident):
    """The other instance as this one sees it. Only subject and text of a mail get through, and a new text each time."""

    other: World | None = None
    delay: timedelta = timedelta(minutes=11)  # beyond the limit of one in ten minutes
    mails: int = 0

    def react(self, world: World, message: Message) -> DeliveryResult | None:
        assert self.other is not None
        self.mails += 1
        text = f"{message.mail.text} {' '.join(world.rng.choices(WORDS, k=60))}"
        letter = self.letter(self.other, f"Mail {self.mails}", text, author=f"support@poterne-{self.local}.example")
        self.other.write(letter, self.delay * (0.5 + world.rng.random()))
        return None


def introduce(one: World, other: World, people: list[Customer]) -> list[Mirror]:
    """Let each be a resident of the other's world; a person at one of them begins, again and again."""
    mirrors = [
        Mirror(15, "the second", "poterne-one.example", "two", other=other),
        Mirror(15, "the first", "poterne-two.example", "one", other=one),
    ]
    one.residents, other.residents = [mirrors[0], *people], [mirrors[1]]
    for number in range(40):
        words = " ".join(one.rng.choices(WORDS, k=40))
        letter = mirrors[0].letter(one, f"Question {number}", words, author="support@poterne-one.example")
        one.write(letter, 2.4 * HOUR * number)
    return mirrors


@pytest.mark.parametrize("bounded", [True, False], ids=["bounded", "without_the_bound"])
async def test_they_stop(tmp_path, bounded):
    bound = None if bounded else BoundTable(address=WITHOUT, organisation=WITHOUT, fingerprint=WITHOUT, queue=WITHOUT)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    one = open_world(tmp_path / "one", bound=bound)
    other = open_world(tmp_path / "two", bound=bound, secret=b"the key of the second instance, too", clock=one.clock)
    async with one.store, other.store:
        people = customers(4, 9 * HOUR)
        mirrors = introduce(one, other, people)
        await live_together((one, other), LENGTH)

        fullest = [
            densest((s.at for s in mirror.got(world)), DAY) for mirror, world in zip(mirrors, (one, other), strict=True)
        ]

        if bounded:
            assert breaches(one) == breaches(other) == []
            assert max(fullest) <= 3
            assert min(fullest) > 0
            assert [problem for person in people for problem in person.expect(one)] == []
        else:
            assert max(fullest) > 3
            assert any(problem.startswith("I2: ") for problem in (*breaches(one), *breaches(other)))
