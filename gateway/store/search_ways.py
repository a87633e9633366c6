"""Ways back through the entries on PostgreSQL, and what each costs: nothing but numbers, so that the cheapest is taken.

A page of the table costs most, and an entry that the index names is on a page of its own; whoever walks finds several
on each. Of a beginning the index first gathers all entries that have it, wherever they are; for whole words it goes
through the rarest one's list. So common words are found by walking, rare ones by one question to the index, and
phrases of common words block by block.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from itertools import product
from math import prod
from typing import Final, NamedTuple

# Microseconds, seen with a table six times as large as PostgreSQL's own memory; that they are near is enough.
STEP: Final = 0.36  # to the next entry on a walk
VISIT: Final = 3.0  # to an entry that the index names
GATHER: Final = 0.25  # for each entry that has a beginning
READ: Final = 0.1  # in the index's list of a word, or of a block
PROBE: Final = 0.4  # each further list, for each entry of the shortest one
LOOK: Final = 100.0  # into a block by itself
TOGETHER: Final = 70.0  # for the square of the number of blocks that are looked into at once
MOST_TOGETHER: Final = 8


class How(Enum):
    """A way back."""

    WALK = "over every entry, newest first"
    BLOCKS = "by the index, one block after the other"
    TOGETHER = "by the index, in some blocks at once"
    ANYWHERE = "by the index, everywhere at once"


class Lead(NamedTuple):
    """A word that the index can be asked for."""

    query: str
    share: float  # of all entries

    @property
    def is_beginning(self) -> bool:
        return self.query.endswith(":*")


class Way(NamedTuple):
    """A way with its cost, and what the index is asked for."""

    cost: float
    how: How
    leads: tuple[Lead, ...] = ()


def ways(leads: Sequence[Lead], span: int, newest: int, entries: int, block: int) -> Iterator[Way]:
    """Yield the ways from the newest entry, of all entries, over so many of them as should have enough hits."""
    yield Way(STEP * span, How.WALK)
    blocks = newest // block - max(0, newest - span) // block + 1
    ordered = sorted(leads, key=lambda lead: lead.share)
    words = [lead for lead in ordered if not lead.is_beginning]
    beginnings = [lead for lead in ordered if lead.is_beginning]
    for some, others in product(range(len(words) + 1), range(len(beginnings) + 1)):
        asked = (*words[:some], *beginnings[:others])
        if not asked:
            continue
        visit = VISIT * prod(lead.share for lead in asked)
        gather = GATHER * sum(lead.share for lead in beginnings[:others]) * entries
        shortest = min(lead.share for lead in asked) * entries
        reading = shortest * (READ + PROBE * (len(asked) - 1))
        look = LOOK + gather + min(reading, READ * block)
        yield Way(gather + reading + visit * entries, How.ANYWHERE, asked)
        yield Way(blocks * (look + visit * block), How.BLOCKS, asked)
        if blocks <= MOST_TOGETHER:
            yield Way(look + TOGETHER * blocks**2 + visit * block * blocks, How.TOGETHER, asked)


def cheapest(leads: Sequence[Lead], span: int, newest: int, entries: int, block: int) -> Way:
    """Return the cheapest way."""
    return min(ways(leads, span, newest, entries, block), key=lambda way: way.cost)
