"""What agents keep beside tickets: views, canned answers with placeholders, notifications."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from gateway.desk.access import Forbidden, need
from gateway.desk.changing import line_of
from gateway.desk.nouns import Agent, Canned, Notice, Principal, Scope, Side, TicketPage, View
from gateway.desk.ports import ShelfBooks
from gateway.errors import NotFound, NotSendable
from gateway.policy import Policy

LONGEST_NAME, LONGEST_ANSWER = 80, 20_000

_PLACEHOLDER = re.compile(r"\{([a-z_]+(?:\.[a-z_]+)?)\}")


class Shelf:
    """Views, canned answers and notifications."""

    def __init__(self, books: ShelfBooks, policy: Callable[[], Policy]) -> None:
        self._books, self._policy = books, policy

    # --- views ------------------------------------------------------------------------------------------------

    async def side(self, who: Principal) -> Side:
        """Return what stands beside every page: counts, views, and who the agents are."""
        need(who, Scope.READ)
        return await self._books.side(who.reach, who.agent.id, who.agent.address)

    async def views(self, who: Principal) -> Sequence[View]:
        """Return one's own views and the shared ones, by name."""
        need(who, Scope.READ)
        return await self._books.views(who.agent.id)

    async def save_view(self, who: Principal, view: View) -> View:
        """Keep a view. Only administrators share."""
        need(who, Scope.WRITE)
        if view.shared and not who.agent.admin:
            raise Forbidden("only administrators share views")
        name = line_of(view.name, LONGEST_NAME)
        if not name:
            raise NotSendable("the view has no name")
        return await self._books.save_view(who.agent.id, replace(view, name=name))

    async def remove_view(self, who: Principal, view: int) -> None:
        """Remove one's own view. Raises NotFound."""
        need(who, Scope.WRITE)
        if not await self._books.remove_view(who.agent.id, view):
            raise NotFound("there is no such view")

    # --- canned answers ---------------------------------------------------------------------------------------

    async def canned(self, who: Principal) -> Sequence[Canned]:
        """Return the canned answers of one's queues, by name."""
        need(who, Scope.READ)
        return await self._books.canned(who.reach)

    async def save_canned(self, who: Principal, canned: Canned) -> Canned:
        """Keep a canned answer. Those for every queue are kept by administrators."""
        need(who, Scope.WRITE)
        name, text = line_of(canned.name, LONGEST_NAME), canned.text.replace("\r\n", "\n").strip()
        if not name or not text or len(text) > LONGEST_ANSWER:
            raise NotSendable("a canned answer has a name and a text")
        if canned.queue is not None and canned.queue not in self._policy().queues:
            raise NotSendable(f"there is no queue {canned.queue!r}")
        if canned.queue is None and not who.agent.admin:
            raise Forbidden("only administrators keep answers for every queue")
        kept = replace(canned, name=name, text=text, shortcut=line_of(canned.shortcut, 20))
        return await self._books.save_canned(who.reach, kept)

    async def remove_canned(self, who: Principal, canned: int) -> None:
        """Remove a canned answer. Raises NotFound."""
        need(who, Scope.WRITE)
        if not await self._books.remove_canned(who.reach, canned):
            raise NotFound("there is no such answer")

    async def fill(self, who: Principal, canned: int, page: TicketPage) -> str:
        """Return a canned answer with its placeholders filled in for a ticket."""
        found = next((item for item in await self.canned(who) if item.id == canned), None)
        if found is None:
            raise NotFound("there is no such answer")
        queue = self._policy().queues.get(page.line.queue)
        return filled(found.text, values_of(page, who.agent, queue.name if queue else page.line.queue))

    # --- notifications ----------------------------------------------------------------------------------------

    async def notices(self, who: Principal, *, limit: int = 50, before: int | None = None) -> Sequence[Notice]:
        """Return one's notifications, newest first."""
        need(who, Scope.READ)
        return await self._books.notices(who.agent.id, max(1, min(limit, 200)), before)

    async def read_notices(self, who: Principal, upto: int) -> int:
        """Mark notifications up to this one as read; return how many."""
        need(who, Scope.WRITE)
        return await self._books.read_notices(who.agent.id, upto)


def values_of(page: TicketPage, agent: Agent, queue: str) -> Mapping[str, str]:
    """Return what placeholders stand for."""
    name = page.line.requester_name or page.line.requester
    return {
        "customer.name": name,
        "customer.first_name": name.split()[0] if name.split() else "",
        "customer.address": page.line.requester,
        "ticket.number": str(page.line.number),
        "ticket.subject": page.line.subject,
        "queue.name": queue,
        "agent.name": agent.name or agent.address,
        "agent.first_name": (agent.name or agent.address).split()[0],
    }


def filled(text: str, values: Mapping[str, str]) -> str:
    """Fill placeholders in, once: what a value holds is never looked at again. Unknown ones stay as they are."""
    return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), text)
