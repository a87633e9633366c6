"""How figures are worked out and said."""

from __future__ import annotations


def say(words: str) -> None:
    """Print a line at once."""
    print(words, flush=True)


def percentile(times: list[float], share: float) -> float:
    """Return the value below which a share of the times is."""
    return sorted(times)[min(len(times) - 1, int(len(times) * share))]


def verdict(met: bool) -> str:
    """Return how a goal is said to be met or missed."""
    return "met" if met else "MISSED"
