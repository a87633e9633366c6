"""What must hold in every world, whoever lives there: I1 to I4, computed again from what was seen."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from gateway.mail.address import canonical, organisation
from gateway.model import Disposition, OutgoingKind, TokenPurpose
from tests.simulator.world import World

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ADDRESS = ((timedelta(minutes=10), 1), (DAY, 3), (7 * DAY, 8))
ORGANISATION = ((HOUR, 10), (DAY, 30))
QUEUE = ((HOUR, 60), (DAY, 400))
AGENT = ((HOUR, 30),)


def breaches(world: World) -> list[str]:
    """Return every breach of an invariant, in words; empty if all hold."""
    return [*no_loss(world), *bound(world), *causality(world), *world.woken]


def no_loss(world: World) -> list[str]:
    """I1: every mail taken is one intake with one disposition, and its octets are unchanged."""
    found = []
    with sqlite3.connect(world.database) as connection:
        rows = connection.execute(
            "SELECT raws.sha256, intakes.disposition, intakes.state, intakes.ticket_id FROM intakes "
            "JOIN raws ON raws.id = intakes.raw_id"
        ).fetchall()
    known = {item.value for item in Disposition}
    if Counter(row[0] for row in rows) != world.digests:
        found.append("I1: the intakes are not the mails that were taken")
    found.extend(f"I1: an intake is {row[2]} with disposition {row[1]}" for row in rows if row[1] not in known)
    needs_ticket = {"ticket", "append", "auto_reply"}
    found.extend(f"I1: a {row[1]} without a ticket" for row in rows if row[1] in needs_ticket and row[3] is None)
    return found


def bound(world: World) -> list[str]:
    """I2: in no window that ends anywhere was more automatic mail sent than the limits allow."""
    by_key: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    for sent in world.automatic_to():
        folded = canonical(sent.recipient)
        if sent.kind is OutgoingKind.ALERT:
            by_key["agent", folded].append(sent.at)
            continue
        by_key["address", folded].append(sent.at)
        by_key["queue", sent.queue].append(sent.at)
        if domain := organisation(sent.recipient):
            by_key["organisation", domain].append(sent.at)
    limits = {"address": ADDRESS, "organisation": ORGANISATION, "queue": QUEUE, "agent": AGENT}
    found = []
    for (scope, key), moments in by_key.items():
        for window, most in limits[scope]:
            if (count := densest(moments, window)) > most:
                found.append(f"I2: {count} automatic mails to {scope} {key} within {window}, at most {most}")
    acknowledged = Counter(s.ticket for s in world.sent if s.kind is OutgoingKind.ACKNOWLEDGEMENT)
    found.extend(f"I2: ticket {ticket} was acknowledged {n} times" for ticket, n in acknowledged.items() if n > 1)
    return found


def densest(moments: Iterable[datetime], window: timedelta) -> int:
    """Return how many moments lie in the fullest window of this length (half open)."""
    ordered = sorted(moments)
    best = start = 0
    for end, moment in enumerate(ordered):
        while moment - ordered[start] >= window:
            start += 1
        best = max(best, end - start + 1)
    return best


def causality(world: World) -> list[str]:
    """I3: no automatic mail was caused by a machine that says so, by a bounce, or by an answer to automatic mail."""
    found = []
    with sqlite3.connect(world.database) as connection:
        rows = connection.execute(
            "SELECT automatic_mails.id, intakes.kind, raws.content FROM automatic_mails "
            "JOIN intakes ON intakes.id = automatic_mails.cause_id JOIN raws ON raws.id = intakes.raw_id"
        ).fetchall()
    for number, kind, raw in rows:
        if kind != "human":
            found.append(f"I3: automatic mail {number} was caused by {kind}")
        if refers_to_automatic(world, raw):
            found.append(f"I3: automatic mail {number} was caused by an answer to automatic mail")
    return found


_REFERENCE = re.compile(rb"(?im)^(?:in-reply-to|references|x-poterne-loop):((?:[^\r\n]|\r\n[ \t])*)")


def refers_to_automatic(world: World, raw: bytes) -> bool:
    """Tell whether a header refers to automatic mail of ours, by a search of its own."""
    header = raw.partition(b"\r\n\r\n")[0]
    for match in _REFERENCE.finditer(header):
        for text in re.findall(rb"[a-z2-7]{40}", match[1]):
            token = world.policy.keys.verify(text.decode(), TokenPurpose.MESSAGE)
            if token is not None and token.automatic:
                return True
    return False
