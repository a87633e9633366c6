"""Mails a second, against Dovecot's LMTP on the same machine in the same run.

    python -m benchmarks.acceptance [--runs 5] [--scale 1.0] [--sizes 2000,50000,1000000] [--concurrency 1,10,50]

Two questions, each on a fresh store for every cell and every run, the servers taking turns. Before the clock starts,
each has taken one mail for every mailbox, and the disk has written what it owed:

acceptance   how many mails a second get their durable 250. Load: smtp-source -L, kept connections, 20 mailboxes.
finished     how many mails a second have become tickets, counted from the first octet to the last committed ticket.
             Load: mails of as many authors, because many tickets of one author are a storm and joined. Dovecot is
             finished when it has stored a mail, so its acceptance under the same load is what it is compared with.

Acceptance is measured on the whole daemon, which judges meanwhile as it always does: a twentieth of the time while so
many mails come in (gateway/store/pace.py). How many of them were tickets at the last 250 is printed as `judged`.

Printed are medians with the least and the greatest of all runs, ratios of the medians, and at the end their table.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks import load
from benchmarks.processes import MemoryWatch, family, processor_seconds
from benchmarks.servers import SERVERS, Server

# Mails of a run, by size: enough for some seconds, few enough for a fresh store each time.
MAILS = {2_000: 3_000, 50_000: 1_200, 1_000_000: 200}
WARM_SIZE = 2_000
FINISHED_SHARE = 0.5  # of those, for the question that takes longer
# ... and of those again over one connection. Not for acceptance: each of its mailboxes is a process of smtp-source, and
# the 4 ms of its start would be a good part of what is measured.
SINGLE_SHARE = 0.4
AIMS = {"acceptance": {2_000: 2.5, 50_000: 1.5, 1_000_000: 0.8}, "finished": dict.fromkeys(MAILS, 0.5)}


@dataclass
class Cell:
    """What was measured of one server for one question, size and concurrency."""

    question: str
    server: str
    size: int
    concurrency: int
    rates: list[float] = field(default_factory=list)
    peaks: list[int] = field(default_factory=list)  # octets over all processes
    processor: list[float] = field(default_factory=list)  # seconds a mail
    judged: list[float] = field(default_factory=list)  # share of the mails that were finished at the last 250

    def __str__(self) -> str:
        middle = statistics.median(self.rates)
        return f"{middle:7.0f} ({min(self.rates):.0f}-{max(self.rates):.0f})"


def measure(question: str, server: Server, cell: Cell, mails: int) -> None:
    """Run the load once and note rate, peak of memory and processor time."""
    load.smtp_source(server.port, server.recipients, 1, len(server.recipients), WARM_SIZE)
    server.wait_until_finished(warm := len(server.recipients))
    os.sync()
    before = processor_seconds(family(server.process))
    contents = load.mails(mails, cell.size) if question == "finished" else []
    with MemoryWatch(server.process) as watch:
        started = time.monotonic()
        if question == "finished":
            load.authors(server.port, server.recipients, cell.concurrency, contents)
            server.wait_until_finished(warm + mails)
            cell.rates.append(mails / (time.monotonic() - started))
        else:
            cell.rates.append(load.smtp_source(server.port, server.recipients, cell.concurrency, mails, cell.size))
        cell.judged.append((server.finished(warm + mails) - warm) / mails)
    cell.peaks.append(watch.peak)
    cell.processor.append((processor_seconds(family(server.process)) - before) / mails)


def run(options: argparse.Namespace) -> list[Cell]:
    """Measure everything; print as it goes, because it takes a while."""
    cells = []
    for question in options.questions:
        for size in options.sizes:
            for concurrency in options.concurrency:
                pair = [Cell(question, name, size, concurrency) for name in SERVERS]
                mails = int(MAILS.get(size, 500) * options.scale)
                if question == "finished":
                    mails = int(mails * FINISHED_SHARE * (SINGLE_SHARE if concurrency == 1 else 1))
                mails = mails // 100 * 100 or 100
                for turn in range(options.runs):
                    for cell in pair if turn % 2 == 0 else reversed(pair):
                        with tempfile.TemporaryDirectory(prefix="poterne-bench-", dir=options.folder) as folder:
                            Path(folder).chmod(0o755)
                            with SERVERS[cell.server](Path(folder) / cell.server) as server:
                                measure(question, server, cell, mails)
                cells += pair
                print(row(pair), flush=True)
    return cells


def row(pair: list[Cell]) -> str:
    """Return a line for one cell: both rates, the ratio and its aim, processor time and memory."""
    ours, theirs = pair
    ratio = ratio_of(pair)
    aim = AIMS[ours.question].get(ours.size)
    met = "" if aim is None else f" (aim {aim:g}: {'met' if ratio >= aim else 'MISSED'})"
    cpu = "/".join(f"{statistics.median(cell.processor) * 1000:.2f}" for cell in pair)
    peak = "/".join(f"{max(cell.peaks) >> 20}" for cell in pair)
    head = f"{ours.question:10} {ours.size:>8} B c={ours.concurrency:<3}"
    judged = f"  judged {statistics.median(ours.judged):.0%}" if ours.question == "acceptance" else ""
    return f"{head} {ours!s:>24} {theirs!s:>24}  ratio {ratio:5.2f}{met}  cpu ms {cpu}  peak MiB {peak}{judged}"


def ratio_of(pair: list[Cell]) -> float:
    ours, theirs = pair
    return statistics.median(ours.rates) / statistics.median(theirs.rates)


def table(pairs: list[list[Cell]]) -> str:
    """Return the ratios alone: a line for each question and size, one column for each concurrency, `*`: missed."""
    columns = sorted({ours.concurrency for ours, _ in pairs})
    lines = ["ratio to Dovecot           aim" + "".join(f"{f'c={concurrency}':>9}" for concurrency in columns)]
    for question, size in dict.fromkeys((ours.question, ours.size) for ours, _ in pairs):
        aim = AIMS[question].get(size, 0.0)
        cells = {
            pair[0].concurrency: ratio_of(pair)
            for pair in pairs
            if (pair[0].question, pair[0].size) == (question, size)
        }
        shown = "".join(f"{cells[c]:8.2f}{' ' if cells[c] >= aim else '*'}" for c in columns)
        lines.append(f"{question:10} {size:>8} B {aim:8g}{shown}")
    return "\n".join(lines)


def numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="more or fewer mails in each run")
    parser.add_argument("--sizes", type=numbers, default=list(MAILS))
    parser.add_argument("--concurrency", type=numbers, default=[1, 10, 50])
    parser.add_argument("--questions", type=lambda text: text.split(","), default=["acceptance", "finished"])
    parser.add_argument("--folder", default="/var/tmp", help="where the stores are made: on a real disk")
    parser.add_argument("--json", type=Path, help="also write every run to this file")
    parser.add_argument("--strict", action="store_true", help="exit 1 if a cell misses its aim")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that no server is left behind
    started, load_before = time.monotonic(), os.getloadavg()[0]
    print(f"Python {sys.version}")  # one that was built without optimizations is slower
    print(f"{'':26} {'poterne /s':>24} {'dovecot /s':>24}")
    cells = run(options)
    if options.json:
        options.json.write_text(json.dumps([asdict(cell) for cell in cells], indent=1))
    pairs = [list(pair) for pair in zip(cells[::2], cells[1::2], strict=True)]
    missed = sum("MISSED" in row(pair) for pair in pairs)
    print(f"\n{table(pairs)}\n\n{time.monotonic() - started:.0f} s, load before {load_before:.1f}")
    print(f"{len(cells) // 2 - missed} of {len(cells) // 2} cells meet their aim")
    sys.exit(1 if missed and options.strict else 0)


if __name__ == "__main__":
    main()
