"""What agents change and write."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Changes:
    """What to change on a ticket. None leaves as it is; an empty text takes away."""

    status: str | None = None
    assignee: str | None = None
    priority: str | None = None
    type: str | None = None
    queue: str | None = None
    subject: str | None = None
    due_at: datetime | None = None
    no_due: bool = False  # take the due time away
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that an agent attaches."""

    filename: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Words:
    """A reply as an agent writes it. `to` and `cc` default to requester and participants; `bcc` nobody else sees."""

    text: str
    to: tuple[str, ...] | None = None
    cc: tuple[str, ...] | None = None
    bcc: tuple[str, ...] = ()
    files: tuple[Upload, ...] = ()
    draft_files: bool = True  # also what is attached to the agent's draft
    status: str = "waiting"  # of the ticket afterwards: waiting | solved | open
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Queued:
    """A reply that is on its way. It can be taken back until `undo_until`."""

    outgoing: int
    entry: int
    undo_until: datetime
    version: int


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one ticket of a bulk action: an empty `problem` means changed."""

    number: int
    problem: str = ""
