"""What agents see and say, as frozen values. Times are aware, UTC; addresses are in normal form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

from gateway.model import Mailbox, OutboxRow, ParticipantRow, Refusal, Verdict

Row = TypeVar("Row")


# --- who -------------------------------------------------------------------------------------------------------


class Scope(StrEnum):
    """What a request may do. A session of an agent has read and write, one of an administrator all three."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Reach:
    """What a query may see: every statement on tickets is narrowed by it. `queues` is None for administrators."""

    agent: int
    queues: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Agent:
    """An account as the desk knows it. `queues` is None for all of them."""

    id: int
    address: str
    name: str
    role: str  # agent | admin
    queues: tuple[str, ...] | None = None
    must_change: bool = False  # the password was chosen by somebody else
    disabled: bool = False
    locale: str = ""  # "" leaves it to the browser
    zone: str = ""  # IANA name; "" leaves it to the browser
    signature: str = ""
    created_at: datetime | None = None
    has_password: bool = True

    @property
    def admin(self) -> bool:
        """Whether this account administrates."""
        return self.role == "admin"

    @property
    def shown(self) -> str:
        """The author of what this agent does, as entries show it."""
        return f"{self.name} <{self.address}>" if self.name else self.address


@dataclass(frozen=True, slots=True)
class Principal:
    """Who makes a request, and what they may do. `csrf` is empty for tokens, which need none."""

    agent: Agent
    scopes: frozenset[Scope]
    session: int | None = None
    token: int | None = None
    csrf: str = ""

    @property
    def reach(self) -> Reach:
        """What their queries may see."""
        return Reach(self.agent.id, None if self.agent.admin else self.agent.queues)

    def may(self, scope: Scope) -> bool:
        """Tell whether a scope is theirs."""
        return scope in self.scopes


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One signed-in browser."""

    id: int
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    peer: str
    browser: str


@dataclass(frozen=True, slots=True)
class TokenRow:
    """One API token; its text was shown once, when it was made."""

    id: int
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None


# --- lists -----------------------------------------------------------------------------------------------------


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


# --- one ticket ------------------------------------------------------------------------------------------------


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


# --- changing --------------------------------------------------------------------------------------------------


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
    """A reply as an agent writes it. `to` and `cc` default to requester and participants."""

    text: str
    to: tuple[str, ...] | None = None
    cc: tuple[str, ...] | None = None
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


# --- shelf -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class View:
    """A saved list. `shared` ones are everybody's."""

    id: int
    name: str
    filter: Filter
    shared: bool
    mine: bool


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


# --- together --------------------------------------------------------------------------------------------------


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
