"""Writing: replies that can be taken back for a moment, notes that are never mailed, drafts that survive a crash."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Protocol

from gateway.desk.access import need
from gateway.desk.nouns import (
    Agent,
    DraftRow,
    FileRow,
    Moment,
    Principal,
    Queued,
    Scope,
    TicketPage,
    Upload,
    Words,
)
from gateway.desk.ports import AccountBooks, ChangeBooks, ShelfBooks, TicketBooks
from gateway.desk.routes import chosen, route_of
from gateway.errors import Conflict, NotSendable
from gateway.mail import letters, parse
from gateway.mail.address import is_valid
from gateway.mail.quoting import by_participants
from gateway.model import DeliveryState, Draft, EntryKind, Mailbox, OutgoingFile, OutgoingId, TicketId
from gateway.policy import Policy

MOST_TEXT = 200_000  # characters
MOST_FILES, MOST_OCTETS = 20, 25 << 20
MOST_PEOPLE = 50
CONVERSATION = frozenset({EntryKind.CUSTOMER.value, EntryKind.AGENT.value})  # what may be quoted; never a note
UNSENT = frozenset({DeliveryState.CANCELLED.value, DeliveryState.REFUSED.value})
AFTERWARDS = frozenset({"waiting", "solved", "open"})
KINDS = frozenset({"reply", "note"})

_MENTION = re.compile(r"(?<![\w.@])@([\w.+-]+(?:@[\w.-]+\w)?)")
_TYPE = re.compile(r"[a-zA-Z0-9][\w!#$&^.+-]{0,60}/[a-zA-Z0-9][\w!#$&^.+-]{0,60}")


class Books(TicketBooks, ChangeBooks, ShelfBooks, AccountBooks, Protocol):
    """What writing needs of the store."""


class Writing:
    """What agents write."""

    def __init__(self, books: Books, policy: Callable[[], Policy], undo: Callable[[], timedelta]) -> None:
        self._books, self._policy, self._undo = books, policy, undo

    # --- replies ----------------------------------------------------------------------------------------------

    async def reply(self, who: Principal, number: int, words: Words) -> Queued:
        """Queue a reply. Raises NotSendable for what cannot be sent, Conflict if somebody answered since `version`."""
        need(who, Scope.WRITE)
        text = checked(words.text, "reply")
        if words.status not in AFTERWARDS:
            raise NotSendable("after a reply a ticket is waiting, solved or open")
        policy = self._policy()
        page = await self._books.ticket_page(who.reach, number)
        if words.version is not None and words.version != page.line.version:
            raise Conflict(f"ticket {number} was changed by somebody else")
        to, cc, bcc = recipients(page, words, policy)
        files = await self._files(who, number, words)
        answered = await self._answered(who, number, page)
        letterhead = policy.letterheads[page.line.queue]
        history = tuple(
            letters.Quoted(moment.author, moment.created_at, moment.text) for moment in reversed(quotable(page))
        )
        body = f"{text}\n\n{who.agent.signature}" if who.agent.signature else text

        def draft(outgoing: OutgoingId) -> Draft:
            return letters.reply(
                letterhead,
                to,
                page.line.subject,
                body,
                ticket=TicketId(number),
                outgoing=outgoing,
                keys=policy.keys,
                answered=answered,
                cc=cc,
                bcc=bcc,
                files=files,
                history=history,
            )

        return await self._books.queue_answer(
            who.reach,
            number,
            who.agent,
            text,
            draft,
            delay=self._undo(),
            status=words.status,
            version=words.version,
        )

    async def take_back(self, who: Principal, number: int, outgoing: int) -> str:
        """Take a reply back that was not handed out yet; its text is a draft again. Raises Conflict when too late."""
        need(who, Scope.WRITE)
        return await self._books.take_back(who.reach, number, outgoing, who.agent)

    async def _files(self, who: Principal, number: int, words: Words) -> tuple[OutgoingFile, ...]:
        attached: list[Upload] = list(words.files)
        if words.draft_files:
            attached = [*await self._books.draft_files(who.reach, number, "reply"), *attached]
        if len(attached) > MOST_FILES or sum(len(file.content) for file in attached) > MOST_OCTETS:
            raise NotSendable(f"at most {MOST_FILES} files and {MOST_OCTETS >> 20} MiB fit into one mail")
        return tuple(OutgoingFile(file.filename, file.content_type, file.content) for file in map(clean_file, attached))

    async def _answered(self, who: Principal, number: int, page: TicketPage) -> letters.Answered:
        """Return the ids of the customer's last mail, so that their program shows the answer below it."""
        mails = by_participants(
            (moment for moment in page.moments if moment.kind == EntryKind.CUSTOMER.value and moment.intake),
            newcomers(page),
        )
        if not mails:
            return letters.Answered()
        raw = await self._books.raw_mail(who.reach, number, mails[-1].id)
        return letters.Answered.of(await asyncio.to_thread(parse, raw))

    # --- notes ------------------------------------------------------------------------------------------------

    async def note(self, who: Principal, number: int, text: str) -> int:
        """Write an internal note and tell those whom it mentions with @address or @name. It is never mailed."""
        need(who, Scope.WRITE)
        text = checked(text, "note")
        mentioned = mentions(text, await self._books.desk_agents()) if "@" in text else ()
        others = [agent.id for agent in mentioned if agent.id != who.agent.id]
        return await self._books.note(who.reach, number, who.agent, text, others)

    # --- drafts -----------------------------------------------------------------------------------------------

    async def drafts(self, who: Principal) -> Sequence[DraftRow]:
        """Return one's drafts, last saved first."""
        need(who, Scope.READ)
        return await self._books.drafts(who.agent.id)

    async def save_draft(
        self, who: Principal, number: int, kind: str, text: str, *, cc: str = "", version: int | None = None
    ) -> DraftRow:
        """Keep what is being written. Raises Conflict if another window saved since `version`."""
        need(who, Scope.WRITE)
        text = checked(text, kind, empty=True)
        return await self._books.save_draft(who.reach, number, kind, text, cc=cc[:2000], version=version)

    async def discard_draft(self, who: Principal, number: int, kind: str) -> bool:
        """Throw a draft away. False if there was none."""
        need(who, Scope.WRITE)
        return await self._books.discard_draft(who.reach, number, kind)

    async def attach(self, who: Principal, number: int, kind: str, file: Upload) -> FileRow:
        """Attach a file to a draft."""
        need(who, Scope.WRITE)
        checked("", kind, empty=True)
        if len(file.content) > MOST_OCTETS:
            raise NotSendable(f"a file has at most {MOST_OCTETS >> 20} MiB")
        return await self._books.attach(who.reach, number, kind, clean_file(file))

    async def detach(self, who: Principal, number: int, kind: str, position: int) -> bool:
        """Take a file off a draft. False if it was not there."""
        need(who, Scope.WRITE)
        return await self._books.detach(who.reach, number, kind, position)


