"""A relay that is away for five virtual days and more, 10,000 mails waiting: `python -m tests.faults.outage`.

The real store, worker and schedule on a clock that jumps. The relay refuses connections, later defers every mail, later
says 421; mails are queued all the while. Then it is back. What is asserted is computed again from the rows of the
attempts, from what the relay took and when, and from the time-lines of the tickets.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.parser import BytesHeaderParser
from itertools import pairwise
from pathlib import Path
from typing import Any

from gateway.model import DeliveryResult, Mailbox, Outcome, TicketId
from gateway.outbound.health import BACKOFF
from gateway.outbound.schedule import DELAYS, GIVE_UP_AFTER, JITTER, WARN_AFTER
from gateway.outbound.worker import ChannelWorker, Desk
from gateway.store import SqlStore, migrate, open_store
from gateway.telemetry import log
from tests.conftest import MovableClock
from tests.faults.oracle import query, report
from tests.support.drafts import KEYS
from tests.support.outbox import BUSY, GONE, LATER, TAKEN, QuickSigner, play
from tests.support.postgres import postgres_server
from tests.unit.store.cases import open_ticket, reply, send_automatic

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
DAYS = timedelta(days=5)
AWAY = DAYS + timedelta(hours=7)  # so that what was queued first is given up
PHASES: Sequence[tuple[timedelta, DeliveryResult]] = (
    (timedelta(0), GONE),
    (timedelta(days=2), LATER),
    (timedelta(days=3), BUSY),
    (AWAY, TAKEN),
)
ROUNDS = 20  # of queueing, evenly over the outage
REPLIES, PEOPLE = 3, 3  # to every ticket, and recipients of each
ACROSS = 8  # notices to one address; more are not even queued (I2)


class Relay:
    """Implements ports.Channel: what it says depends on the time."""

    def __init__(self, clock: MovableClock) -> None:
        self.clock = clock
        self.began = clock.moment
        self.dialled: list[datetime] = []
        self.taken: list[tuple[datetime, str, str]] = []  # when, Message-ID, recipient

    async def send(self, envelope_from: str, recipients: Sequence[str], content: bytes) -> Sequence[DeliveryResult]:
        del envelope_from
        now = self.clock.now()
        self.dialled.append(now)
        answer = [answer for start, answer in PHASES if self.began + start <= now][-1]
        if answer.outcome is Outcome.SENT:
            name = str(BytesHeaderParser().parsebytes(content)["Message-ID"])
            self.taken += [(now, name, recipient) for recipient in recipients]
        return [answer for _ in recipients]

    async def close(self) -> None:
        """Nothing is kept open."""


@dataclass
class Outcomes:
    """What a run showed."""

    waiting: int = 0
    states: Counter[str] = field(default_factory=Counter)
    attempts: int = 0
    dialled: int = 0
    busiest: int = 0  # mails that the relay took in the busiest window
    rate: int = 0  # mails a minute that the channel allows
    drained_in: timedelta = timedelta(0)
    seconds: float = 0
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.waiting} deliveries, {self.attempts} attempts, {self.dialled} of them dialled; "
            f"{dict(self.states)}; "
            f"drained in {self.drained_in}, at most {self.busiest} a minute of {self.rate} allowed; "
            f"{self.seconds:.0f} s, {len(self.faults)} faults"
        )


async def run(url: str, tickets: int, *, rate: int = 600, seed: int = 0) -> Outcomes:
    """Play the outage on an empty database, and judge it."""
    began, clock, chance = time.monotonic(), MovableClock(), random.Random(seed)
    outcome = Outcomes(rate=rate)
    async with open_store(url, clock=clock) as store:
        relay = Relay(clock)
        desk = Desk(store, QuickSigner(), clock, KEYS, {"support": "in@tickets.example.org"}, chance.random)
        worker = ChannelWorker("relay", relay, desk, rates=[(rate, MINUTE)])
        numbers = [await open_ticket(store, Mailbox("", f"c{number}@example{number}.com")) for number in range(tickets)]
        plan = [sorted(chance.randrange(ROUNDS) for _ in range(REPLIES)) for _ in numbers]
        start = clock.moment = relay.began = clock.moment + HOUR
        for round_ in range(ROUNDS):
            await queue(store, numbers, plan, round_)
            await play(worker, store, clock, start + DAYS * (round_ + 1) / ROUNDS)
        ((outcome.waiting,),) = query(url, "SELECT count(*) FROM deliveries")
        await play(worker, store, clock, start + AWAY)
        await play(worker, store, clock, start + AWAY + timedelta(days=1))
    judge(url, relay, outcome)
    outcome.seconds = time.monotonic() - began
    return outcome


async def queue(store: SqlStore, tickets: Sequence[TicketId], plan: Sequence[Sequence[int]], round_: int) -> None:
    """Queue the replies of this round, each to three people, and notices to addresses that get too many of them."""
    for index, ticket in enumerate(tickets):
        for place, when in enumerate(plan[index]):
            if when == round_:
                people = tuple(Mailbox("", f"{who}{index}@example{index}.com") for who in "def"[: PEOPLE - 1])
                subject = f"[#{ticket}] {place}"
                await reply(store, ticket, f"c{index}@example{index}.com", cc=people, subject=subject, loop_token="")
    for index in range(round_ % 2, max(2, len(tickets) // ACROSS), 2):
        await send_automatic(store, f"n{index}@notices{index}.com", ticket_id=tickets[index % len(tickets)])


# --- the judgement --------------------------------------------------------------------------------------------


def judge(url: str, relay: Relay, outcome: Outcomes) -> None:
    """Compute everything again from rows and from what the relay saw."""
    columns = "id, ticket_id, canonical, state, queued_at, finished_at, attempts"
    deliveries = query(url, f"SELECT {columns} FROM deliveries ORDER BY id")
    outcome.states = Counter(row[3] for row in deliveries)
    outcome.dialled = len(relay.dialled)
    tries: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for row in query(url, "SELECT delivery_id, started_at, outcome, answer FROM attempts ORDER BY delivery_id, number"):
        tries[row[0]].append(row)
    outcome.attempts = sum(map(len, tries.values()))
    faults = outcome.faults
    faults += nothing_lost_nothing_twice(url, relay)
    faults += kept_order(deliveries)
    faults += told_on_tickets(url, deliveries)
    faults += bounded(url)
    backlog = timedelta(minutes=outcome.waiting / outcome.rate + 1)
    for number, _ticket, _canonical, _state, queued_at, *_ in deliveries:
        faults += schedule_faults(number, queued_at, tries[number], relay, backlog)
    times = sorted(at for at, _, _ in relay.taken)
    outcome.busiest, first = 0, 0
    for last, at in enumerate(relay.dialled):
        while relay.dialled[first] <= at - MINUTE:
            first += 1
        outcome.busiest = max(outcome.busiest, last - first + 1)
    if outcome.busiest > outcome.rate:
        faults.append(f"{outcome.busiest} mails in one minute, {outcome.rate} allowed")
    if times:
        outcome.drained_in = times[-1] - times[0]
        if times[0] - (relay.began + AWAY) > BACKOFF[-1] + MINUTE:
            faults.append(f"the first mail left {times[0] - relay.began - AWAY} after the relay was back")
    best = len(times) / outcome.rate * MINUTE
    if outcome.drained_in > best / 0.95 + MINUTE:
        faults.append(f"drained in {outcome.drained_in}; at its rate {best} are possible")


def micro(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000)


def length(duration: timedelta) -> int:
    return duration // timedelta(microseconds=1)


def nothing_lost_nothing_twice(url: str, relay: Relay) -> list[str]:
    """Compare what was sent by our books with what the relay took."""
    rows = query(
        url, "SELECT o.message_id, d.recipient, d.state FROM deliveries d JOIN outgoings o ON o.id = d.outgoing_id"
    )
    ours = {(f"<{name}>", recipient) for name, recipient, state in rows if state == "sent"}
    theirs = Counter((name, recipient) for _, name, recipient in relay.taken)
    found = [f"{key} was sent {count} times" for key, count in theirs.items() if count > 1]
    found += [f"{key} is sent by our books, and the relay has not seen it" for key in ours - set(theirs)]
    found += [f"{key} is with the relay, and not sent by our books" for key in set(theirs) - ours]
    found += [
        f"{recipient}: still {state}" for _, recipient, state in rows if state not in {"sent", "failed", "refused"}
    ]
    return found


def kept_order(deliveries: Sequence[tuple[Any, ...]]) -> list[str]:
    """Find deliveries to one person of one ticket that ended before an earlier one."""
    last: dict[tuple[Any, ...], tuple[int, int]] = {}
    found = []
    for number, ticket, canonical, _state, _queued, finished_at, _ in deliveries:
        before = last.get((ticket, canonical))
        if before is not None and finished_at < before[1]:
            found.append(f"delivery {number} ended before {before[0]}, which was queued earlier")
        last[ticket, canonical] = number, finished_at
    return found


def told_on_tickets(url: str, deliveries: Sequence[tuple[Any, ...]]) -> list[str]:
    """Find tickets that were not told, or told twice, that a mail is late, was given up, or may not leave."""
    told: dict[int, list[str]] = defaultdict(list)
    for number, text in query(url, "SELECT delivery_id, text FROM entries WHERE kind = 'delivery' ORDER BY id"):
        told[number].append(text)
    found = []
    for number, _ticket, _canonical, state, queued_at, finished_at, attempts in deliveries:
        late = sum("was not reached yet; tried again until" in text for text in told[number])
        given_up = sum("given up after 5 days" in text for text in told[number])
        if (state == "failed") != (given_up == 1):
            found.append(f"delivery {number} is {state}, its ticket was told {given_up} times that it was given up")
        if state == "failed" and finished_at - queued_at < length(GIVE_UP_AFTER):
            found.append(f"delivery {number} was given up too early")
        if late > 1 or (attempts > len(DELAYS) + 1 and late != 1):
            found.append(f"delivery {number}: its ticket was told {late} times that it is late")
        if state == "refused" and not any("was not sent" in text for text in told[number]):
            found.append(f"delivery {number} was refused, and its ticket does not say so")
    return found


def bounded(url: str) -> list[str]:
    """Count automatic mail again by the times at which it left: 1 in 10 min, 3 in 24 h, 60 an hour from the queue."""
    rows = query(
        url,
        "SELECT d.canonical, d.finished_at FROM deliveries d JOIN outgoings o ON o.id = d.outgoing_id "
        "WHERE o.kind <> 'reply' AND d.state = 'sent' ORDER BY d.finished_at",
    )
    by_address: dict[str, list[int]] = defaultdict(list)
    for canonical, at in rows:
        by_address[canonical].append(at)
    found = []
    for canonical, times in by_address.items():
        for most, window in ((1, 10 * MINUTE), (3, 24 * HOUR)):
            if most_within(times, length(window)) > most:
                found.append(f"{canonical} got more than {most} automatic mails in {window}")
    if (count := most_within([at for _, at in rows], length(HOUR))) > 60:
        found.append(f"{count} automatic mails of one queue left within an hour")
    return found


def most_within(times: Sequence[int], window: int) -> int:
    return max((sum(at <= other < at + window for other in times) for at in times), default=0)


def schedule_faults(
    number: int, queued_at: int, tries: Sequence[tuple[Any, ...]], relay: Relay, backlog: timedelta
) -> list[str]:
    """Compare the times of one delivery's attempts with the table of docs/outgoing.md."""
    found = []
    warning, deadline = queued_at + length(WARN_AFTER * (1 + JITTER)), queued_at + length(GIVE_UP_AFTER)
    back = micro(relay.began + AWAY)
    deferring = [micro(relay.began + PHASES[index][0]) for index in (1, 2)]
    for attempt, (this, following) in enumerate(pairwise(tries), start=1):
        if following[1] >= back:
            break  # hastened: the channel works again
        gap = following[1] - this[1]
        wait = length(DELAYS[min(attempt, len(DELAYS)) - 1])
        hastened = deferring[0] <= following[1] <= deferring[0] + length(backlog + BACKOFF[-1])
        probe = not this[3].startswith("not tried") and this[2] == "deferred" and "451" not in this[3]
        last = following[1] >= deadline or warning <= following[1] <= warning + length(BACKOFF[-1] + MINUTE)
        if gap < wait and not (hastened or probe or last):
            found.append(f"delivery {number}: attempt {attempt + 1} came {gap / 6e7:.1f} min after the one before")
        busy = deferring[0] <= following[1] <= deferring[1] + length(backlog)
        late = length(BACKOFF[-1] + MINUTE + (backlog if busy else timedelta(0)))
        if gap > wait * (1 + JITTER) + late:
            found.append(f"delivery {number}: attempt {attempt + 1} came only {gap / 6e7:.1f} min after the one before")
    return found


def main() -> int:
    """Play it at full size on a database; fail if anything was lost, doubled, late or too fast."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.outage", description=__doc__)
    parser.add_argument("--tickets", type=int, default=1000)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--seed", type=int, default=0)
    wanted = parser.parse_args()
    log.configure("error")
    if wanted.database == "postgresql":
        with postgres_server() as server:
            url = server.new_database()
            migrate(url)
            outcome = asyncio.run(run(url, wanted.tickets, seed=wanted.seed))
    else:
        with tempfile.TemporaryDirectory(prefix="poterne-outage-") as folder:
            url = f"sqlite:///{Path(folder) / 'poterne.db'}"
            outcome = asyncio.run(run(url, wanted.tickets, seed=wanted.seed))
    return report(outcome, outcome.faults)


if __name__ == "__main__":
    raise SystemExit(main())
