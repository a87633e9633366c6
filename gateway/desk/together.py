"""Together: who looks at what and who types, and what happens, as a stream for every signed-in browser.

The store is the only bus: one poll a second of entries, notifications and presences, and only while somebody listens.
It makes no difference which process or node wrote an entry. Each stream holds a bounded number of events; a reader
that is too slow loses its stream, and its browser asks again.

A page says up to which position it shows what happened, and each event says where it leaves its reader. A stream that
is opened at a position begins with what happened since: nothing is lost between a page and its stream, or while a
browser is off. Behind a position nothing comes into sight any more (`horizon`); what lies before it may be told twice.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from gateway.desk.access import need
from gateway.desk.horizon import Horizon
from gateway.desk.nouns import Event, Position, Presence, Principal, Reach, Scope
from gateway.desk.ports import TogetherBooks
from gateway.errors import Overloaded, Transient
from gateway.ports import Clock

MOST_STREAMS, STREAMS_OF_ONE = 300, 8
BACKLOG = 100  # events that may wait for a slow reader
POLL, BEAT = timedelta(seconds=1), timedelta(seconds=20)
AWAY = timedelta(seconds=45)  # after the last sign of life; browsers give one every 15 s
AT_ONCE = 200
DOING = frozenset({"looking", "replying", "noting", ""})


@dataclass(eq=False, slots=True)
class Stream:
    """One listener."""

    who: Principal
    events: asyncio.Queue[Event | None] = field(default_factory=lambda: asyncio.Queue(BACKLOG + 1))

    def offer(self, event: Event | None) -> bool:
        """Hand an event over. False if the reader is too slow."""
        if event is not None and self.events.qsize() >= BACKLOG:
            return False
        with contextlib.suppress(asyncio.QueueFull):
            self.events.put_nowait(event)
        return True


class Together:
    """Presence, and the live stream."""

    def __init__(self, books: TogetherBooks, clock: Clock, *, poll: timedelta = POLL, beat: timedelta = BEAT) -> None:
        self._books, self._clock = books, clock
        self._poll, self._beat = poll.total_seconds(), beat.total_seconds()
        self._streams: set[Stream] = set()
        self._task: asyncio.Task[None] | None = None
        self._entries, self._notices = Horizon(0), Horizon(0)
        self._shown: dict[int, tuple[Presence, ...]] = {}

    # --- presence ---------------------------------------------------------------------------------------------

    async def look(self, who: Principal, number: int, doing: str = "looking") -> Sequence[Presence]:
        """Note what one does on a ticket, and return who else is there. An empty `doing` says good-bye."""
        need(who, Scope.READ)
        if who.agent.id:  # a program is nobody who looks
            await self._books.be_present(who.reach, number, doing if doing in DOING else "looking")
        return [item for item in await self.present(who, number) if item.agent != who.agent.id]

    async def present(self, who: Principal, number: int | None = None) -> Sequence[Presence]:
        """Return who is on a ticket, or on any ticket."""
        need(who, Scope.READ)
        rows = await self._books.present(self._clock.now() - AWAY)
        return [item for item in rows if number in (None, item.ticket) and in_reach(who.reach, item.queue)]

    # --- the stream -------------------------------------------------------------------------------------------

    async def position(self) -> Position:
        """Return the position that a page shows which is read after this."""
        return await self._books.last_event()

    async def stream(self, who: Principal, since: Position | None = None) -> AsyncIterator[Event]:
        """Yield what happens in one's queues, since a position or from now on, and a beat when nothing does.

        What happens while the stream opens may be told twice. Raises Overloaded beyond the limits.
        """
        need(who, Scope.READ)
        mine = sum(stream.who.agent.id == who.agent.id for stream in self._streams)
        if len(self._streams) >= MOST_STREAMS or mine >= STREAMS_OF_ONE:
            raise Overloaded("too many live streams are open")
        stream = Stream(who)
        if not self._streams:
            newest = await self._books.last_event()
            self._entries, self._notices, self._shown = Horizon(newest.entry), Horizon(newest.notice), {}
        self._streams.add(stream)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._watch(), name="desk stream")
        try:
            before = await self._since(who, since) if since else ()  # whoever waits for the first may still be refused
            yield Event("beat")
            for event in before:
                yield event
            while True:
                try:
                    async with asyncio.timeout(self._beat):
                        following = await stream.events.get()
                except TimeoutError:
                    following = Event("beat")
                if following is None:
                    return
                yield following
        finally:
            self._streams.discard(stream)

    async def _since(self, who: Principal, since: Position) -> Sequence[Event]:
        """Return what somebody may see of what happened since; if that is much, only that there is something."""
        found = await self._books.events_since(since, AT_ONCE)
        if len(found) >= AT_ONCE:
            return [Event("missed", position=await self._books.last_event())]
        settled = self._settled()
        told: list[Event] = []
        for event, agent in found:
            if concerns(who, event, agent):
                since = after(event, since)
                told.append(replace(event, position=Position(*map(min, since, settled))))
        return told

    @property
    def streams(self) -> int:
        """How many listeners there are."""
        return len(self._streams)

    async def close(self) -> None:
        """End every stream."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        for stream in list(self._streams):
            stream.offer(None)

    async def _watch(self) -> None:
        """Poll while somebody listens."""
        while self._streams:
            await asyncio.sleep(self._poll)
            with contextlib.suppress(Transient):  # the next poll finds what this one could not read
                await self.look_around()

    async def look_around(self) -> None:
        """Read what is new, once, and hand it to those who may see it."""
        await self._look_for_events()
        await self._look_for_people()

    async def _look_for_events(self) -> None:
        entries, notices, now = self._entries, self._notices, self._clock.now()
        found = list(await self._books.events_since(Position(entries.newest, notices.newest), AT_ONCE))
        if entries.missing or notices.missing:
            found[:0] = await self._books.events_of(entries.missing, notices.missing)
        for event, agent in found:
            (notices if event.kind == "notice" else entries).note(event.id, now)
            self._give(replace(event, position=self._settled()), agent)
        for horizon in (entries, notices):
            horizon.forget(now)

    async def _look_for_people(self) -> None:
        here: dict[int, list[Presence]] = {}
        for item in await self._books.present(self._clock.now() - AWAY):
            here.setdefault(item.ticket, []).append(item)
        present = {ticket: tuple(items) for ticket, items in here.items()}
        for ticket in present.keys() | self._shown.keys():
            items = present.get(ticket, ())
            before = self._shown.get(ticket, ())
            if faces(items) != faces(before):
                queue = (items or before)[0].queue
                self._give(Event("presence", ticket=ticket, queue=queue, present=items), 0)
        self._shown = present

    def _settled(self) -> Position:
        """Return the position behind which nothing comes any more, as far as this has read."""
        return Position(self._entries.settled, self._notices.settled)

    def _give(self, event: Event, agent: int) -> None:
        for stream in list(self._streams):
            if concerns(stream.who, event, agent) and not stream.offer(event):
                self._streams.discard(stream)
                stream.offer(None)


def faces(items: Sequence[Presence]) -> set[tuple[int, str]]:
    """Return who does what: what a listener has to be told when it changes."""
    return {(item.agent, item.doing) for item in items}


def after(event: Event, position: Position) -> Position:
    """Return the position after an event."""
    return position._replace(**{event.kind: event.id})


def concerns(who: Principal, event: Event, agent: int) -> bool:
    """Tell whether somebody is to hear of an event; `agent` is whom it is for, 0 for all who may see it."""
    return agent in (0, who.agent.id) and in_reach(who.reach, event.queue)


def in_reach(reach: Reach, queue: str) -> bool:
    """Tell whether a queue is theirs."""
    return reach.queues is None or queue in reach.queues