def checked(text: str, kind: str, *, empty: bool = False) -> str:
    """Return what was written, with plain line ends. Raises NotSendable if it is empty or too long."""
    if kind not in KINDS:
        raise NotSendable("write a reply or a note")
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    if not empty and not text.strip():
        raise NotSendable(f"the {kind} is empty")
    if len(text) > MOST_TEXT:
        raise NotSendable(f"the {kind} is longer than {MOST_TEXT} characters")
    return text


def recipients(
    page: TicketPage, words: Words, policy: Policy
) -> tuple[tuple[Mailbox, ...], tuple[Mailbox, ...], tuple[str, ...]]:
    """Return To, Cc and Bcc: those that the agent chose, else requester and participants, and no blind copies."""
    route = route_of(page, policy)
    known = [Mailbox(item.name, item.address) for item in page.participants]
    to = route.to if words.to is None else chosen(words.to, known)
    cc = route.cc if words.cc is None else chosen(words.cc, known)
    if route.refused and (page.merged_into is not None or page.line.queue not in policy.letterheads):
        raise Conflict(route.refused)
    if not to:
        raise NotSendable(route.refused or "the reply has no recipient")
    bcc = chosen(words.bcc, known)
    bad = [box.address for box in (*to, *cc, *bcc) if not is_valid(box.address)]
    if bad:
        raise NotSendable(f"{bad[0]!r} is no address")
    if len(to) + len(cc) + len(bcc) > MOST_PEOPLE:
        raise NotSendable(f"a reply goes to at most {MOST_PEOPLE} people")
    first = {box.address for box in to}
    cc = tuple(box for box in cc if box.address not in first)
    seen = first | {box.address for box in cc}
    return to, cc, tuple(box.address for box in bcc if box.address not in seen)


def mentions(text: str, agents: Sequence[Agent]) -> tuple[Agent, ...]:
    """Return the agents that a note names: @ and their address, its local part, or their first name."""
    names: dict[str, Agent | None] = {}
    for agent in agents:
        if not agent.disabled:
            for name in {agent.address, agent.address.partition("@")[0], agent.name.partition(" ")[0].casefold()}:
                names[name] = None if name in names else agent  # an ambiguous name is nobody's
    found = (names.get(match[1].casefold().rstrip(".")) for match in _MENTION.finditer(text))
    return tuple({agent.id: agent for agent in found if agent}.values())


def clean_file(file: Upload) -> Upload:
    """Return an upload with a name and a type that are fit for a header."""
    name = "".join(sign for sign in file.filename.rpartition("/")[2].rpartition("\\")[2] if sign.isprintable())
    kind = file.content_type.partition(";")[0].strip()
    return Upload(
        name[:120].strip(" .") or "file", kind if _TYPE.fullmatch(kind) else "application/octet-stream", file.content
    )


def quotable(page: TicketPage) -> tuple[Moment, ...]:
    """Return what a customer may read again: what people said to each other. Never a note, nor what was not sent."""
    said = (moment for moment in page.moments if moment.kind in CONVERSATION and not unsaid(moment))
    return by_participants(said, newcomers(page))


def unsaid(moment: Moment) -> bool:
    """Tell whether a reply was taken back or cancelled before it went to anybody."""
    return bool(moment.deliveries) and all(item.state in UNSENT for item in moment.deliveries)


def newcomers(page: TicketPage) -> list[str]:
    """Return who is only shown on this ticket (I5)."""
    return [item.address for item in page.participants if item.role == "newcomer"]
