"""`python -m tests.fuzz.guided`: coverage-guided fuzzing of the parser with atheris (the `fuzz` extra).

Arguments behind it are libFuzzer's: `-max_total_time=3600 -artifact_prefix=/tmp/ CORPUS_FOLDER`. Without a folder of
mails it begins with those of the mutation fuzzer. Every input goes through the whole parse, its reports, the wire to
the daemon, the description, and the reader of tokens. Code that is traced is some five times as slow: ten seconds stand
for two.
"""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["gateway.mail"]):
    from tests.fuzz.oracle import check

from tests.fuzz.mutate import mutant
from tests.fuzz.shapes import shapes

LIMITS = ("-timeout=10", "-rss_limit_mb=1024")

_EVERY = 4  # one input in so many is read twice, carried over the wire, and its files fetched again


def read(data: bytes) -> None:
    """Read one mail; a broken promise is a crash for the fuzzer."""
    check(data, thorough=len(data) % _EVERY == 0)


def mutate(data: bytes, max_size: int, seed: int) -> bytes:
    """Let the fuzzer's own mutations and those of mailers take turns."""
    if seed % 2:
        changed: bytes = atheris.Mutate(data, max_size)
        return changed
    return mutant(random.Random(seed), [data or b"\r\n"])[:max_size]


def main() -> None:
    arguments = [sys.argv[0], *LIMITS, *sys.argv[1:]]
    with tempfile.TemporaryDirectory() as folder:
        if not any(not argument.startswith("-") for argument in arguments[1:]):
            for number, mail in enumerate(shapes()):
                Path(folder, f"{number:03}.eml").write_bytes(mail)
            arguments.append(folder)
        atheris.Setup(arguments, read, custom_mutator=mutate)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
