"""Reading: lists, counts, search, a ticket's page, and the octets behind it. Raises NotFound for what is not theirs."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape

from gateway.desk.access import need
from gateway.desk.nouns import Counts, FileRow, Filter, Found, Page, Principal, Scope, TicketLine, TicketPage
from gateway.desk.pdf import is_quiet
from gateway.desk.ports import TicketBooks
from gateway.desk.routes import route_of
from gateway.errors import NotFound
from gateway.mail import parse
from gateway.mail.attachments import content_of
from gateway.mail.html import REMOTE
from gateway.policy import Policy

MOST = 200  # rows of one page
LONGEST_QUERY = 200  # characters of a search
PDF = "application/pdf"

_REMOTE = re.compile(rf' {REMOTE}="([^"]*)"')
_CID = re.compile(r' src="cid:([^"]*)"', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Download:
    """A file with its octets."""

    row: FileRow
    content: bytes


class Tickets:
    """Tickets as agents read them."""

    def __init__(self, books: TicketBooks, policy: Callable[[], Policy]) -> None:
        self._books, self._policy = books, policy

    async def find(
        self, who: Principal, wanted: Filter, *, limit: int = 50, cursor: str | None = None
    ) -> Page[TicketLine]:
        """List tickets. The assignee `me` is the principal."""
        need(who, Scope.READ)
        if wanted.assignee == "me":
            wanted = replace(wanted, assignee=who.agent.address)
        return await self._books.find_tickets(who.reach, wanted, max(1, min(limit, MOST)), cursor)

    async def counts(self, who: Principal) -> Counts:
        """Count for the side column."""
        need(who, Scope.READ)
        return await self._books.count_tickets(who.reach, who.agent.address)

    async def search(self, who: Principal, words: str, *, limit: int = 50, cursor: str | None = None) -> Page[Found]:
        """Find tickets by words, newest hit first; every word must be there, as a beginning of one."""
        need(who, Scope.READ)
        return await self._books.search_tickets(who.reach, words[:LONGEST_QUERY], max(1, min(limit, MOST)), cursor)

    async def page(self, who: Principal, number: int) -> TicketPage:
        """Return everything on a ticket, with the route that a reply would take."""
        need(who, Scope.READ)
        page = await self._books.ticket_page(who.reach, number)
        return replace(page, route=route_of(page, self._policy()))

    async def headline(self, who: Principal, number: int) -> str:
        """Return a ticket's queue. Raises NotFound for what is not theirs."""
        need(who, Scope.READ)
        return await self._books.queue_of(who.reach, number)

    async def tags(self, who: Principal) -> Sequence[tuple[str, int]]:
        """Return the tags in use."""
        need(who, Scope.READ)
        return await self._books.tags(who.reach)

    async def html(
        self,
        who: Principal,
        number: int,
        entry: int,
        *,
        inline: Callable[[FileRow], str],
        remote: bool = False,
    ) -> str:
        """Return an entry's sanitised HTML for a sandboxed frame. `inline` gives the address of an inline image.

        Remote images stay disarmed unless `remote`; an image that is not an attachment of this entry is left out.
        """
        need(who, Scope.READ)
        html, files = await self._books.entry_html(who.reach, number, entry)
        images = {file.content_id: file for file in files if file.content_id and file.previewable}
        return point_images(html, {cid: inline(file) for cid, file in images.items()}, remote=remote)

    async def download(
        self, who: Principal, number: int, source: str, ident: int, position: int = 0, *, inline: bool = False
    ) -> Download:
        """Return an attachment's octets, cut out of the raw mail.

        A PDF that is to be shown `inline` is looked into first: unless it is found quiet, it is not previewable.
        """
        need(who, Scope.READ)
        row, part, octets = await self._books.file(who.reach, number, source, ident, position)
        content = octets if source == "sent" else await asyncio.to_thread(content_of, octets, part)
        if content is None:
            raise NotFound("there is no such attachment")
        if inline and row.previewable and row.content_type == PDF:
            row = replace(row, previewable=await asyncio.to_thread(is_quiet, content))
        return Download(row, content)

    async def raw(self, who: Principal, number: int, entry: int) -> bytes:
        """Return the mail behind an entry, octet for octet."""
        need(who, Scope.READ)
        return await self._books.raw_mail(who.reach, number, entry)

    async def headers(self, who: Principal, number: int, entry: int) -> Sequence[tuple[str, str]]:
        """Return the header fields of the mail behind an entry, as they stand there, topmost first."""
        raw = await self.raw(who, number, entry)
        mail = await asyncio.to_thread(parse, raw[: 1 << 20])
        return [(field.name, field.value) for field in mail.fields]


def point_images(html: str, inline: Mapping[str, str], *, remote: bool) -> str:
    """Give inline images their addresses, and arm remote ones if asked. Works on our sanitiser's output alone."""

    def picture(match: re.Match[str]) -> str:
        address = inline.get(match[1].strip())
        return f' src="{escape(address)}"' if address else ""

    html = _CID.sub(picture, html)
    return _REMOTE.sub(r' src="\1" referrerpolicy="no-referrer"', html) if remote else html
