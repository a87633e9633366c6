"""The way in: envelope, route, and the claim of a worker."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.model.ids import IntakeId


@dataclass(frozen=True, slots=True)
class Envelope:
    """The envelope for one recipient. The envelope routes, headers only advise."""

    mail_from: str  # empty for the null sender
    rcpt_to: str  # as given by the client, case and plus-tag kept
    received_at: datetime  # aware, UTC
    source: str = "lmtp"  # lmtp | imap | replay | explain
    session: str = ""  # the id that follows this mail from RCPT to delivery
    peer: str = ""
    source_ref: str = ""  # names the one copy that was fetched; a second intake with the same name is never made


class IntakeState(StrEnum):
    WAITING = "waiting"  # durable, not yet judged
    DONE = "done"  # has its one disposition


@dataclass(frozen=True, slots=True)
class Route:
    """Where the envelope sends a mail: queue, ticket type, the creation address that matched, and its plus-tag."""

    queue: str
    creation_address: str
    ticket_type: str | None = None
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """An intake that a worker holds. `token` fences: a write with an old token changes nothing."""

    intake_id: IntakeId
    envelope: Envelope
    raw: bytes
    queue: str
    attempt: int  # counted and committed before the parser sees the mail
    token: int
    released: bool = False  # an operator released it from quarantine: what held it counts no more
