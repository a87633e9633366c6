"""How fast mail leaves, beside Postfix's own smtp-source to the same sink. `python -m benchmarks.outgoing [MAILS]`.

Ours goes the whole way of the worker: claim, compose, sign, send, record; only the outbox is in memory, so that this
measures the way out and not the database. smtp-source is written in C, composes once, signs nothing and records
nothing: its rate is what sink and machine allow, and the ratio says how much of it we use.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import uvloop

from gateway.model import ClaimedDelivery, DeliveryId, DeliveryResult, Outcome, OutgoingId, TicketId
from gateway.outbound.channels.kept import KeptChannel
from gateway.outbound.dkim import SigningKey
from gateway.outbound.session import Server
from gateway.outbound.signer import Signer
from gateway.outbound.worker import ChannelWorker, Desk
from gateway.telemetry import log
from tests.support.drafts import KEYS, make_draft, signing_keys
from tests.support.outbox import RunningClock
from tests.support.ports import free_port

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


async def ours(
    port: int, deliveries: Sequence[ClaimedDelivery], connections: int, keys: Sequence[SigningKey]
) -> tuple[float, float]:
    """Return how many mails a second left, and the milliseconds of processor time that each took."""
    belt = Belt(deliveries)
    signer = Signer(keys)
    desk = Desk(belt, signer, RunningClock(), KEYS, {"support": "in@tickets.example.org"}, lambda: 0.5)
    channel = KeptChannel(Server("127.0.0.1", port, "bench.example.org"), connections)
    worker = ChannelWorker("relay", channel, desk, connections=connections)
    started, used = time.perf_counter(), time.process_time()
    task = asyncio.create_task(worker.run())
    await belt.done.wait()
    took, used = time.perf_counter() - started, time.process_time() - used
    worker.stop()
    await task
    signer.close()
    return len(deliveries) / took, used * 1000 / len(deliveries)


def theirs(port: int, count: int, connections: int) -> float:
    """Return how many mails a second smtp-source sends."""
    command = ["smtp-source", "-d", "-s", str(connections), "-m", str(count), "-l", str(SIZE)]
    command += ["-f", "support@example.org", "-t", "ada@example.com", f"127.0.0.1:{port}"]
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return count / (time.perf_counter() - started)


def main() -> None:
    """Print rates and ratios: the median of some runs, all against one sink."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    log.configure("warning")
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
        for connections in CONNECTIONS:
            runs: dict[str, list[float]] = {name: [] for name in ("smtp-source", *ways)}
            costs: dict[str, list[float]] = {name: [] for name in ways}
            for _ in range(RUNS):
                runs["smtp-source"].append(theirs(port, count, connections))
                for name, keys in ways.items():
                    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                        rate, cost = runner.run(ours(port, deliveries, connections, keys))
                    runs[name].append(rate)
                    costs[name].append(cost)
            base = statistics.median(runs["smtp-source"])
            print(f"connections {connections:2}: smtp-source {base:.0f}")
            for name in ways:
                rate, cost = statistics.median(runs[name]), statistics.median(costs[name])
                print(f"    {name:>8} {rate:6.0f}  ratio {rate / base:.2f}  processor {cost:.2f} ms a mail")
    finally:
        sink.terminate()
        sink.wait()


if __name__ == "__main__":
    main()
