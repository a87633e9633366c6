"""Operators' words on senders. The first entry that covers the sender counts; none of them lifts the bound (I2)."""

from __future__ import annotations

from gateway.mail.address import matches
from gateway.rules.reading import Evidence, Reading


def refused(reading: Reading) -> Evidence | None:
    """Match a sender whom an operator refuses."""
    return _override(reading, "refuse")


def treated_as_human(reading: Reading) -> Evidence | None:
    """Match a sender whose markers an operator tells us to ignore."""
    return _override(reading, "human")


def treated_as_automatic(reading: Reading) -> Evidence | None:
    """Match a sender whom an operator calls a machine."""
    return _override(reading, "automatic")


def _override(reading: Reading, word: str) -> Evidence | None:
    if not reading.facts.overrides:
        return None
    author = reading.author
    addresses = dict.fromkeys((author.address if author else "", reading.from_address))
    for entry in reading.facts.overrides:
        if entry.queue is not None and entry.queue != reading.facts.route.queue:
            continue
        if any(address and matches(entry.pattern, address) for address in addresses):
            if entry.treat_as != word:
                return None
            return Evidence(f"the operator treats {entry.pattern} as {word}", "From")
    return None
