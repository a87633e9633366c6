"""Who is here, and what happened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Presence:
    """Somebody who has a ticket open. `doing` is looking, replying or noting."""

    agent: int
    name: str
    ticket: int
    doing: str
    since: datetime
    queue: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, for the live stream. `kind` is entry, presence, notice or beat."""

    kind: str
    id: int = 0
    ticket: int = 0
    queue: str = ""
    entry_kind: str = ""
    author: str = ""
    text: str = ""
    present: tuple[Presence, ...] = ()
