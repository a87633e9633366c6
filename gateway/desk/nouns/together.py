"""Who is here, and what happened."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Self

POSITION = re.compile(r"([0-9]{1,18})-([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class Presence:
    """Somebody who has a ticket open. `doing` is looking, replying or noting."""

    agent: int
    name: str
    ticket: int
    doing: str
    since: datetime
    queue: str = ""


class Position(NamedTuple):
    """How much of what happened a page or a stream shows: up to this entry, and this notice."""

    entry: int
    notice: int

    def __str__(self) -> str:
        return f"{self.entry}-{self.notice}"

    @classmethod
    def read(cls, words: str) -> Self | None:
        """Return the position that these words name, or None: what a client sends may be anything."""
        found = POSITION.fullmatch(words)
        return cls(int(found[1]), int(found[2])) if found else None


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, for the live stream. `kind` is entry, presence, notice, missed or beat.

    `missed` says that more happened since a position than is told again. `position` is set where a stream may be taken
    up again, after this event.
    """

    kind: str
    id: int = 0
    ticket: int = 0
    queue: str = ""
    entry_kind: str = ""
    author: str = ""
    text: str = ""
    present: tuple[Presence, ...] = ()
    position: Position | None = None
