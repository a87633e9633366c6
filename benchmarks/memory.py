"""What one 25 MB mail adds to the memory of all the daemon's processes together, from LMTP to the finished ticket.

    python -m benchmarks.memory [--size 25000000] [--limit 250]

The daemon is warmed up with small mails first; the memory is looked at all the time, as PSS.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks import load
from benchmarks.processes import MemoryWatch
from benchmarks.servers import SERVERS

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=25_000_000)
    parser.add_argument("--limit", type=int, default=250, help="MB that the mail may add")
    options = parser.parse_args()
    grown = 0.0
    for name in ("dovecot", "poterne"):
        start, peak = rise(name, options.size)
        grown = (peak - start) / 1e6
        print(f"{name:8} before {start / 1e6:6.1f} MB  peak {peak / 1e6:6.1f} MB  rise {grown:6.1f} MB")
    sys.exit(1 if grown > options.limit else 0)


if __name__ == "__main__":
    main()
