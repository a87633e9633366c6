"""Agents and their mail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.model.ids import AgentId, TicketId
from gateway.model.mail import Mailbox


class AlertWish(StrEnum):
    """Which new mails of customers an agent wants to hear of by mail."""

    OFF = "off"
    OWN = "own"  # on tickets that are assigned to them
    ALL = "all"  # on every ticket that they may see


@dataclass(frozen=True, slots=True)
class DeskAgent:
    """An agent as mail needs to know them. `queues` is None for one who may see all."""

    agent_id: AgentId
    address: str  # normal form
    name: str = ""
    queues: frozenset[str] | None = None
    alerts: AlertWish = AlertWish.OWN
    signature: str = ""

    @property
    def shown(self) -> str:
        """The author of what this agent does, as entries show it."""
        return f"{self.name} <{self.address}>" if self.name else self.address

    def sees(self, queue: str) -> bool:
        """Tell whether tickets of a queue are theirs to see."""
        return self.queues is None or queue in self.queues


@dataclass(frozen=True, slots=True)
class AgentWords:
    """What an agent wrote by mail, and whether it is for colleagues only."""

    agent: DeskAgent
    text: str
    internal: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that was said to or by the customer, to be quoted. Never a note."""

    author: str
    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """A ticket as a letter about it needs to know it. `said` is newest first and holds no notes."""

    ticket_id: TicketId
    queue: str
    subject: str
    requester: Mailbox | None = None
    others: tuple[Mailbox, ...] = ()  # participants; newcomers are not among them (I5)
    answers: str = ""  # Message-ID of the customer's last mail
    said: tuple[Said, ...] = ()
