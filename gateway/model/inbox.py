"""Direct inboxes: health and progress."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class InboxHealth(StrEnum):
    STARTING = "starting"
    OK = "ok"
    RETRYING = "retrying"  # network or server trouble, tried again with back-off
    REFUSED = "refused"  # the account or token was refused: a person has to act
    ELSEWHERE = "elsewhere"  # another node fetches it


@dataclass(frozen=True, slots=True)
class InboxRow:
    """How a direct inbox goes, for pages, metrics and `doctor`."""

    name: str
    health: InboxHealth
    detail: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class InboxProgress:
    """How far a direct inbox was read: everything up to `last_uid` was taken, but for `pending` (failed, to retry)."""

    uid_validity: int
    last_uid: int
    pending: tuple[int, ...] = ()
