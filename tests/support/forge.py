"""Forges as many tokens and mails as asked for, and prints how many joined a ticket of somebody else: it must be none.

`python -m tests.support.forge 1000000` (or `make forge`) forges a million tokens, and a million mails of two kinds: one
half meets the bare order of evidence, with what a store could find at worst; the other half meets a desk with a store.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.support.forge_mails import attached, forged_mails
from tests.support.forge_store import CUSTOMERS, Forger
from tests.support.forge_tokens import forge

MEMORY = Path("/dev/shm")
SHARE = 10_000


async def against_a_desk(count: int, seed: int = 0) -> tuple[int, int, int]:
    """Return how many forgeries a desk judged, how many joined, and how many genuine mails did (all must)."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        forger = Forger(Path(folder), seed)
        async with forger.talk.store:
            await forger.prepare()
            seen, joined = await forger.attached(forger.forgeries(count))
            _, genuine = await forger.attached(forger.genuine())
    return seen, joined, genuine


@dataclass(frozen=True)
class Task:
    """A share of the work for one process: what to forge, how often, and the seed of its chance."""

    what: str
    count: int
    seed: int


def work(task: Task) -> tuple[str, int, int, int, int]:
    """Do one share; return what it was, how many were forged, how many got through, and the genuine ones that did."""
    if task.what == "tokens":
        return task.what, task.count, forge(task.count, task.seed), 0, 0
    if task.what == "mails against the order of evidence":
        return task.what, task.count, attached(forged_mails(task.count, task.seed)), 0, 0
    seen, joined, genuine = asyncio.run(against_a_desk(task.count, task.seed))
    return task.what, seen, joined, genuine, 3 * CUSTOMERS


def shares(total: int) -> Iterator[Task]:
    """Split the work into shares of some thousands; each has a seed of its own, and the same in every run."""
    half = total // 2
    kinds = (("tokens", total), ("mails against the order of evidence", total - half), ("mails against a desk", half))
    for what, count in kinds:
        for seed, start in enumerate(range(0, count, SHARE)):
            yield Task(what, min(SHARE, count - start), seed)


def main() -> int:
    """Forge, print, and say whether all was well."""
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    start = time.monotonic()
    tasks = list(shares(total))
    sums: dict[str, list[int]] = {}
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for done, (what, *counts) in enumerate(pool.map(work, tasks), 1):
            sums[what] = [one + other for one, other in zip(sums.get(what, [0] * 4), counts, strict=True)]
            if done == len(tasks) or tasks[done].what != what:
                forged, through, genuine, wanted = sums[what]
                shown = f"; {genuine} of {wanted} genuine ones did" if wanted else ""
                passed = f"{time.monotonic() - start:7.0f} s"
                print(f"{passed}  {forged} forged {what}: {through} got through{shown}", flush=True)
    return int(any(through or genuine != wanted for _, through, genuine, wanted in sums.values()))


if __name__ == "__main__":
    sys.exit(main())
