"""Live through everything, and print `docs/simulation.md`: `python -m tests.simulator > docs/simulation.md`.

Every counterpart alone and behind each forwarder, and the nastiest in pairs, ten virtual days each, with genuine
customers among them. Exit status 1 if anything was wrong. `--days N` and `--quick` (no forwarders) shorten it; so many
worlds as `--jobs N` says live at once.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor

from tests.simulator.post import FORWARDERS
from tests.simulator.scenarios import DAYS, Outcome, alone, live, pairs, rows, together

INTRODUCTION = """# Simulation

What became of {count} worlds of {days:g} virtual days each: the real pipeline, rules, threading and SQLite store on a
clock that jumps, with one counterpart (or two) and a genuine customer every nine hours among them. In every world this
must hold, and is computed again from what was seen: every mail taken is one intake with one disposition and its octets
(I1); no window holds more automatic mail than the limits allow (I2); no automatic mail was caused by a bounce, by mail
that says that it is automatic, or by an answer to automatic mail (I3); no robot's mail changed a ticket's state (I4);
every customer got one ticket and one acknowledgement, except where a counterpart used up the queue's own limit.

These counterparts are written after what is known of real ones. The table says how Poterne behaves towards them; it is
no measure of how often real mail is recognised.

Made by `python -m tests.simulator > docs/simulation.md`; a short run of the same worlds is among the tests, and so is
one with the bound taken out, which must fail.

*Automatic mails* are those that the counterpart got in all, and in its fullest 24 hours; *bound* is how many the
configured limits would allow it in 24 hours (3 for one address, 30 for one organisation, 400 for the queue).
"""


def table(outcomes: Iterable[Outcome]) -> list[str]:
    """Return one line per world."""
    lines = [
        "| # | counterpart | its mails became | automatic mails | fullest day | bound | wrong |",
        "| --- | --- | --- | --: | --: | --: | --- |",
    ]
    for seen in outcomes:
        became = ", ".join(f"{count} {word}" for word, count in sorted(seen.became.items(), key=lambda item: -item[1]))
        wrong = "; ".join(seen.wrong) or "nothing"
        counts = f"{seen.automatic} | {seen.fullest_day} | {seen.most}"
        lines.append(f"| {seen.number} | {seen.name} | {became} | {counts} | {wrong} |")
    return lines


def by_forwarder(outcomes: list[Outcome]) -> list[str]:
    """Return one line per counterpart: automatic mails in the fullest day, behind each forwarder."""
    names = list(FORWARDERS)
    lines = [
        f"| # | counterpart | {' | '.join(names)} | bound | wrong |",
        f"| --- | --- | {' | '.join('--:' for _ in names)} | --: | --- |",
    ]
    cells = {(seen.name, seen.forwarder): seen for seen in outcomes}
    for first in (seen for seen in outcomes if seen.forwarder == names[-1]):
        row = [cells[first.name, name] for name in names]
        wrong = "; ".join(f"{seen.forwarder}: {problem}" for seen in row for problem in seen.wrong) or "nothing"
        days = " | ".join(str(seen.fullest_day) for seen in row)
        lines.append(f"| {first.number} | {first.name} | {days} | {first.most} | {wrong} |")
    return lines


World = tuple[int, int | None, str, float]  # a place in rows(), another one with it, the forwarder, the days


def live_in(world: World) -> Outcome:
    """Live through one world, in a process of its own."""
    place, other, forwarder, days = world
    make = alone(place) if other is None else together(place, other)
    return asyncio.run(live(make, forwarder, days))


def main() -> int:
    """Live, print, and say whether all was well."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--days", type=float, default=DAYS)
    options.add_argument("--quick", action="store_true")
    options.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    chosen = options.parse_args()
    forwarders = ["F7"] if chosen.quick else list(FORWARDERS)
    worlds: list[World] = [(place, None, name, chosen.days) for place in range(len(rows())) for name in forwarders]
    worlds += [(one, other, "F7", chosen.days) for one, other in pairs()]
    start = time.monotonic()
    lived: list[Outcome] = []
    with ProcessPoolExecutor(chosen.jobs) as pool:
        for seen in pool.map(live_in, worlds):
            lived.append(seen)
            passed = f"{time.monotonic() - start:6.0f} s  {len(lived)} of {len(worlds)}"
            sys.stderr.write(f"{passed}  {seen.forwarder}  {seen.name}  {'; '.join(seen.wrong)}\n")
    outcomes, paired = lived[: -len(list(pairs()))], lived[-len(list(pairs())) :]
    plain = [seen for seen in outcomes if seen.forwarder == "F7"]
    pages = [INTRODUCTION.format(count=len(lived), days=chosen.days)]
    pages += ["## Alone\n", *table(plain), "\n## The nastiest in pairs\n", *table(paired)]
    if not chosen.quick:
        pages += ["\n## Behind forwarders: automatic mails in the fullest 24 hours\n", *by_forwarder(outcomes)]
    wrong = [seen for seen in lived if seen.wrong]
    customers = sum(seen.customers for seen in lived)
    pages.append(f"\n{customers} genuine customers wrote. Worlds with something wrong: {len(wrong)}.\n")
    sys.stdout.write("\n".join(pages))
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
