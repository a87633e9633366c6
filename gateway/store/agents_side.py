"""The agents' desk in the store: gateway.desk.ports.DeskBooks. Each call is one snapshot or one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

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
    Side,
    TicketLine,
    TicketPage,
    Upload,
    View,
)
from gateway.model import Draft, InboxRow, OutboxRow, OutgoingId
from gateway.store import (
    desk_accounts,
    desk_admin,
    desk_answers,
    desk_changes,
    desk_lists,
    desk_moves,
    desk_page,
    desk_search,
    desk_shelf,
    desk_together,
)
from gateway.store.accounts_side import AccountsSide
from gateway.store.context import Context
from gateway.store.reach import check


class AgentsSide(AccountsSide):
    """Tickets as agents read and change them, and what they keep."""

    # --- reading ----------------------------------------------------------------------------------------------

    async def find_tickets(self, reach: Reach, wanted: Filter, limit: int, cursor: str | None) -> Page[TicketLine]:
        """Return tickets in the order that the filter names."""
        return await self.read(lambda context: desk_lists.find(context, reach, wanted, limit, cursor))

    async def count_tickets(self, reach: Reach, address: str) -> Counts:
        """Count for the side column."""
        return await self.read(lambda context: desk_lists.count(context, reach, address))

    async def search_tickets(self, reach: Reach, words: str, limit: int, cursor: str | None) -> Page[Found]:
        """Find tickets by words."""
        return await self.read(lambda context: desk_search.find_words(context, reach, words, limit, cursor))

    async def ticket_page(self, reach: Reach, number: int) -> TicketPage:
        """Return everything on a ticket."""
        return await self.read(lambda context: desk_page.page(context, reach, number))

    async def queue_of(self, reach: Reach, number: int) -> str:
        """Return a ticket's queue."""
        return await self.read(lambda context: check(context, reach, number))

    async def entry_html(self, reach: Reach, number: int, entry: int) -> tuple[str, Sequence[FileRow]]:
        """Return the sanitised HTML of an entry, and its files."""
        return await self.read(lambda context: desk_page.entry_html(context, reach, number, entry))

    async def file(
        self, reach: Reach, number: int, source: str, ident: int, position: int
    ) -> tuple[FileRow, str, bytes]:
        """Return an attachment with its octets, or with the whole mail and the part where it stands."""
        row, part, octets = await self.read(
            lambda context: desk_page.find_file(context, reach, number, source, ident=ident, position=position)
        )
        return row, part, octets if isinstance(octets, bytes) else await self.read_raw(octets)

    async def raw_mail(self, reach: Reach, number: int, entry: int) -> bytes:
        """Return the octets of the mail behind an entry."""
        octets = await self.read(lambda context: desk_page.behind(context, reach, number, entry))
        return octets if isinstance(octets, bytes) else await self.read_raw(octets)

    async def tags(self, reach: Reach) -> Sequence[tuple[str, int]]:
        """Return the tags in use."""
        return await self.read(lambda context: desk_search.list_tags(context, reach))

    # --- changing ---------------------------------------------------------------------------------------------

    async def change(self, reach: Reach, number: int, by: Agent, changes: Changes, version: int | None) -> int:
        """Change a ticket; return its new version."""
        return await self.write(
            lambda context: desk_changes.change(context, reach, number, by, changes=changes, version=version)
        )

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
        """Queue a reply with its entry, to be sent after `delay`."""
        return await self.write(
            lambda context: desk_answers.queue_answer(
                context,
                reach,
                number,
                by,
                text=text,
                make_draft=make_draft,
                delay=delay,
                status=status,
                version=version,
            )
        )

    async def take_back(self, reach: Reach, number: int, outgoing: int, by: Agent) -> str:
        """Cancel a reply that was not handed out yet."""
        return await self.write(lambda context: desk_answers.take_back(context, reach, number, outgoing, by))

    async def note(self, reach: Reach, number: int, by: Agent, text: str, mentioned: Sequence[int]) -> int:
        """Write an internal note and tell those mentioned; a draft of it is gone then."""

        def write(context: Context) -> int:
            entry = desk_changes.note(context, reach, number, by, text=text, mentioned=tuple(mentioned))
            desk_shelf.discard_draft(context, reach.agent, number, "note")
            return entry

        return await self.write(write)

    async def merge(self, reach: Reach, number: int, into: int, by: Agent, version: int | None) -> None:
        """Move everything of a ticket to another one."""
        await self.write(lambda context: desk_moves.merge(context, reach, number, into, by, version=version))

    async def split(self, reach: Reach, number: int, entries: Sequence[int], subject: str, by: Agent) -> int:
        """Move entries to a new ticket."""
        return await self.write(lambda context: desk_moves.split(context, reach, number, entries, subject, by=by))

    async def link(self, reach: Reach, number: int, other: int, by: Agent, *, linked: bool) -> None:
        """Link two tickets, or end that."""
        await self.write(lambda context: desk_changes.link(context, reach, number, other, by, linked=linked))

    async def mark(self, reach: Reach, numbers: Sequence[int], *, read: bool) -> None:
        """Note that an agent has read tickets, or wants them unread."""
        await self.write(lambda context: desk_changes.mark(context, reach, tuple(numbers), read=read))

    # --- drafts -----------------------------------------------------------------------------------------------

    async def drafts(self, agent: int) -> Sequence[DraftRow]:
        """Return an agent's drafts."""
        return await self.read(lambda context: desk_shelf.list_drafts(context, agent))

    async def save_draft(
        self, reach: Reach, number: int, kind: str, text: str, *, cc: str, version: int | None
    ) -> DraftRow:
        """Keep a draft."""
        return await self.write(
            lambda context: desk_shelf.save_draft(context, reach, number, kind, text=text, cc=cc, version=version)
        )

    async def attach(self, reach: Reach, number: int, kind: str, file: Upload) -> FileRow:
        """Attach a file to a draft."""
        return await self.write(lambda context: desk_shelf.attach(context, reach, number, kind, file))

    async def detach(self, reach: Reach, number: int, kind: str, position: int) -> bool:
        """Take a file off a draft."""
        return await self.write(lambda context: desk_shelf.detach(context, reach.agent, number, kind, position))

    async def draft_files(self, reach: Reach, number: int, kind: str) -> Sequence[Upload]:
        """Return what is attached to a draft."""
        return await self.read(lambda context: desk_shelf.files_of(context, reach.agent, number, kind))

    async def discard_draft(self, reach: Reach, number: int, kind: str) -> bool:
        """Throw a draft away."""
        return await self.write(lambda context: desk_shelf.discard_draft(context, reach.agent, number, kind))

    # --- shelf ------------------------------------------------------------------------------------------------

    async def side(self, reach: Reach, agent: int, address: str) -> Side:
        """Return what stands beside every page, as one snapshot."""

        def look(context: Context) -> Side:
            return Side(
                desk_lists.count(context, reach, address),
                desk_shelf.list_views(context, agent),
                desk_accounts.list_agents(context),
            )

        return await self.read(look)

    async def views(self, agent: int) -> Sequence[View]:
        """Return an agent's views and the shared ones."""
        return await self.read(lambda context: desk_shelf.list_views(context, agent))

    async def save_view(self, agent: int, view: View) -> View:
        """Keep a view."""
        return await self.write(lambda context: desk_shelf.save_view(context, agent, view))

    async def remove_view(self, agent: int, view: int) -> bool:
        """Remove an agent's own view."""
        return await self.write(lambda context: desk_shelf.remove_view(context, agent, view))

    async def canned(self, reach: Reach) -> Sequence[Canned]:
        """Return the canned answers in reach."""
        return await self.read(lambda context: desk_shelf.list_canned(context, reach))

    async def save_canned(self, reach: Reach, canned: Canned) -> Canned:
        """Keep a canned answer."""
        return await self.write(lambda context: desk_shelf.save_canned(context, reach, canned))

    async def remove_canned(self, reach: Reach, canned: int) -> bool:
        """Remove a canned answer."""
        return await self.write(lambda context: desk_shelf.remove_canned(context, reach, canned))

    async def notices(self, agent: int, limit: int, before: int | None) -> Sequence[Notice]:
        """Return an agent's notices."""
        return await self.read(lambda context: desk_shelf.list_notices(context, agent, limit, before))

    async def read_notices(self, agent: int, upto: int) -> int:
        """Mark notices as read."""
        return await self.write(lambda context: desk_shelf.read_notices(context, agent, upto))

    async def begin_once(self, agent: int, key: str, digest: str) -> tuple[int, str] | None:
        """Claim an idempotency key, or return the answer under it."""
        return await self.write(lambda context: desk_shelf.begin_once(context, agent, key, digest))

    async def finish_once(self, agent: int, key: str, status: int, body: str) -> None:
        """Keep the answer under an idempotency key."""
        await self.write(lambda context: desk_shelf.finish_once(context, agent, key, status, body))

    # --- together and administration --------------------------------------------------------------------------

    async def last_event(self) -> Position:
        """Return the newest entry and the newest notice."""
        return await self.read(desk_together.newest)

    async def events_since(self, seen: Position, limit: int) -> Sequence[tuple[Event, int]]:
        """Return what was written since."""
        return await self.read(lambda context: desk_together.events(context, seen, limit))

    async def events_of(self, entries: Sequence[int], notices: Sequence[int]) -> Sequence[tuple[Event, int]]:
        """Return those of these entries and notices that are in sight."""
        return await self.read(lambda context: desk_together.events_of(context, entries, notices))

    async def be_present(self, reach: Reach, number: int, doing: str) -> None:
        """Note what an agent does on a ticket."""
        await self.write(lambda context: desk_together.be_present(context, reach, number, doing))

    async def present(self, since: datetime) -> Sequence[Presence]:
        """Return everybody who was seen since then."""
        return await self.read(lambda context: desk_together.present(context, since))

    async def inbox_rows(self) -> Sequence[InboxRow]:
        """Return how the direct inboxes go."""
        return await self.read(desk_admin.inbox_rows)

    async def find_deliveries(
        self, limit: int, before: int | None, state: str | None, channel: str | None
    ) -> Sequence[OutboxRow]:
        """Return deliveries, newest first."""
        return await self.read(lambda context: desk_admin.find_deliveries(context, limit, before, state, channel))

    async def forwarders_seen(self, limit: int) -> Sequence[tuple[str, str, int, datetime, str]]:
        """Return the forwarders that were seen."""
        return await self.read(lambda context: desk_admin.forwarders_seen(context, limit))
