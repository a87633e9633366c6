"""What the desk asks of the store. Every method on tickets is narrowed by a `Reach`: not theirs is `NotFound`.

Changes raise `Conflict` when a version is given that is not the present one; nothing is written then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from gateway.desk.nouns import (
    Agent,
    Canned,
    Changes,
    Counts,
    DraftRow,
    Event,
    FileRow,
    Filter,
    Found,
    Notice,
    Page,
    Position,
    Presence,
    Queued,
    Reach,
    SessionRow,
    Side,
    TicketLine,
    TicketPage,
    TokenRow,
    Upload,
    View,
)
from gateway.model import Draft, InboxRow, OutboxRow, OutgoingId


class AccountBooks(Protocol):
    """Accounts, sessions, tokens and failed tries. Secrets come and go as SHA-256 or argon2 hashes, never in clear."""

    async def find_agent(self, address: str) -> tuple[Agent, str | None] | None:
        """Return the account with this address and its password's hash, disabled ones too."""

    async def desk_agents(self) -> Sequence[Agent]:
        """Return every account with the queues that it may see."""

    async def set_password(self, agent: int, password: str, *, must_change: bool, keep_session: int | None) -> None:
        """Replace a password; every other session of the account ends in the same commit."""

    async def rehash(self, agent: int, password: str) -> None:
        """Replace the hash of the same password."""

    async def set_preferences(self, agent: int, locale: str, zone: str, signature: str) -> None:
        """Keep what an agent prefers."""

    async def grant_queues(self, address: str, queues: Sequence[str] | None) -> None:
        """Say which queues an account may see; None for all."""

    async def blocked_until(self, keys: Sequence[str]) -> datetime | None:
        """Tell until when tries under any of these keys are refused."""

    async def note_failure(self, key: str, free: int, first: timedelta, longest: timedelta) -> None:
        """Count a failed try; beyond `free` of them each next one blocks twice as long, from `first` to `longest`."""

    async def forget_failures(self, key: str) -> None:
        """Start counting again, after a success."""

    async def open_session(self, agent: int, digest: str, expires_at: datetime, peer: str, browser: str) -> int:
        """Keep a new session."""

    async def session(self, digest: str) -> tuple[int, Agent] | None:
        """Return a session that has not ended and whose account may sign in; notes that it was seen."""

    async def list_sessions(self, agent: int) -> Sequence[SessionRow]:
        """Return an agent's sessions."""

    async def end_session(self, agent: int, session: int) -> bool:
        """End a session. False if it is not the agent's."""

    async def add_token(
        self, agent: int, name: str, digest: str, scopes: Sequence[str], expires_at: datetime | None
    ) -> int:
        """Keep a new API token."""

    async def token(self, digest: str) -> tuple[int, tuple[str, ...], Agent] | None:
        """Return a token that counts, its scopes, and its agent."""

    async def list_tokens(self, agent: int) -> Sequence[TokenRow]:
        """Return an agent's tokens."""

    async def remove_token(self, agent: int, token: int) -> bool:
        """Make a token count no more. False if it is not the agent's."""


class TicketBooks(Protocol):
    """Tickets as agents read them."""

    async def find_tickets(self, reach: Reach, wanted: Filter, limit: int, cursor: str | None) -> Page[TicketLine]:
        """Return tickets in the order that the filter names, newest first (due: soonest first)."""

    async def count_tickets(self, reach: Reach, address: str) -> Counts:
        """Count for the side column; `address` is the agent's."""

    async def search_tickets(self, reach: Reach, words: str, limit: int, cursor: str | None) -> Page[Found]:
        """Find tickets by words in subjects, bodies, people and attachments' names; newest hit first."""

    async def ticket_page(self, reach: Reach, number: int) -> TicketPage:
        """Return everything on a ticket; the route of a reply is left for the use case to fill in."""

    async def queue_of(self, reach: Reach, number: int) -> str:
        """Return a ticket's queue."""

    async def entry_html(self, reach: Reach, number: int, entry: int) -> tuple[str, Sequence[FileRow]]:
        """Return the sanitised HTML of an entry, and the files that it may show inline."""

    async def file(
        self, reach: Reach, number: int, source: str, ident: int, position: int
    ) -> tuple[FileRow, str, bytes]:
        """Return an attachment with its octets; for "mail" its part, and the whole raw mail in which it stands."""

    async def raw_mail(self, reach: Reach, number: int, entry: int) -> bytes:
        """Return the octets of the mail behind an entry: as it came, or as it was signed and sent."""

    async def tags(self, reach: Reach) -> Sequence[tuple[str, int]]:
        """Return the tags in use with how many tickets have them, most used first."""


