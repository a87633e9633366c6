"""Agents who read, in a process of their own: what they work must not delay whoever measures the mail.

    python -m benchmarks.desk_readers

is told on standard input what to do, one line of JSON each, and answers each with one line:

{"port": …, "secrets": […], "paths": […]}       who reads what; answered by null once it is ready
{"do": "read", "seconds": 4, "rate": 10}        reads so many pages a second; answered by the milliseconds of each
{"do": "burn", "seconds": 4, "rate": 10, "milliseconds": 8}
                                                reads nothing, but takes so much processor time for each page

A client in the same event loop as the postman would keep him from seeing a 250 while it writes a request or takes a
page apart, and this would be counted as the daemon's delay.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from benchmarks.desk_load import Readers

LONGEST_LINE = 1 << 20  # octets


class ReadersApart:
    """The other end: tells the process what to do."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.pid = process.pid

    async def ask(self, **what: Any) -> Any:
        """Have one thing done. Raises AssertionError if the process ended instead."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(what).encode() + b"\n")
        answer = await self._process.stdout.readline()
        assert answer, "the readers failed"
        return json.loads(answer)


@contextlib.asynccontextmanager
async def readers_apart(readers: Readers) -> AsyncIterator[ReadersApart]:
    """Start the process, and wait until it is ready: its beginning is not measured."""
    root = Path(__file__).parent.parent
    command = [sys.executable, "-m", "benchmarks.desk_readers"]
    process = await asyncio.create_subprocess_exec(*command, cwd=root, stdin=PIPE, stdout=PIPE, limit=LONGEST_LINE)
    try:
        apart = ReadersApart(process)
        await apart.ask(port=readers.port, secrets=readers.secrets, paths=readers.paths)
        yield apart
    finally:
        assert process.stdin
        process.stdin.close()  # its end
        await process.wait()


def burn(seconds: float, rate: float, milliseconds: float) -> None:
    """Take processor time at a steady rate, and do nothing with it."""
    begin = time.monotonic()
    for number in range(int(seconds * rate)):
        time.sleep(max(0.0, begin + number / rate - time.monotonic()))
        used = time.process_time()
        while (time.process_time() - used) * 1000 < milliseconds:
            sum(range(200))  # a while in this process: asking for the time is work of the kernel


def main() -> None:
    readers = Readers(**json.loads(sys.stdin.readline()))
    answer: Any = None
    while True:
        print(json.dumps(answer), flush=True)
        line = sys.stdin.readline()
        if not line:
            return
        wanted = json.loads(line)
        if wanted.pop("do") == "read":
            readers.taken.clear()
            asyncio.run(readers.run(**wanted))
            answer = readers.taken
        else:
            burn(**wanted)
            answer = None


if __name__ == "__main__":
    main()
