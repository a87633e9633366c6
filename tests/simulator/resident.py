"""What all counterparts have in common, and the genuine customers who live among them."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from gateway.model import DeliveryResult
from tests.simulator.post import INBOX, Letter, Message
from tests.simulator.world import Sent, World

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@dataclass
class Resident:
    """Somebody with an address at a domain of their own. `number` is the row of the list of counterparts."""

    number: int
    name: str
    domain: str = "robot.example"
    local: str = "desk"
    received: list[Message] = field(default_factory=list)
    most: int = 3  # automatic mails that this one may get in a day
    shortly: float = 2.0  # how long the tests watch
    floods: bool = False  # uses the queue's limits up, so that customers may miss their acknowledgements

    @property
    def address(self) -> str:
        return f"{self.local}@{self.domain}"

    def start(self, world: World) -> None:
        """Do the first thing."""

    def owns(self, address: str) -> bool:
        return address.endswith(("@" + self.domain, "." + self.domain))

    def receive(self, world: World, message: Message) -> DeliveryResult | None:
        self.received.append(message)
        return self.react(world, message)

    def react(self, world: World, message: Message) -> DeliveryResult | None:
        """Answer, or not."""

    def letter(self, world: World, subject: str, body: str, **changes: Any) -> Letter:
        """Return a letter of this one."""
        plain = {"author": self.address, "message_id": world.new_id(self.domain)}
        return Letter(subject=subject, body=body, **{**plain, **changes})

    # --- what must show ---------------------------------------------------------------------------------------

    def got(self, world: World) -> list[Sent]:
        """Return the automatic mails that this one got."""
        return world.automatic_to(self.owns)

    def became(self, world: World) -> Counter[str]:
        """Count the dispositions of this one's mails."""
        return Counter(t.applied.disposition.value for t in world.taken if self.owns(t.letter.address.lower()))

    def tickets(self, world: World) -> int:
        """Count the tickets that this one's mails opened."""
        return self.became(world)["ticket"]

    def expect(self, world: World) -> list[str]:
        """Return what did not show, in words."""
        return []


WORDS = (
    "printer", "invoice", "delivery", "password", "window", "garden", "bicycle", "kettle", "lamp", "ladder",
    "contract", "engine", "keyboard", "mirror", "ticket", "carpet", "battery", "receipt", "cable", "shelf",
    "hinge", "charger", "monitor", "filter", "valve", "pump", "sensor", "blanket", "helmet", "saddle", "pedal",
    "basket", "drawer", "switch", "socket", "button", "handle", "bracket", "curtain", "pillow", "mattress",
    "faucet", "gutter", "roof", "tile", "brick", "fence", "hammer",
)  # fmt: skip
QUESTIONS = (
    "does not work since",
    "was never delivered after",
    "is broken beside",
    "should be replaced with",
    "makes noise near",
)


@dataclass
class Customer(Resident):
    """A person who asks one question, and answers to an agent's answer."""

    asks_after: timedelta = HOUR
    body: str = ""

    def start(self, world: World) -> None:
        rng = random.Random(self.local)
        words = rng.sample(WORDS, 12)
        text = (
            f"the {words[0]} {rng.choice(QUESTIONS)} the {words[1]}. We tried {', '.join(words[2:9])} and it stays so."
        )
        self.body = f"Hello,\n\n{text}\n\nWhat about the {' or the '.join(words[9:])}?\n\n{self.local.title()}"
        letter = self.letter(world, f"The {words[0]} and the {words[1]}", self.body)
        world.write(letter, self.asks_after)

    def expect_ticket(self, world: World) -> list[str]:
        """Return what is wrong with this customer's ticket."""
        tickets = world.tickets_of(self.address)
        if len(tickets) == 1 and self.tickets(world) == 1:
            return []
        return [f"the customer {self.address} has tickets {tickets}: {dict(self.became(world))}"]

    def expect(self, world: World) -> list[str]:
        if wrong := self.expect_ticket(world):
            return wrong
        tickets = world.tickets_of(self.address)
        if not any(sent.ticket == tickets[0] for sent in self.got(world)):
            return [f"the customer {self.address} got no acknowledgement"]
        return []


def customers(days: float, every: timedelta) -> list[Customer]:
    """Return people who come one after the other, each of a company of their own."""
    count = int(timedelta(days=days) / every)
    names = [
        f"{first}{number}" for number, first in enumerate(("ada", "ben", "cleo", "dan", "eva", "finn", "gus") * 40)
    ]
    return [
        Customer(0, "a customer", f"{name}-works.example", name, asks_after=every * (n + 0.37))
        for n, name in enumerate(names[:count])
    ]


__all__ = ["DAY", "HOUR", "INBOX", "MINUTE", "Customer", "Resident", "customers"]
