"""Tickets and the kinds of entry on their time-line."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway.model.ids import TicketId


class TicketStatus(StrEnum):
    NEW = "new"
    OPEN = "open"
    WAITING = "waiting"  # an agent answered, the customer's turn
    SOLVED = "solved"
    CLOSED = "closed"
    MERGED = "merged"


class Priority(StrEnum):
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


class EntryKind(StrEnum):
    CUSTOMER = "customer"  # a person's mail
    AGENT = "agent"  # a reply to the customer
    NOTE = "note"  # internal, never mailed to a customer
    AUTO_REPLY = "auto_reply"  # a responder's mail
    ACKNOWLEDGEMENT = "acknowledgement"  # our automatic mail
    DELIVERY = "delivery"  # a delivery event: sent, deferred, failed, bounced, refused
    RECEIPT = "receipt"
    STATE = "state"  # a change of status, assignee, queue, ...


@dataclass(frozen=True, slots=True)
class TicketRef:
    """A ticket as the pure core needs to know it."""

    ticket_id: TicketId
    queue: str
    status: TicketStatus
    participants: frozenset[str]  # requester and participants, by identity
    subject: str = ""
    merged_into: TicketId | None = None
