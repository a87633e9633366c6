"""Memory and processor time of a process and all its descendants, as the kernel counts them."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Self

TICKS = os.sysconf("SC_CLK_TCK")


def family(root: int) -> list[int]:
    """Return the process and all its living descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, waiting = [], [root]
    while waiting:
        process = waiting.pop()
        found.append(process)
        waiting += children.get(process, [])
    return found


def memory(processes: list[int]) -> int:
    """Return the octets that these processes hold together: PSS, so that shared pages count once."""
    total = 0
    for process in processes:
        try:
            for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
        except OSError:
            continue  # it ended meanwhile
    return total


def processor_seconds(processes: list[int]) -> float:
    """Return the processor time, user and system, that these processes have used."""
    total = 0
    for process in processes:
        try:
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


class MemoryWatch:
    """Looks at the memory of a process family now and then, in a thread: `with MemoryWatch(pid) as watch`.

    Each look costs processor time, more of it the more processes there are.
    """

    def __init__(self, root: int, period: float = 0.5) -> None:
        self._root = root
        self._period = period
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.start = self.peak = self.now()

    def now(self) -> int:
        return memory(family(self._root))

    def _watch(self) -> None:
        while not self._done.wait(self._period):
            self.peak = max(self.peak, self.now())

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        time.sleep(0)
        self.peak = max(self.peak, self.now())
