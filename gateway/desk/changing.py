"""Changing tickets: each change with its author and its entry, none over another's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from gateway.desk.access import need
from gateway.desk.nouns import Changes, Done, Principal, Scope
from gateway.desk.ports import ChangeBooks
from gateway.errors import Conflict, NotFound, NotSendable
from gateway.mail.address import normal
from gateway.model import Priority, TicketStatus
from gateway.policy import Policy

MOST_AT_ONCE = 200
MOST_TAGS = 20
LONGEST_TAG, LONGEST_SUBJECT = 40, 300
SETTABLE = frozenset(TicketStatus) - {TicketStatus.MERGED}


class Changing:
    """What agents do to tickets."""

    def __init__(self, books: ChangeBooks, policy: Callable[[], Policy]) -> None:
        self._books, self._policy = books, policy

    async def change(self, who: Principal, number: int, changes: Changes, *, version: int | None = None) -> int:
        """Change a ticket; return its new version. The assignee `me` is the principal."""
        need(who, Scope.WRITE)
        return await self._books.change(who.reach, number, who.agent, self._checked(who, changes), version)

    async def bulk(self, who: Principal, numbers: Sequence[int], changes: Changes) -> Sequence[Done]:
        """Change many tickets, each by itself; what went wrong with one is told with it."""
        need(who, Scope.WRITE)
        if len(numbers) > MOST_AT_ONCE:
            raise NotSendable(f"at most {MOST_AT_ONCE} tickets at once")
        wanted = self._checked(who, changes)
        done = []
        for number in dict.fromkeys(numbers):
            try:
                await self._books.change(who.reach, number, who.agent, wanted, None)
            except (NotFound, Conflict, NotSendable) as error:
                done.append(Done(number, str(error)))
            else:
                done.append(Done(number))
        return done

    async def merge(self, who: Principal, number: int, into: int, *, version: int | None = None) -> None:
        """Move everything of a ticket to another one. Both must be theirs."""
        need(who, Scope.WRITE)
        if number == into:
            raise Conflict("a ticket cannot be merged into itself")
        await self._books.merge(who.reach, number, into, who.agent, version)

    async def split(self, who: Principal, number: int, entries: Sequence[int], subject: str) -> int:
        """Move entries to a new ticket; return its number."""
        need(who, Scope.WRITE)
        if not entries or len(entries) > MOST_AT_ONCE:
            raise NotSendable("choose what to move")
        return await self._books.split(who.reach, number, tuple(dict.fromkeys(entries)), subject_of(subject), who.agent)

    async def link(self, who: Principal, number: int, other: int, *, linked: bool = True) -> None:
        """Link two tickets, or end that. Both must be theirs."""
        need(who, Scope.WRITE)
        if number == other:
            raise Conflict("a ticket cannot be linked to itself")
        await self._books.link(who.reach, number, other, who.agent, linked=linked)

    async def mark(self, who: Principal, numbers: Sequence[int], *, read: bool = True) -> None:
        """Mark tickets as read or unread; those that are not theirs are left alone."""
        need(who, Scope.WRITE)
        await self._books.mark(who.reach, tuple(dict.fromkeys(numbers))[:MOST_AT_ONCE], read=read)

    def _checked(self, who: Principal, changes: Changes) -> Changes:
        """Return what to change in our own words. Raises NotSendable for words that mean nothing."""
        if changes.status is not None and changes.status not in SETTABLE:
            raise NotSendable(f"the status is one of {', '.join(sorted(SETTABLE))}")
        if changes.priority is not None and changes.priority not in frozenset(Priority):
            raise NotSendable(f"the priority is one of {', '.join(Priority)}")
        if changes.queue is not None and changes.queue not in self._policy().queues:
            raise NotSendable(f"there is no queue {changes.queue!r}")
        assignee = who.agent.address if changes.assignee == "me" else changes.assignee
        return replace(
            changes,
            assignee=normal(assignee) if assignee else assignee,
            subject=None if changes.subject is None else subject_of(changes.subject),
            type=None if changes.type is None else line_of(changes.type, LONGEST_TAG),
            add_tags=tuple(tag for text in changes.add_tags[:MOST_TAGS] if (tag := tag_of(text))),
            remove_tags=tuple(tag for text in changes.remove_tags[:MOST_TAGS] if (tag := tag_of(text))),
        )


def line_of(text: str, longest: int) -> str:
    """Return a text as one line."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:longest]


def tag_of(text: str) -> str:
    """Return a tag as it is kept: one word in lower case."""
    return line_of(text.replace(",", " "), LONGEST_TAG).casefold().replace(" ", "-")


def subject_of(text: str) -> str:
    """Return a subject. Raises NotSendable if it is empty."""
    subject = line_of(text, LONGEST_SUBJECT)
    if not subject:
        raise NotSendable("the subject is empty")
    return subject
