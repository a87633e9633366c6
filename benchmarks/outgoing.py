"""How fast mail leaves, beside Postfix's own smtp-source to the same sink. `python -m benchmarks.outgoing [MAILS]`.

Ours goes the whole way of the worker: claim, compose, sign, send, record; first with an outbox in memory, so that this
measures the way out and not the database, then with the real one on SQLite. smtp-source is written in C, composes once,
signs nothing and records nothing: its rate is what sink and machine allow, and the ratio says how much of it we use.

Processor time is that of the daemon's process, in which the event loop is, and of each signing process beside it.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import uvloop
from sqlalchemy import literal_column, select

from benchmarks.processes import processor_seconds
from gateway.app import SWITCH_INTERVAL
from gateway.model import ClaimedDelivery, DeliveryId, DeliveryResult, Draft, Mailbox, Outcome, OutgoingId, TicketId
from gateway.outbound.channels.kept import KeptChannel
from gateway.outbound.dkim import SigningKey
from gateway.outbound.session import Server
from gateway.outbound.signer import CORES, RUSH, Signer
from gateway.outbound.worker import ChannelWorker, Desk
from gateway.ports import Outbox, Writer
from gateway.store import SqlStore, open_store
from gateway.store.statement import Statement
from gateway.store.tables_out import deliveries as delivery_table
from gateway.telemetry import log
from tests.support.drafts import KEYS, make_draft, signing_keys
from tests.support.outbox import RunningClock
from tests.support.ports import free_port
from tests.unit.store.cases import open_ticket

WAITING = Statement(
    select(literal_column("1")).where(delivery_table.c.state == literal_column("'queued'")).limit(literal_column("1"))
)
SIZE = 2000
CONNECTIONS = (1, 4, 10)
RUNS = 3


class Belt:
    """An outbox that hands out what it was filled with, and counts what comes back."""

    def __init__(self, deliveries: Sequence[ClaimedDelivery]) -> None:
        self._waiting = deque(deliveries)
        self.left = len(deliveries)
        self.done = asyncio.Event()

    async def claim_deliveries(
        self, channel: str, limit: int, lease: timedelta, allowances: Sequence[tuple[int, timedelta]] = ()
    ) -> Sequence[ClaimedDelivery]:
        del channel, lease, allowances
        return [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]

    async def keep_content(self, outgoing_id: OutgoingId, content: bytes) -> bytes:
        del outgoing_id
        return content

    async def record_delivery(
        self, delivery: ClaimedDelivery, result: DeliveryResult, retry_at: datetime | None, note: str = ""
    ) -> bool:
        del delivery, retry_at, note
        assert result.outcome is Outcome.SENT, result
        self.left -= 1
        if not self.left:
            self.done.set()
        return True

    async def extend_lease(self, deliveries: Sequence[DeliveryId], token: int, lease: timedelta) -> None:
        del deliveries, token, lease

    async def next_due(self, channel: str, allowances: Sequence[tuple[int, timedelta]] = ()) -> datetime | None:
        del channel, allowances
        return None

    async def hasten(self, channel: str) -> int:
        del channel
        return 0


def make_deliveries(count: int) -> list[ClaimedDelivery]:
    """Return that many deliveries of mails of about 2 kB."""
    text = "All work and no play makes the postman a dull boy, said the gate.\n" * 6
    html = "".join(f"<p>{line}</p>" for line in text.splitlines())
    found = []
    for number in range(1, count + 1):
        draft = make_draft(number, text=text, html=html)
        found.append(
            ClaimedDelivery(
                DeliveryId(number),
                OutgoingId(number),
                TicketId(1),
                "relay",
                "ada@example.com",
                draft.message_id,
                datetime.now(UTC),
                1,
                1,
                draft,
            )
        )
    return found


@dataclass
class Run:
    """What one run took."""

    rate: float
    daemon: float  # milliseconds of processor time that a mail took
    signing: tuple[float, ...] = ()  # ... in each signing process


async def warmed(keys: Sequence[SigningKey]) -> Signer:
    """Return a signer that has seen the rush coming: its processes run already, as they do within a backlog."""
    signer = Signer(keys)
    now = datetime.now(UTC)
    while keys and len(signer.processes) < CORES:
        await asyncio.gather(*(signer.write(make_draft(number), now, now) for number in range(RUSH)))
    return signer


async def measure(
    outbox: Outbox, over: Callable[[], Awaitable[object]], port: int, connections: int, keys: Sequence[SigningKey]
) -> Run:
    """Send what the outbox holds, until it is over; rates per mail are worked out by the caller."""
    signer = await warmed(keys)
    desk = Desk(outbox, signer, RunningClock(), KEYS, {"support": "in@tickets.example.org"}, lambda: 0.5)
    channel = KeptChannel(Server("127.0.0.1", port, "bench.example.org"), connections)
    worker = ChannelWorker("relay", channel, desk, connections=connections)
    before = {process: processor_seconds([process]) for process in signer.processes}
    started, used = time.perf_counter(), time.process_time()
    task = asyncio.create_task(worker.run())
    await over()
    took, used = time.perf_counter() - started, time.process_time() - used
    signing = tuple(processor_seconds([process]) - seconds for process, seconds in before.items())
    worker.stop()
    await task
    signer.close()
    await asyncio.sleep(0.1)
    return Run(1 / took, used * 1000, tuple(seconds * 1000 for seconds in signing))


def each(run: Run, mails: int) -> Run:
    """Return a run by the mail."""
    return Run(run.rate * mails, run.daemon / mails, tuple(used / mails for used in run.signing))


async def ours(port: int, deliveries: Sequence[ClaimedDelivery], connections: int, keys: Sequence[SigningKey]) -> Run:
    """Send with the outbox in memory."""
    belt = Belt(deliveries)
    return each(await measure(belt, belt.done.wait, port, connections, keys), len(deliveries))


async def whole(port: int, deliveries: Sequence[ClaimedDelivery], connections: int, keys: Sequence[SigningKey]) -> Run:
    """Send with the outbox on SQLite, each commit synchronised."""
    with tempfile.TemporaryDirectory(prefix="poterne-bench-", dir="/var/tmp") as folder:
        async with open_store(f"sqlite:///{folder}/poterne.db", clock=RunningClock()) as store:
            await fill(store, [delivery.draft for delivery in deliveries])

            async def over() -> None:
                while await store.read(lambda context: context.transaction.value(WAITING)):
                    await asyncio.sleep(0.05)

            return each(await measure(store, over, port, connections, keys), len(deliveries))


async def fill(store: SqlStore, drafts: Sequence[Draft]) -> None:
    """Queue a reply to somebody else for each draft, on some tickets."""
    tickets = [await open_ticket(store, Mailbox("", f"customer{number}@example.com")) for number in range(20)]

    def queue(writer: Writer, numbers: range) -> None:
        for number in numbers:
            draft = replace(drafts[number], to=(Mailbox("", f"ada{number}@example.com"),))
            writer.queue_reply(tickets[number % len(tickets)], lambda _, draft=draft: draft, "Bob")  # type: ignore[misc] # bound per mail

    for first in range(0, len(drafts), 200):
        numbers = range(first, min(first + 200, len(drafts)))
        await store.transact(lambda writer, numbers=numbers: queue(writer, numbers))  # type: ignore[misc] # bound per part


def theirs(port: int, count: int, connections: int) -> float:
    """Return how many mails a second smtp-source sends."""
    command = ["smtp-source", "-d", "-s", str(connections), "-m", str(count), "-l", str(SIZE)]
    command += ["-f", "support@example.org", "-t", "ada@example.com", f"127.0.0.1:{port}"]
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return count / (time.perf_counter() - started)


def compare(
    port: int,
    deliveries: Sequence[ClaimedDelivery],
    connections: int,
    ways: Mapping[str, tuple[SigningKey, ...]],
    send: Callable[[int, Sequence[ClaimedDelivery], int, Sequence[SigningKey]], Coroutine[Any, Any, Run]],
) -> None:
    """Measure smtp-source and every way in turn, some times, and print the medians."""
    rates: list[float] = []
    runs: dict[str, list[Run]] = {name: [] for name in ways}
    for _ in range(RUNS):
        rates.append(theirs(port, len(deliveries), connections))
        for name, keys in ways.items():
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runs[name].append(runner.run(send(port, deliveries, connections, keys)))
    base = statistics.median(rates)
    print(f"connections {connections:2}: smtp-source {base:.0f}")
    for name, found in runs.items():
        middle = sorted(found, key=lambda run: run.rate)[len(found) // 2]
        signing = "".join(f" + {used:.2f}" for used in middle.signing)
        print(
            f"    {name:>8} {middle.rate:6.0f}  ratio {middle.rate / base:.2f}  processor {middle.daemon:.2f}{signing}"
        )


def main() -> None:
    """Print rates and ratios: the median of some runs, all against one sink."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    log.configure("warning")
    sys.setswitchinterval(SWITCH_INTERVAL)  # as the daemon does
    port = free_port()
    sink = subprocess.Popen(
        ["smtp-sink", *(["-u", "nobody"] if os.geteuid() == 0 else []), f"127.0.0.1:{port}", "200"],
        stderr=subprocess.DEVNULL,
    )
    time.sleep(0.5)
    rsa, ed25519 = signing_keys()
    deliveries = make_deliveries(count)
    ways: dict[str, tuple[SigningKey, ...]] = {
        "unsigned": (),
        "ed25519": (ed25519,),
        "rsa": (rsa,),
        "both": (rsa, ed25519),
    }
    print(f"{count} mails of about {SIZE} octets; mails a second, and the ratio to smtp-source; median of {RUNS} runs")
    try:
        for title, send in (("the outbox in memory", ours), ("the outbox on SQLite", whole)):
            print(f"-- {title}; processor time of a mail in milliseconds: daemon + each signing process")
            for connections in CONNECTIONS:
                compare(port, deliveries, connections, ways, send)
    finally:
        sink.terminate()
        sink.wait()


if __name__ == "__main__":
    main()
