"""`python -m tests.fuzz.guided`: coverage-guided fuzzing of the parser with atheris (the `fuzz` extra).

Arguments behind it are libFuzzer's: `-max_total_time=3600 -timeout=2 -rss_limit_mb=1024 CORPUS_FOLDER`. Without a
folder of mails it begins with the seeds of the mutation fuzzer.
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
from tests.fuzz.seeds import seeds


def read(data: bytes) -> None:
    """Read one mail; a broken promise is a crash for the fuzzer."""
    check(data)


def mutate(data: bytes, max_size: int, seed: int) -> bytes:
    """Let the fuzzer's own mutations and those of mailers take turns."""
    if seed % 2:
        changed: bytes = atheris.Mutate(data, max_size)
        return changed
    return mutant(random.Random(seed), [data or b"\r\n"])[:max_size]


def main() -> None:
    arguments = sys.argv[:]
    with tempfile.TemporaryDirectory() as folder:
        if not any(not argument.startswith("-") for argument in arguments[1:]):
            for number, mail in enumerate(seeds()):
                Path(folder, f"{number:02}.eml").write_bytes(mail)
            arguments.append(folder)
        atheris.Setup(arguments, read, custom_mutator=mutate)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
