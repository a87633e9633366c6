"""kill -9 under load: kill the daemon at random moments, start it again, and compare ledger and database at the end."""

from __future__ import annotations

import asyncio
import json
import random
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.load import Load, resend_all
from tests.faults.oracle import acknowledgement_faults, differences, double_sends, query
from tests.support.daemon import Daemon
from tests.support.recorder import Recorder

QUEUES = ("billing", "sales", "support")
CLIENTS = 6
PASSINGS = 7  # of a fail-point before the daemon dies there
IN_HAND = 4  # connections of the channel: each may have one mail whose result is unread or unrecorded when it is killed


@dataclass
class Outcome:
    """What a run showed."""

    kills: int
    promised: int
    sent: int
    resent: int
    doubles: int
    acknowledgements: int
    replies: dict[str, int]
    slowest_start: float
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.kills} kills: {self.sent} mails sent, {self.promised} promised by 250, {self.resent} sent again, "
            f"{self.acknowledgements} acknowledgements out, {self.doubles} of them twice (in flight), "
            f"replies {self.replies}, "
            f"slowest start {self.slowest_start:.1f} s, {len(self.faults)} faults"
        )


async def run(
    folder: Path,
    *,
    kills: int,
    database: str | None = None,
    seed: int = 0,
    spell: tuple[float, float] = (0.2, 0.9),
    dies_at: str = "",
    patient: bool = True,
) -> Outcome:
    """Play one run and judge it. With `dies_at` the daemon kills itself at that fail-point instead of at random.

    Unless `patient`, nobody waits for mails that a killed sender held: on PostgreSQL their leases have to run out.
    """
    rng = random.Random(seed)
    with (
        Recorder() as relay,
        Daemon(folder, database=database, relay=relay.port, queues=QUEUES) as daemon,
    ):
        if database:
            migrated = daemon.command("migrate")
            assert migrated.returncode == 0, migrated.stderr
        if dies_at:
            daemon.environment["POTERNE_FAILPOINT"] = f"{dies_at}:crash:{PASSINGS}"
        await asyncio.to_thread(daemon.start)
        load, over = Load(daemon.lmtp, QUEUES), asyncio.Event()
        clients = asyncio.create_task(load.run(CLIENTS, over))
        slowest = 0.0
        for left in reversed(range(kills)):
            if dies_at:
                await asyncio.to_thread(daemon.wait_for_death)
            else:
                await asyncio.sleep(rng.uniform(*spell))
                daemon.kill9()
            if left == 0:
                daemon.environment.clear()
            started = time.monotonic()
            await asyncio.to_thread(daemon.start)
            slowest = max(slowest, time.monotonic() - started)
        await asyncio.sleep(rng.uniform(*spell))
        over.set()
        await clients
        await resend_all(load)
        await asyncio.to_thread(daemon.until, lambda: settled(daemon, deliveries=patient), 200)
        audit = await asyncio.to_thread(daemon.command, "audit", "--json")
        code = await asyncio.to_thread(daemon.stop)
        faults = differences(daemon.database, load.ledger) + acknowledgement_faults(daemon.database, relay.mails)
        faults += audit_faults(daemon.database, audit.stdout, audit.returncode)
        doubles = double_sends(relay.mails)
        if doubles.total() > kills * IN_HAND:
            faults.append(f"{doubles.total()} mails left twice; at most {kills * IN_HAND} can have been in flight")
        if code != 0:
            faults.append(f"the daemon ended with {code}")
        if any(reply.startswith("5") for reply in load.ledger.replies):
            faults.append(f"permanent replies: {load.ledger.replies}")
        return Outcome(
            kills,
            len(load.ledger.promised),
            len(load.ledger.sent),
            load.ledger.resent,
            doubles.total(),
            len(relay.mails),
            load.ledger.replies,
            slowest,
            faults,
        )


def settled(daemon: Daemon, *, deliveries: bool = True) -> bool:
    """Tell whether every intake has its disposition and, if wanted, nothing waits to be sent."""
    waiting = query(daemon.database, "SELECT count(*) FROM intakes WHERE state <> 'done'")[0][0]
    queued = query(daemon.database, "SELECT count(*) FROM deliveries WHERE state = 'queued'")[0][0]
    return bool(waiting == 0 and (queued == 0 or not deliveries))


def audit_faults(url: str, output: str, code: int) -> list[str]:
    """Return where `poterne audit` disagrees with a count of our own."""
    counted = dict(query(url, "SELECT disposition, count(*) FROM intakes GROUP BY disposition"))
    total = sum(counted.values())
    if code != 0:
        return [f"poterne audit ended with {code}: {output}"]
    lines = [json.loads(line) for line in output.splitlines()]
    said = next((line for line in lines if "intakes" in line), None)
    if said is None:
        return [f"poterne audit says nothing of intakes: {output}"]
    if said["intakes"] != total:
        return [f"poterne audit counts {said['intakes']} intakes, the database holds {total}"]
    return []
