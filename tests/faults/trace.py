"""Reads what strace saw of a daemon: was each mail on the disk, and the disk flushed, before its 250 went out?"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

# strace splits a call that another thread's call interrupts into two lines.
_UNFINISHED = re.compile(r"^(\d+)\s+(\w+)\((.*) <unfinished \.\.\.>$")
_RESUMED = re.compile(r"^(\d+)\s+<\.\.\. (\w+) resumed>(.*)$")
_WHOLE = re.compile(r"^(\d+)\s+(\w+)\((.*)$")
_FAILED = re.compile(r"= -1 [A-Z]+")
SENDING = {"write", "writev", "sendto", "sendmsg"}
WRITING = {"pwrite64", "pwritev", "write", "writev"}
FLUSHING = {"fdatasync", "fsync"}


@dataclass(frozen=True)
class Call:
    """One system call at the moment when it ended; a sending call at the moment when it began."""

    name: str
    text: str


def read_calls(path: Path) -> list[Call]:
    """Return the calls in the order that matters for promises."""
    calls: list[Call] = []
    begun: dict[str, str] = {}
    for line in path.read_text(errors="replace").splitlines():
        if match := _UNFINISHED.match(line):
            thread, name, text = match.groups()
            begun[thread] = text
            if name in SENDING:
                calls.append(Call(name, text))
        elif match := _RESUMED.match(line):
            thread, name, rest = match.groups()
            text = begun.pop(thread, "") + rest
            if name not in SENDING and not _FAILED.search(rest):
                calls.append(Call(name, text))
        elif (match := _WHOLE.match(line)) and not _FAILED.search(line):
            calls.append(Call(match[2], match[3]))
    return calls


def hasty_promises(calls: Iterable[Call], markers: Iterable[str]) -> list[str]:
    """Return what was promised too early, for mails that were sent one after the other and hold these markers.

    A promise is good if, in this order, the mail's marker was written to a file, a flush ended, and 250 was sent.
    """
    wanted = list(markers)
    faults: list[str] = []
    position = 0
    calls = list(calls)
    for marker in wanted:
        promise = next(
            (i for i in range(position, len(calls)) if calls[i].name in SENDING and '"250 2.0.0' in calls[i].text), None
        )
        if promise is None:
            return [*faults, f"{marker}: no promise was seen"]
        written = [i for i in range(promise) if calls[i].name in WRITING and marker in calls[i].text and i >= position]
        flushed = any(calls[i].name in FLUSHING for i in range(written[0], promise)) if written else False
        if not written:
            faults.append(f"{marker}: 250 before the mail was written")
        elif not flushed:
            faults.append(f"{marker}: 250 before the flush")
        position = promise + 1
    return faults
