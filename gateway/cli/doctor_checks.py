"""The checks of `poterne doctor`: what is installed, how it is kept, and what the mail of the last days shows.

Each yields findings; none changes anything. What is bad loses mail or lets strangers in, what is doubtful may.
"""

from __future__ import annotations

import os
import re
import sqlite3
import stat
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata
from pathlib import Path

from gateway.config.settings import Settings
from gateway.config.units import folded
from gateway.desk.webhooks import WebhookState
from gateway.model import BreakerRow, InboxHealth, InboxRow, IntakeRow, PauseRow

Version = tuple[int, ...]


class Grade(StrEnum):
    """How a finding is meant."""

    FINE = "fine"
    DOUBTFUL = "doubtful"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, what was seen, and the cure if one is needed."""

    grade: Grade
    about: str
    seen: str
    cure: str = ""


@dataclass(frozen=True, slots=True)
class Flaw:
    """A known flaw: the first good version of each maintained series; older series are all bad, newer ones good."""

    name: str
    what: str
    fixed: tuple[Version, ...]


# Only what bears on a mail gateway. A distribution may have mended a flaw without changing the version.
PYTHON_FLAWS = (
    Flaw("CVE-2023-27043", "ambiguous addresses are read as others", ((3, 11, 10), (3, 12, 6))),
    Flaw("CVE-2024-6923", "line breaks in headers are written out", ((3, 11, 10), (3, 12, 5))),
    Flaw(
        "CVE-2026-1299",
        "line breaks in literal headers are written out",
        ((3, 11, 15), (3, 12, 13), (3, 13, 12), (3, 14, 3)),
    ),
)
# https://sqlite.org/wal.html: two connections that reset the log at once may lose a commit.
SQLITE_WAL_RESET = Flaw("WAL-reset", "a race may lose a commit", ((3, 44, 6), (3, 50, 7), (3, 51, 3)))
# Below these, a known flaw of the library reaches us.
LIBRARIES: Mapping[str, tuple[Version, str]] = {
    "aiosmtpd": ((1, 4, 6), "SMTP smuggling (CVE-2024-27305), STARTTLS injection (CVE-2024-34083)"),
    "dkimpy": ((1, 1, 0), "signatures over too little"),
}
RECENT_INTAKES = 1000


def versions(settings: Settings) -> Iterator[Finding]:
    """Look at what is installed."""
    python = sys.version_info[:3]
    flaws = [f"{flaw.name} ({flaw.what})" for flaw in PYTHON_FLAWS if is_affected(python, flaw.fixed)]
    if flaws:
        cure = f"use {shown(newest_fix(python))} or newer, unless your distribution has mended it"
        yield Finding(Grade.DOUBTFUL, "python", f"{shown(python)} has {'; '.join(flaws)}", cure)
    else:
        yield Finding(Grade.FINE, "python", shown(python))
    if settings.database.startswith("sqlite:"):
        sqlite = sqlite3.sqlite_version_info
        if is_affected(sqlite, SQLITE_WAL_RESET.fixed):
            seen = f"{shown(sqlite)} has the WAL-reset bug; poterne avoids it with one checkpointing connection"
            yield Finding(Grade.DOUBTFUL, "sqlite", seen, "do not write to the database with other programs")
        else:
            yield Finding(Grade.FINE, "sqlite", shown(sqlite))
    for name, (least, flaw) in LIBRARIES.items():
        found = parsed(metadata.version(name))
        if found < least:
            yield Finding(
                Grade.BAD, name, f"{shown(found)} has a known flaw: {flaw}", f"install {shown(least)} or newer"
            )
        else:
            yield Finding(Grade.FINE, name, metadata.version(name))


def permissions(settings: Settings, path: Path) -> Iterator[Finding]:
    """Look at who can read or change what poterne relies on. Secrets and keys are looked at by `check`."""
    yield from writable_by_others("configuration", path)
    if settings.templates is not None:
        yield from writable_by_others("templates", settings.templates)
    if settings.database.startswith("sqlite:"):
        database = Path(settings.database.removeprefix("sqlite:///"))
        yield from readable_by_others("database", database)
        yield from writable_by_others("database folder", database.parent)
    if settings.raw_mail.startswith("file://"):
        yield from readable_by_others("raw mail", Path(settings.raw_mail.removeprefix("file://")))


def writable_by_others(about: str, path: Path) -> Iterator[Finding]:
    """Find a file that somebody else than its owner can change."""
    mode = mode_of(path)
    if mode is not None and mode & 0o022 and not mode & stat.S_ISVTX:
        yield Finding(Grade.BAD, about, f"{path} can be changed by others (mode {mode:04o})", f"chmod go-w {path}")


def readable_by_others(about: str, path: Path) -> Iterator[Finding]:
    """Find a file that strangers can read."""
    mode = mode_of(path)
    if mode is not None and mode & 0o007 and not closed_above(path):
        yield Finding(Grade.BAD, about, f"{path} is open to every user (mode {mode:04o})", f"chmod o= {path}")


def closed_above(path: Path) -> bool:
    """Tell whether a folder above keeps strangers out."""
    return any((mode_of(folder) or 0) & 0o001 == 0 for folder in path.resolve().parents if folder != Path("/"))


def mode_of(path: Path) -> int | None:
    """Return the permission bits, or None for what is not there."""
    try:
        return stat.S_IMODE(os.stat(path).st_mode)  # noqa: PTH116 - os.stat is what the tests replace
    except OSError:
        return None


def blocklist_gaps(settings: Settings, own: frozenset[str], stored: Iterable[str]) -> Iterator[Finding]:
    """Look for addresses that re-send to us but that we would write to: the classic loop."""
    from gateway.mail.address import matches

    patterns = [*settings.loop_protection.blocklist, *stored]
    for key, queue in settings.queues.items():
        for forwarder in queue.forwarders:
            plain = "@" in forwarder and "*" not in forwarder and not forwarder.startswith("@")
            if plain and folded(forwarder) not in own and not any(matches(item, forwarder) for item in patterns):
                seen = f"{forwarder} forwards to queue {key}, and mail of ours to it would come back"
                yield Finding(Grade.DOUBTFUL, "loop blocklist", seen, f"add it to queues.{key}.inboxes, or block it")


def missing_forwarders(settings: Settings, rows: Iterable[IntakeRow]) -> Iterator[Finding]:
    """Look for forwarders that the mail of the last days showed and the configuration does not name by now."""
    from gateway.rules.forwarders import is_configured
    from gateway.rules.trace import forwarder_named

    seen: Counter[tuple[str, str]] = Counter()
    lines: dict[tuple[str, str], str] = {}
    for row in rows:
        for name, line in filter(None, map(forwarder_named, row.verdicts)):
            if line and row.queue in settings.queues:
                seen[row.queue, name] += 1
                lines.setdefault((row.queue, name), line)  # of the newest mail
    for (queue, name), count in seen.most_common():
        if not is_configured(name, settings.queues[queue].forwarders):
            shown = f"{name} forwards to us ({count} of the last mails of queue {queue})"
            yield Finding(Grade.DOUBTFUL, "forwarder", shown, f"set {lines[queue, name]}")


def direct_inboxes(settings: Settings, rows: Iterable[InboxRow]) -> Iterator[Finding]:
    """Look for direct inboxes that nobody reads; what their server said comes with the cure."""
    known = {row.name: row for row in rows}
    for name in settings.connections:
        row = known.get(name)
        if row is None:
            cure = "see that the daemon runs, and that it was restarted since the connection was configured"
            yield Finding(Grade.DOUBTFUL, "inbox", f"{name} was never looked at", cure)
        elif row.health is InboxHealth.REFUSED:
            yield Finding(
                Grade.BAD, "inbox", f"{name} is refused since {row.changed_at:%Y-%m-%d %H:%M} UTC: {row.detail}"
            )
        elif row.health is InboxHealth.RETRYING:
            yield Finding(Grade.DOUBTFUL, "inbox", f"{name} is tried again: {row.detail}")


def standstill(breakers: Iterable[BreakerRow], pauses: Iterable[PauseRow], quarantined: int) -> Iterator[Finding]:
    """Look for what waits for a person."""
    for breaker in breakers:
        if breaker.is_open:
            seen = f"queue {breaker.queue} sends no automatic mail until {breaker.open_until:%Y-%m-%d %H:%M} UTC"
            yield Finding(
                Grade.DOUBTFUL, "breaker", f"{seen}: {breaker.because}", "look for a loop in: poterne intakes"
            )
    for pause in pauses:
        seen = f"channel {pause.channel} is paused since {pause.since:%Y-%m-%d %H:%M} UTC: {pause.because}"
        yield Finding(Grade.DOUBTFUL, "channel", seen, f"poterne outbox resume {pause.channel}")
    if quarantined:
        yield Finding(Grade.DOUBTFUL, "quarantine", f"{quarantined} mails are held", "see: poterne quarantine list")


def webhooks(states: Iterable[WebhookState]) -> Iterator[Finding]:
    """Look for webhooks that are not told what they ask for."""
    for item in states:
        cure = f"poterne webhooks deliveries --webhook {item.name}"
        if item.stopped_since is not None:
            seen = f"{item.name} is {item.health} since {item.stopped_since:%Y-%m-%d %H:%M} UTC: {item.because}"
            yield Finding(Grade.DOUBTFUL, "webhook", seen, f"poterne webhooks resume {item.name}")
        elif item.trouble:
            seen = f"{item.name} has {item.waiting} events waiting: {item.trouble}"
            yield Finding(Grade.DOUBTFUL, "webhook", seen, f"see: {cure} --state queued")
        elif item.failed_24h:
            seen = f"{item.name} was not told {item.failed_24h} events of the last 24 hours: they were given up"
            yield Finding(Grade.DOUBTFUL, "webhook", seen, f"see: {cure} --state failed")
        else:
            yield Finding(Grade.FINE, "webhook", f"{item.name} was told {item.sent_24h} events in the last 24 hours")


def is_affected(version: Version, fixed: tuple[Version, ...]) -> bool:
    """Tell whether a version is older than the first good one of its series."""
    series = [first for first in fixed if first[:2] == version[:2]]
    if series:
        return version < series[0]
    return version < fixed[-1] and version[:2] < fixed[-1][:2]


def newest_fix(version: Version) -> Version:
    """Return the first version of this series that has no flaw of the table."""
    fixes = [first for flaw in PYTHON_FLAWS for first in flaw.fixed if first[:2] == version[:2]]
    return max(fixes, default=PYTHON_FLAWS[-1].fixed[-1])


def parsed(text: str) -> Version:
    """Return the leading numbers of a version."""
    return tuple(int(word) for word in re.findall(r"\d+", text.split("+", maxsplit=1)[0])[:3])


def shown(version: Version) -> str:
    """Return a version as people write it."""
    return ".".join(map(str, version))
