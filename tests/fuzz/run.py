"""Reads mutants in processes of their own: the program behind `python -m tests.fuzz`."""

from __future__ import annotations

import argparse
import concurrent.futures
import multiprocessing
import random
import resource
import signal
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz.mutate import mutant
from tests.fuzz.oracle import check
from tests.fuzz.shapes import shapes

SECONDS = 2
MEMORY = 1 << 30  # octets of address space
BLOCK = 500  # mutants of one seed, so that any of them is quickly made again


@dataclass
class Result:
    mutants: int = 0
    octets: int = 0
    slowest: float = 0.0
    slowest_number: int = -1
    faults: list[tuple[int, str]] = field(default_factory=list)
    memory: int = 0


class TooSlowError(BaseException):
    """Not an Exception: no net inside the parser may catch it."""


def _alarm(*_: object) -> None:
    raise TooSlowError


def make(seed: int, number: int) -> bytes:
    """Return mutant `number` of a run with `seed`."""
    mails = shapes()
    rng = random.Random(f"{seed}/{number // BLOCK}")
    for _ in range(number % BLOCK):
        mutant(rng, mails)
    return mutant(rng, mails)


def peak_memory() -> int:
    """Return the most octets that this process held; getrusage would count its parent's, from before the exec."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def run_block(seed: int, block: int, count: int) -> Result:
    """Read `count` mutants of one block."""
    signal.signal(signal.SIGALRM, _alarm)
    mails = shapes()
    rng = random.Random(f"{seed}/{block}")
    result = Result()
    for at in range(count):
        number = block * BLOCK + at
        raw = mutant(rng, mails)
        begun = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            check(raw, thorough=at % 5 == 0)
        except TooSlowError:
            result.faults.append((number, f"took longer than {SECONDS} s of processor time"))
        except Exception:
            result.faults.append((number, traceback.format_exc(limit=-4)))
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        spent = time.process_time() - begun
        if spent > result.slowest:
            result.slowest, result.slowest_number = spent, number
        result.mutants += 1
        result.octets += len(raw)
    result.memory = peak_memory()
    return result


def run(seed: int, mutants: int, seconds: float | None, jobs: int) -> Result:
    """Read mutants until their number or the time is used up."""
    total = Result()
    until = None if seconds is None else time.monotonic() + seconds
    blocks = iter(range(-(-mutants // BLOCK)))
    with concurrent.futures.ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), _limit) as pool:
        waiting: set[concurrent.futures.Future[Result]] = set()
        while True:
            for block in blocks:
                waiting.add(pool.submit(run_block, seed, block, min(BLOCK, mutants - block * BLOCK)))
                if len(waiting) >= 2 * jobs:
                    break
            if not waiting:
                return total
            done, waiting = concurrent.futures.wait(waiting, return_when=concurrent.futures.FIRST_COMPLETED)
            for future in done:
                _add(total, future.result())
            if until is not None and time.monotonic() > until:
                blocks = iter(())
                for future in waiting:
                    future.cancel()
                waiting = {future for future in waiting if not future.cancelled()}


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGPROF, _alarm)


def _add(total: Result, other: Result) -> None:
    total.mutants += other.mutants
    total.octets += other.octets
    total.faults += other.faults
    total.memory = max(total.memory, other.memory)
    if other.slowest > total.slowest:
        total.slowest, total.slowest_number = other.slowest, other.slowest_number


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Read mutants of real-shaped mails.")
    parser.add_argument("--mutants", type=int, default=200_000)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--replay", type=int, metavar="NUMBER")
    parser.add_argument("--out", type=Path, help="with --replay: write the mutant there")
    arguments = parser.parse_args()
    if arguments.replay is not None:
        raw = make(arguments.seed, arguments.replay)
        if arguments.out:
            arguments.out.write_bytes(raw)
        begun = time.process_time()
        check(raw)
        print(f"mutant {arguments.replay}: {len(raw)} octets, {time.process_time() - begun:.3f} s")
        return 0
    begun = time.monotonic()
    print(f"seed {arguments.seed}", flush=True)
    result = run(arguments.seed, arguments.mutants, arguments.seconds, arguments.jobs)
    for number, fault in result.faults[:20]:
        print(f"FAULT in mutant {number} (--seed {arguments.seed} --replay {number}):\n{fault}")
    print(
        f"{result.mutants} mutants, {result.octets >> 20} MiB, {time.monotonic() - begun:.0f} s; "
        f"{len(result.faults)} faults; "
        f"slowest {result.slowest:.3f} s (mutant {result.slowest_number}); memory {result.memory >> 20} MiB"
    )
    return 1 if result.faults else 0
