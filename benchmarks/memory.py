"""Memory of all processes together, as PSS, looked at all the time.

    python -m benchmarks.memory [--size 25000000] [--limit 250] [--flood 20]

First what one big mail adds, from LMTP to the finished ticket; the server is warmed up with small mails before. Then
how much the daemon holds at most while many mails of the size limit come in at once: each must be taken or deferred.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections import Counter
from pathlib import Path

from benchmarks import load
from benchmarks.processes import MemoryWatch
from benchmarks.servers import SERVERS, Server
from gateway.config.settings import Limits
from tests.support.lmtp_client import LmtpClient, stuffed

MIB = 1 << 20


def rise(name: str, size: int, mails: int = 1) -> tuple[int, int]:
    """Return the memory of a server before and at its peak, in octets, over `mails` big mails one after the other."""
    with tempfile.TemporaryDirectory(prefix="poterne-bench-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        with SERVERS[name](Path(folder) / name) as server:
            load.authors(server.port, server.recipients, 4, load.mails(100, 2_000))
            server.wait_until_finished(100)
            big = load.mails(mails, size)
            with MemoryWatch(server.process, period=0.005) as watch:
                load.authors(server.port, server.recipients, 1, big)
                server.wait_until_finished(100 + mails)
            return watch.start, watch.peak


async def at_once(server: Server, mails: int, size: int) -> Counter[int]:
    """Send so many mails at the same time, without telling their size before; return how often each code came."""
    content = stuffed(b"Subject: big\r\n\r\n" + (b"x" * 76 + b"\r\n") * (size // 78))

    async def one(recipient: str) -> int:
        async with LmtpClient(f"127.0.0.1:{server.port}") as client:
            client.send(f"MAIL FROM:<a@example.com>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n".encode())
            await client.answers(3)
            for start in range(0, len(content), MIB):
                client.send(content[start : start + MIB])
                await client.writer.drain()
            return (await client.answer()).code

    return Counter(await asyncio.gather(*(one(server.recipients[n % len(server.recipients)]) for n in range(mails))))


def flood(mails: int) -> tuple[Counter[int], int, int]:
    """Return the answers to a flood of mails of the size limit, and the memory before and at its peak."""
    with tempfile.TemporaryDirectory(prefix="poterne-bench-", dir="/var/tmp") as folder:
        with SERVERS["poterne"](Path(folder) / "poterne") as server, MemoryWatch(server.process, period=0.02) as watch:
            answers = asyncio.run(at_once(server, mails, Limits().message_size - 1000))
            server.wait_until_finished(answers[250])
        return answers, watch.start, watch.peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=25_000_000)
    parser.add_argument("--limit", type=int, default=250, help="MB that the mail may add")
    parser.add_argument("--flood", type=int, default=20, help="mails of the size limit at once; 0 for none")
    options = parser.parse_args()
    grown = 0.0
    for name in ("dovecot", "poterne"):
        start, peak = rise(name, options.size)
        grown = (peak - start) / 1e6
        print(f"{name:8} before {start / 1e6:6.1f} MB  peak {peak / 1e6:6.1f} MB  rise {grown:6.1f} MB")
    if options.flood:
        answers, start, peak = flood(options.flood)
        codes = ", ".join(f"{times} x {code}" for code, times in sorted(answers.items()))
        print(f"flood    before {start / 1e6:6.1f} MB  peak {peak / 1e6:6.1f} MB  {codes}")
    sys.exit(1 if grown > options.limit else 0)


if __name__ == "__main__":
    main()
