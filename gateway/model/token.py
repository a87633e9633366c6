"""Signed tokens: what a number of ours in a mail of theirs was made for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class TokenPurpose(StrEnum):
    REPLY = "r"  # plus-tag of a reply address: subject is the ticket
    BOUNCE = "b"  # plus-tag of an envelope sender: subject is the delivery
    MESSAGE = "m"  # left part of a Message-ID of ours: subject is the ticket, detail the outgoing
    LOOP = "l"  # X-Poterne-Loop: subject is the ticket, detail the outgoing


@dataclass(frozen=True, slots=True)
class Token:
    """A token whose MAC was verified with a key of this instance."""

    purpose: TokenPurpose
    subject: int  # ticket, or delivery for BOUNCE
    detail: int = 0  # outgoing, where the purpose has one
    automatic: bool = False  # the mail that carried it was automatic mail of ours (I3)
