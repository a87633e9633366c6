"""What agents who read cost acceptance: mail at a steady rate, alone and beside readers, turn by turn.

The readers are a process of their own (see `desk_readers`). They and the daemon share the machine's processors with
the postman, so whatever takes processor time slows him down a little; how much, a third kind of turn shows: beside a
process that takes as much of it as the pages do, and does nothing with it.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from benchmarks.desk_load import Postman, Readers
from benchmarks.desk_readers import ReadersApart, readers_apart
from benchmarks.figures import percentile, say
from benchmarks.processes import family, processor_seconds

SLOWER = 10.0  # percent
RATE, PAGES = 100, 10  # mails and pages a second

ALONE, READING, BURNING = "alone", f"beside {PAGES} pages a second", "beside as much work of nobody's"

AVERAGES: dict[str, Callable[[list[float]], float]] = {"median": statistics.median, "mean": statistics.fmean}


class Taken(NamedTuple):
    """What was seen."""

    mails: dict[str, list[list[float]]]  # milliseconds of each, by kind of turn, for each turn
    pages: list[float]  # milliseconds
    work: list[float]  # milliseconds of processor time that a page takes, of servers and readers, for each turn


async def acceptance(postman: Postman, readers: Readers, servers: Sequence[int], *, turns: int, seconds: float) -> bool:
    """Measure, print what was seen, and judge it. `servers` and their children do the work for mails and pages."""
    async with readers_apart(readers) as apart:
        return judged(await take_turns(postman, apart, servers, turns, seconds))


async def take_turns(
    postman: Postman, readers: ReadersApart, servers: Sequence[int], turns: int, seconds: float
) -> Taken:
    """Send mails at a rate alone, beside readers, and beside what only takes processor time."""
    read: dict[str, Any] = {"do": "read", "seconds": seconds, "rate": PAGES}

    async def turn(what: dict[str, Any] | None) -> tuple[list[float], Any]:
        if what is None:
            return await postman.run(seconds, RATE), None
        mails, answer = await asyncio.gather(postman.run(seconds, RATE), readers.ask(**what))
        return mails, answer

    taken = Taken({ALONE: [], READING: [], BURNING: []}, [], [])
    await postman.open()
    await turn(read)  # warm
    for number in range(turns):  # a busy moment of the machine meets all kinds
        used = {}
        for kind in list(taken.mails)[:: -1 if number % 2 else 1]:
            burn = {**read, "do": "burn", "milliseconds": statistics.median(taken.work or [0])}
            processes = [process for server in (*servers, readers.pid) for process in family(server)]
            before = processor_seconds(processes)
            mails, answer = await turn({ALONE: None, READING: read, BURNING: burn}[kind])
            used[kind] = processor_seconds(processes) - before
            taken.mails[kind].append(mails)
            taken.pages.extend(answer or ())
            if {ALONE, READING} <= used.keys() and len(taken.work) == number:
                taken.work.append(max(0.0, used[READING] - used[ALONE]) * 1000 / (seconds * PAGES))
    await postman.close()
    return taken


def judged(taken: Taken) -> bool:
    """Print what was seen; return whether the median mail is not slowed by more than the goal."""
    changes = {}
    for name, of in AVERAGES.items():
        for kind in (READING, BURNING):
            before, after = [[of(mails) for mails in taken.mails[one]] for one in (ALONE, kind)]
            differences = sorted((b / a - 1) * 100 for a, b in zip(before, after, strict=True))
            changes[name, kind] = statistics.median(differences)
            say(
                f"  acceptance at {RATE}/s, {name:6}: {statistics.median(before):6.2f} ms alone, "
                f"{statistics.median(after):6.2f} ms {kind}: {changes[name, kind]:+.1f} % "
                f"({len(differences)} turns, {differences[0]:+.0f} to {differences[-1]:+.0f} %)"
            )
    late = {kind: percentile([mail for mails in some for mail in mails], 0.95) for kind, some in taken.mails.items()}
    say(f"  acceptance at {RATE}/s, p95   : {', '.join(f'{time:6.2f} ms {kind}' for kind, time in late.items())}")
    middle, last = (percentile(taken.pages, share) for share in (0.5, 0.95))
    work = statistics.median(taken.work)
    say(f"  pages meanwhile, over HTTP: p50 {middle:.1f}  p95 {last:.1f} ms, {work:.1f} ms of processor each")
    return changes["median", READING] <= SLOWER
