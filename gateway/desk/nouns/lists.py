"""Lists of tickets: which ones, and what a line shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Rows, and the cursor for those after them; None on the last page."""

    items: tuple[Row, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which tickets. What is None does not narrow; an empty `assignee` asks for those of nobody."""

    queue: str | None = None
    statuses: tuple[str, ...] = ()  # () is every status but merged
    assignee: str | None = None  # an agent's address
    tag: str | None = None
    customer: str | None = None  # the requester's address
    organisation: str | None = None  # the requester's domain
    type: str | None = None
    priority: str | None = None
    overdue: bool = False  # only tickets whose due time has passed
    order: str = "updated"  # updated | created | due


OPEN_STATUSES = ("new", "open")  # what waits for us; `waiting` waits for the customer


@dataclass(frozen=True, slots=True)
class TicketLine:
    """One line of a list of tickets."""

    number: int
    queue: str
    type: str | None
    subject: str
    status: str
    priority: str
    requester: str
    requester_name: str
    assignee: str | None
    created_at: datetime
    updated_at: datetime
    due_at: datetime | None
    version: int
    entries: int
    excerpt: str  # first words of the last message
    last_author: str
    unread: bool
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QueueCount:
    """How many tickets of a queue are in each state that is not an end."""

    new: int = 0
    open: int = 0
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class Counts:
    """What the side column counts."""

    queues: Mapping[str, QueueCount]
    mine: int
    unassigned: int
    waiting: int
    overdue: int
    notifications: int  # unread


@dataclass(frozen=True, slots=True)
class Found:
    """One ticket that a search found, with the words around the newest hit."""

    line: TicketLine
    entry: int
    excerpt: str
    author: str = ""  # who wrote these words; the line names the author of the newest