class ChangeBooks(Protocol):
    """Changes of tickets, each with its entry, in one commit."""

    async def change(self, reach: Reach, number: int, by: Agent, changes: Changes, version: int | None) -> int:
        """Change a ticket; return its new version. An assignee must be an agent who may see the queue."""

    async def queue_answer(
        self,
        reach: Reach,
        number: int,
        by: Agent,
        text: str,
        make_draft: Callable[[OutgoingId], Draft],
        *,
        delay: timedelta,
        status: str,
        version: int | None,
    ) -> Queued:
        """Queue a reply with its entry, to be sent after `delay`; the agent's draft of it is gone then."""

    async def take_back(self, reach: Reach, number: int, outgoing: int, by: Agent) -> str:
        """Cancel a reply that was not handed out yet, and make a draft of it again. Returns its text."""

    async def note(self, reach: Reach, number: int, by: Agent, text: str, mentioned: Sequence[int]) -> int:
        """Write an internal note and tell those mentioned. Nothing is mailed."""

    async def merge(self, reach: Reach, number: int, into: int, by: Agent, version: int | None) -> None:
        """Move everything of a ticket to another one; answers to the first find the second."""

    async def split(self, reach: Reach, number: int, entries: Sequence[int], subject: str, by: Agent) -> int:
        """Move entries to a new ticket that is linked to the old one; return its number."""

    async def link(self, reach: Reach, number: int, other: int, by: Agent, *, linked: bool) -> None:
        """Link two tickets, or end that."""

    async def mark(self, reach: Reach, numbers: Sequence[int], *, read: bool) -> None:
        """Note that an agent has read tickets, or wants them unread again."""


class ShelfBooks(Protocol):
    """What agents keep beside tickets."""

    async def drafts(self, agent: int) -> Sequence[DraftRow]:
        """Return an agent's drafts, last saved first."""

    async def save_draft(
        self, reach: Reach, number: int, kind: str, text: str, *, cc: str, version: int | None
    ) -> DraftRow:
        """Keep a draft. Raises Conflict if another window saved since `version`."""

    async def attach(self, reach: Reach, number: int, kind: str, file: Upload) -> FileRow:
        """Attach a file to a draft, which is made if there is none."""

    async def detach(self, reach: Reach, number: int, kind: str, position: int) -> bool:
        """Take a file off a draft."""

    async def draft_files(self, reach: Reach, number: int, kind: str) -> Sequence[Upload]:
        """Return what is attached to a draft."""

    async def discard_draft(self, reach: Reach, number: int, kind: str) -> bool:
        """Throw a draft away."""

    async def side(self, reach: Reach, agent: int, address: str) -> Side:
        """Return what stands beside every page of an agent, as one snapshot."""

    async def views(self, agent: int) -> Sequence[View]:
        """Return an agent's views and the shared ones."""

    async def save_view(self, agent: int, view: View) -> View:
        """Keep a view; id 0 makes a new one. Raises NotFound for one that is not the agent's."""

    async def remove_view(self, agent: int, view: int) -> bool:
        """Remove an agent's own view."""

    async def canned(self, reach: Reach) -> Sequence[Canned]:
        """Return the canned answers of the queues in reach."""

    async def save_canned(self, reach: Reach, canned: Canned) -> Canned:
        """Keep a canned answer; id 0 makes a new one."""

    async def remove_canned(self, reach: Reach, canned: int) -> bool:
        """Remove a canned answer."""

    async def notices(self, agent: int, limit: int, before: int | None) -> Sequence[Notice]:
        """Return an agent's notifications, newest first."""

    async def read_notices(self, agent: int, upto: int) -> int:
        """Mark notifications up to this one as read; return how many."""

    async def begin_once(self, agent: int, key: str, digest: str) -> tuple[int, str] | None:
        """Claim an idempotency key. None: go on; else status and body of the first answer.

        Raises Conflict while the first request is under way, NotSendable if the key belonged to another request.
        """

    async def finish_once(self, agent: int, key: str, status: int, body: str) -> None:
        """Keep the answer under an idempotency key; status 0 lets go of the key."""


class TogetherBooks(Protocol):
    """What happens on all nodes."""

    async def last_event(self) -> Position:
        """Return the newest entry and notice, before which no other can come into sight any more."""

    async def events_since(self, seen: Position, limit: int) -> Sequence[tuple[Event, int]]:
        """Return what was written since: entries, oldest first, then notices, at most `limit` of each.

        A notice comes with the agent whom it is for, an entry with 0.
        """

    async def events_of(self, entries: Sequence[int], notices: Sequence[int]) -> Sequence[tuple[Event, int]]:
        """Return those of these entries and notices that are in sight, as `events_since` does."""

    async def be_present(self, reach: Reach, number: int, doing: str) -> None:
        """Note that an agent looks at a ticket, or writes on it; an empty `doing` takes the note away."""

    async def present(self, since: datetime) -> Sequence[Presence]:
        """Return everybody who was seen on a ticket since then."""


class AdminBooks(Protocol):
    """What only administrators look at, besides ports.Operations."""

    async def inbox_rows(self) -> Sequence[InboxRow]:
        """Return how the direct inboxes go."""

    async def find_deliveries(
        self, limit: int, before: int | None, state: str | None, channel: str | None
    ) -> Sequence[OutboxRow]:
        """Return deliveries, newest first, of one state or channel if asked."""

    async def forwarders_seen(self, limit: int) -> Sequence[tuple[str, str, int, datetime, str]]:
        """Return (queue, forwarder, mails, last seen, YAML line) of forwarders; the line is "" for configured ones."""


class DeskBooks(AccountBooks, TicketBooks, ChangeBooks, ShelfBooks, TogetherBooks, AdminBooks, Protocol):
    """All of it; one store implements it."""

    def clients_wait(self) -> bool:
        """Tell whether a sending server waits for its 250: readers of pages can wait a moment."""
