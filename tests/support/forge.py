"""Forges as many tokens and mails as asked for, and prints how many joined a ticket of somebody else: it must be none.

`python -m tests.support.forge 1000000` (or `make forge`) forges a million tokens, and a million mails of two kinds: one
half meets the bare order of evidence, with what a store could find at worst; the other half meets a desk with a store.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from tests.support.forge_mails import attached, forged_mails
from tests.support.forge_store import CUSTOMERS, Forger
from tests.support.forge_tokens import forge

MEMORY = Path("/dev/shm")


async def against_a_desk(count: int, seed: int = 0) -> tuple[int, int, int]:
    """Return how many forgeries a desk judged, how many joined, and how many genuine mails did (all must)."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        forger = Forger(Path(folder), seed)
        async with forger.talk.store:
            await forger.prepare()
            seen, joined = await forger.attached(forger.forgeries(count))
            _, genuine = await forger.attached(forger.genuine())
    return seen, joined, genuine


def main() -> int:
    """Forge, print, and say whether all was well."""
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    start = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - start:7.0f} s  {text}", flush=True)

    verified = forge(total)
    say(f"{total} forged tokens, {verified} verified")
    half = total // 2
    bare = attached(forged_mails(total - half))
    say(f"{total - half} forged mails against the order of evidence, {bare} attached")
    seen, joined, genuine = asyncio.run(against_a_desk(half))
    say(
        f"{seen} forged mails against a desk and its store, {joined} attached; {genuine} of {3 * CUSTOMERS} genuine did"
    )
    return int(bool(verified or bare or joined or genuine != 3 * CUSTOMERS))


if __name__ == "__main__":
    sys.exit(main())
