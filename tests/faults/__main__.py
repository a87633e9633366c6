"""The long run: `python -m tests.faults --kills 50 --database sqlite|postgresql`."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.faults.kills import run
from tests.faults.oracle import report
from tests.support.postgres import postgres_server


def main() -> int:
    """Kill a daemon as often as asked; print what was seen; fail if anything was lost or doubled."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", action="store_true", help="keep the folder")
    wanted = parser.parse_args()
    with ExitStack() as stack:
        if wanted.keep:
            folder = Path(tempfile.mkdtemp(prefix="poterne-faults-"))
        else:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="poterne-faults-")))
        database = None
        if wanted.database == "postgresql":
            database = stack.enter_context(postgres_server(fsync=True)).new_database()
        print(f"in {folder}, on {database or 'SQLite'}", flush=True)
        outcome = asyncio.run(run(folder, kills=wanted.kills, database=database, seed=wanted.seed))
    return report(outcome, outcome.faults)


if __name__ == "__main__":
    raise SystemExit(main())
