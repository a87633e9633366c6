"""Asserts that time grows no faster than the size of an input, on machines that are busy with other things."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

RATIO = 2.5  # twice the input may take this much longer
FLOOR = 0.1  # seconds that are never too long
TRIES = 5


def assert_linear(run: Callable[[T], object], make: Callable[[int], T], size: int) -> None:
    """Run on inputs of `size` and of twice `size`; one quiet moment in a few tries is enough to tell."""
    seen = []
    for _ in range(TRIES):
        small, large = seconds(run, make(size)), seconds(run, make(2 * size))
        if large <= max(RATIO * small, FLOOR):
            return
        seen.append((small, large))
    raise AssertionError(f"twice the input takes too long: {seen}")


def seconds(run: Callable[[T], object], value: T) -> float:
    """Return the processor time of one call."""
    gc.collect()
    start = time.process_time()
    run(value)
    return time.process_time() - start
