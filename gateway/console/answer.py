"""An agent's answer, from the words to the outbox: to whom it goes, what it continues, what it quotes."""

from __future__ import annotations

import asyncio

from gateway.console.desk import Desk
from gateway.errors import Conflict, NotSendable
from gateway.mail import letters, parse
from gateway.mail.address import identity
from gateway.mail.quoting import by_participants
from gateway.model import Draft, EntryKind, Mailbox, OutgoingId, TicketId, TicketView


async def answer(desk: Desk, number: int, text: str, author: str, *, cc: bool = True) -> OutgoingId:
    """Queue an agent's answer to the requester, and to the participants if `cc`. Returns once it is durable."""
    if not text.strip():
        raise NotSendable("the reply is empty; write its text on standard input")
    view = await desk.books.ticket(number)
    if view.merged_into is not None:
        raise Conflict(f"ticket {number} was merged into {view.merged_into}; reply to {view.merged_into}")
    requester, others = people(view, desk)
    if requester is None:
        raise NotSendable(f"ticket {number} has no requester that mail can go to")
    answered = await last_mail(desk, view)
    letterhead = desk.policy.letterheads[view.row.queue]
    said = (await desk.books.conversation(number)).said

    def draft(outgoing: OutgoingId) -> Draft:
        return letters.reply(
            letterhead,
            (requester,),
            view.row.subject,
            text,
            ticket=TicketId(number),
            outgoing=outgoing,
            keys=desk.policy.keys,
            answered=answered,
            cc=others if cc else (),
            history=tuple(letters.Quoted(item.author, item.at, item.text) for item in said),
        )

    return await desk.books.transact(lambda writer: writer.queue_reply(TicketId(number), draft, author))


def people(view: TicketView, desk: Desk) -> tuple[Mailbox | None, tuple[Mailbox, ...]]:
    """Return the requester and the other participants; newcomers are shown and get nothing (I5), and so do we."""
    own = {identity(address) for address in desk.policy.own_addresses}
    boxes = [
        (item.role, Mailbox(item.name, item.address)) for item in view.participants if identity(item.address) not in own
    ]
    requester = next((box for role, box in boxes if role == "requester"), None)
    return requester, tuple(box for role, box in boxes if role == "participant")


async def last_mail(desk: Desk, view: TicketView) -> letters.Answered:
    """Return the ids of the customer's last mail, so that their program shows the answer below it."""
    mails = [entry for entry in view.entries if entry.kind == EntryKind.CUSTOMER.value and entry.intake]
    mails = list(by_participants(mails, (item.address for item in view.participants if item.role == "newcomer")))
    if not mails or mails[-1].intake is None:
        return letters.Answered()
    raw = await desk.books.raw(mails[-1].intake)
    return letters.Answered.of(await asyncio.to_thread(parse, raw))
