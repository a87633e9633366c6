"""What became of a mail, and the evidence that led there."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Disposition(StrEnum):
    """What became of an intake. Exactly one; there is no "dropped" (invariant I1)."""

    TICKET = "ticket"  # opened a ticket
    APPEND = "append"  # a person's answer, or news, on an existing ticket
    AUTO_REPLY = "auto_reply"  # a responder's mail, a quiet entry
    BOUNCE = "bounce"  # a delivery report about mail of ours
    RECEIPT = "receipt"  # read receipts and calendar answers
    COMPLAINT = "complaint"  # an abuse feedback report
    OWN_COPY = "own_copy"  # our own mail came back
    DUPLICATE = "duplicate"  # the same mail was taken already in this queue (I6, I7)
    QUARANTINE = "quarantine"  # held, visible, releasable
    BLOCKED = "blocked"  # an operator's own rule refuses this sender: kept and listed, no ticket


class Kind(StrEnum):
    """Who or what wrote a mail, as `explain` prints it."""

    HUMAN = "human"
    AUTO_REPLY = "auto_reply"
    AUTO_GENERATED = "auto_generated"
    BOUNCE = "bounce"
    LIST = "list"
    RECEIPT = "receipt"
    COMPLAINT = "complaint"
    CALENDAR = "calendar"
    OWN_COPY = "own_copy"


class Effect(StrEnum):
    """What a verdict asks for. Only OWN, HOLD, REFUSE and STATUS change where a mail goes; never a silent drop."""

    OWN = "own"  # our own mail came back: own_copy
    STATUS = "status"  # a report about mail of ours
    HOLD = "hold"  # quarantine
    REFUSE = "refuse"  # an operator's override: blocked
    AUTO_REPLY = "auto_reply"  # a responder: quiet entry, no automatic mail of ours
    AUTO_GENERATED = "auto_generated"  # a machine: a ticket, no automatic mail of ours
    LIST = "list"  # list or bulk mail: a ticket, no automatic mail of ours
    RECEIPT = "receipt"
    COMPLAINT = "complaint"
    CALENDAR = "calendar"
    SILENT = "silent"  # no automatic mail of ours because of this mail
    WEAK = "weak"  # a vote that silences only together with another
    HUMAN = "human"  # an operator's override: discount the other markers
    DISCOUNT = "discount"  # markers that a configured forwarder added were not counted
    NOTE = "note"  # worth knowing, changes nothing


@dataclass(frozen=True, slots=True)
class Verdict:
    """One rule's opinion on a mail, with its evidence: what was seen (`because`) and where (`where`)."""

    rule: str
    effect: Effect
    because: str
    where: str = ""
