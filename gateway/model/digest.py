"""What an agent missed: mails beyond the limit of their alerts, told together."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.model.agent import DeskAgent
from gateway.model.ids import TicketId


@dataclass(frozen=True, slots=True)
class Missed:
    """One ticket with how many mails on it caused no alert."""

    ticket_id: TicketId
    subject: str
    mails: int


@dataclass(frozen=True, slots=True)
class Digest:
    """All that one agent missed since their last digest. It is sent in the name of one queue, on its newest ticket."""

    agent: DeskAgent
    queue: str
    tickets: tuple[Missed, ...]  # newest first

    @property
    def mails(self) -> int:
        """Count the mails."""
        return sum(item.mails for item in self.tickets)
