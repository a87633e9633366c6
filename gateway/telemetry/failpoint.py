"""Named points where the fault tests make the daemon crash, raise or hang. Off unless POTERNE_FAILPOINT names one.

`POTERNE_FAILPOINT=name:crash|raise|hang`, optionally `:N` to act from the N-th passing on. Several are separated by
commas. A point costs one dictionary look-up while none is set.
"""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass

# Every point that the code passes, with the place where it stands. A test checks that each is passed somewhere.
POINTS: dict[str, str] = {
    "accept.before-commit": "the mail is received, nothing is written",
    "accept.after-commit": "the mail is durable, 250 is not sent",
    "inbox.before-mark": "fetched mails are durable, the mailbox does not show it",
    "inbox.before-progress": "fetched mails are flagged or moved, how far we are is not saved",
    "process.claimed": "an intake is claimed and its try counted, the parser has not seen it",
    "process.before-commit": "ticket and outbox are written inside the open transaction",
    "process.after-commit": "ticket and outbox are durable",
    "outbound.claimed": "a delivery is claimed and its attempt counted, nothing is dialled",
    "outbound.signed": "the signed octets are stored",
    "outbound.after-dot": "the final dot is sent, the server's answer is not read",
    "outbound.before-record": "the server's answer is read, nothing is recorded",
    "webhook.claimed": "an event is claimed and its attempt counted, nothing is dialled",
    "webhook.before-record": "the receiver's answer is read, nothing is recorded",
}


class FailpointError(RuntimeError):
    """What a point in mode `raise` raises; its text must never reach the wire."""


@dataclass(slots=True)
class _Armed:
    mode: str
    passings_left: int


def _read(text: str) -> dict[str, _Armed]:
    armed = {}
    for item in filter(None, text.split(",")):
        name, _, rest = item.partition(":")
        mode, _, count = rest.partition(":")
        if name not in POINTS or mode not in {"crash", "raise", "hang"}:
            raise ValueError(f"POTERNE_FAILPOINT: no such point or mode: {item!r}")
        armed[name] = _Armed(mode, int(count or 1))
    return armed


_armed = _read(os.environ.get("POTERNE_FAILPOINT", ""))


def arm(text: str) -> None:
    """Set the points of this process, as the environment variable would. For tests; `arm("")` sets none."""
    _armed.clear()
    _armed.update(_read(text))


def reach(name: str) -> None:
    """Pass the point `name`: do nothing, or what was asked for. Blocks the calling thread in mode `hang`."""
    if not _armed:
        return
    point = _armed.get(name)
    if point is None:
        return
    point.passings_left -= 1
    if point.passings_left > 0:
        return
    if point.mode == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    if point.mode == "raise":
        raise FailpointError(f"fail-point {name}")
    while True:
        time.sleep(3600)
