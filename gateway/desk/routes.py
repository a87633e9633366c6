"""To whom a reply goes, from which address and over which channel. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.desk.nouns import Route, TicketPage
from gateway.mail.address import identity, is_valid, normal
from gateway.model import Mailbox, ParticipantRow
from gateway.policy import Policy


def route_of(page: TicketPage, policy: Policy) -> Route:
    """Return the route of a reply on a ticket; newcomers are shown and get nothing (I5), and so do we."""
    letterhead = policy.letterheads.get(page.line.queue)
    to, cc = people(page.participants, policy)
    shown = "" if letterhead is None else f"{letterhead.from_.name} <{letterhead.from_.address}>".strip()
    channel = "" if letterhead is None else letterhead.channel
    if letterhead is None:
        refused = f"the queue {page.line.queue} is not in the configuration any more; move the ticket to another one"
    elif page.merged_into is not None:
        refused = f"this ticket was merged into {page.merged_into}; answer there"
    elif not to:
        refused = "nobody on this ticket may be written to; add a recipient"
    else:
        refused = ""
    return Route(to, cc, shown, channel, refused)


def people(participants: Iterable[ParticipantRow], policy: Policy) -> tuple[tuple[Mailbox, ...], tuple[Mailbox, ...]]:
    """Return the requester, and the other participants."""
    own = {identity(address) for address in policy.own_addresses}
    known = [item for item in participants if is_valid(item.address) and identity(item.address) not in own]
    to = tuple(Mailbox(item.name, item.address) for item in known if item.role == "requester")
    cc = tuple(Mailbox(item.name, item.address) for item in known if item.role == "participant")
    return to, cc


def chosen(addresses: Iterable[str], known: Iterable[Mailbox]) -> tuple[Mailbox, ...]:
    """Return addresses that an agent chose, with the names that we know, each once. Invalid ones stay as they are."""
    names = {normal(box.address): box.name for box in known}
    wanted = dict.fromkeys(normal(address.strip()) for address in addresses if address.strip())
    return tuple(Mailbox(names.get(address, ""), address) for address in wanted)
