"""What agents keep beside tickets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.desk.nouns.lists import Counts, Filter
from gateway.desk.nouns.who import Agent


@dataclass(frozen=True, slots=True)
class View:
    """A saved list. `shared` ones are everybody's."""

    id: int
    name: str
    filter: Filter
    shared: bool
    mine: bool


@dataclass(frozen=True, slots=True)
class Side:
    """What stands beside every page."""

    counts: Counts
    views: Sequence[View]
    agents: Sequence[Agent]  # every account: their names, and who can be an assignee


@dataclass(frozen=True, slots=True)
class Canned:
    """A canned answer. Its text may hold placeholders such as `{customer.name}`."""

    id: int
    name: str
    text: str
    queue: str | None  # None: every queue
    shortcut: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification to an agent: assigned or mentioned."""

    id: int
    ticket: int
    subject: str
    entry: int | None
    why: str  # assigned | mentioned
    by: str
    at: datetime
    read: bool
