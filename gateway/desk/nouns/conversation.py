"""One ticket with everything on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gateway.desk.nouns.lists import TicketLine
from gateway.model import Mailbox, OutboxRow, ParticipantRow, Refusal, Verdict


@dataclass(frozen=True, slots=True)
class FileRow:
    """An attachment. `source` says whose: "mail" came with a customer's mail, "sent" went out with a reply.

    Downloads are named by (`source`, `id`, `position`); `previewable` types may be shown inline in a sandbox.
    """

    source: str  # mail | sent
    id: int  # of the attachment, or of the outgoing
    position: int
    filename: str
    content_type: str
    size: int
    inline: bool = False
    content_id: str | None = None
    dangerous: bool = False
    previewable: bool = False


@dataclass(frozen=True, slots=True)
class Moment:
    """One entry of the time-line with what belongs to it."""

    id: int
    kind: str  # EntryKind
    author: str
    created_at: datetime
    text: str  # new words; for state changes one plain sentence
    whole: str | None = None  # the whole text with what was quoted, where that is more
    has_html: bool = False  # see `Tickets.html`
    remote_images: bool = False
    intake: int | None = None
    outgoing: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[FileRow, ...] = ()
    deliveries: tuple[OutboxRow, ...] = ()
    undo_until: datetime | None = None  # a reply that can still be taken back
    taken_back: bool = False
    mine: bool = False


@dataclass(frozen=True, slots=True)
class Why:
    """How the mail that opened a ticket was judged, and why it was not acknowledged, if it was not."""

    intake: int
    kind: str | None
    because: str
    verdicts: tuple[Verdict, ...]
    refusals: tuple[Refusal, ...]
    acknowledged: bool


@dataclass(frozen=True, slots=True)
class LinkRow:
    """A ticket that another one is linked to."""

    number: int
    subject: str
    status: str
    queue: str
    because: str


@dataclass(frozen=True, slots=True)
class DraftRow:
    """What an agent began to write on a ticket."""

    ticket: int
    kind: str  # reply | note
    text: str
    cc: str
    saved_at: datetime
    version: int
    files: tuple[FileRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """To whom a reply would go, from which address, over which channel: shown before it is sent."""

    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...]
    from_: str
    channel: str
    refused: str = ""  # why nothing can be sent, in one sentence


@dataclass(frozen=True, slots=True)
class TicketPage:
    """Everything that a ticket's page shows."""

    line: TicketLine
    merged_into: int | None
    participants: tuple[ParticipantRow, ...]
    links: tuple[LinkRow, ...]
    moments: tuple[Moment, ...]
    others: tuple[TicketLine, ...]  # further tickets of the requester, newest first
    why: Why | None
    route: Route
    drafts: tuple[DraftRow, ...] = ()
    others_drafting: tuple[str, ...] = ()  # names of agents with a draft of a reply on this ticket
    notices: int = 0  # what the reader was told of this ticket and has not read
