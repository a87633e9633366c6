"""Entries by their words on PostgreSQL: first by walking back over the newest, then by the index, block by block.

A GIN index knows no order: it gives all hits of a word, and each costs a look into the table. So every entry is also
indexed under the number of its block of entries, and the index is asked for hits in the newest few blocks, then in more
of them. What is common is found on the walk; the index is asked for words that are not, and the rest only checked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import text

from gateway.store.statement import Statement, Transaction

Finder = Callable[[int, int], list[int]]  # before which entry, and at most how many

BLOCK: Final = 16_384  # entries that share a mark (migration 0007)
WALKED: Final = 3_000  # newest entries, and more of them while one of fifty is a hit: about what the index costs
DENSE: Final = 0.02
WIDER: Final = 4  # times, from one window to the next
SAMPLED: Final = 1_000  # newest entries that say how common a word is
COMMON: Final = 0.05  # of them

INSERT = Statement(
    text(
        "INSERT INTO entry_words (entry_id, words) VALUES (:entry_id, "
        "to_tsvector('simple', CAST(:words AS TEXT)) || array_to_tsvector(ARRAY[CAST(:block AS TEXT)]))"
    )
)
NEWEST = Statement(text("SELECT max(entry_id) FROM entry_words WHERE entry_id < :before"))
# A condition inside an expression is checked row by row: the planner can ask no index for it.
CHECKED = "CASE WHEN words @@ to_tsquery('simple', :query) THEN TRUE ELSE FALSE END"
ON_THE_WAY = (
    "SELECT entry_id FROM entry_words WHERE entry_id <= :newest AND entry_id > :oldest AND {checked} "
    "ORDER BY entry_id DESC LIMIT :batch"
)
WALK = Statement(text(ON_THE_WAY.format(checked=CHECKED)))
SHARE = Statement(
    text(
        "SELECT count(*) FILTER (WHERE words @@ to_tsquery('simple', :query)) FROM entry_words "
        "WHERE entry_id <= :newest AND entry_id > :oldest"
    )
)
# Materialized, or the planner may walk over everything in the order that is wanted.
FOUND = (
    "WITH found AS MATERIALIZED (SELECT entry_id FROM entry_words WHERE words @@ {lead} AND entry_id <= :newest "
    "AND {checked}) SELECT entry_id FROM found ORDER BY entry_id DESC LIMIT :batch"
)
IN_BLOCKS = Statement(
    text(FOUND.format(checked=CHECKED, lead="(to_tsquery('simple', :lead) && CAST(:blocks AS tsquery))"))
)
ANYWHERE = Statement(text(FOUND.format(checked=CHECKED, lead="to_tsquery('simple', :lead)")))
BY_INDEX: Final = "SET LOCAL enable_seqscan = off"  # the planner takes every rare word for one of every 200 entries
# A plan for any word and any entry, which the server makes after some rounds, begins every walk with the index.
PLANNED_ANEW: Final = "SET LOCAL plan_cache_mode = force_custom_plan"


def mark(block: int) -> str:
    """Return the mark of a block; no folded word is like it."""
    return f"#{block}"


def remember(transaction: Transaction, entry_id: int, words: str) -> None:
    """Index an entry, and mark its block."""
    transaction.at_end(INSERT, entry_id=entry_id, words=words, block=mark(entry_id // BLOCK))


def finder(transaction: Transaction, phrases: Sequence[Sequence[str]]) -> Finder:
    """Return what finds the newest entries that have all the phrases; a phrase of one word is a beginning."""
    conditions = [condition(phrase) for phrase in phrases]
    query = " & ".join(conditions)
    lead = ""
    transaction.cursor.execute(PLANNED_ANEW)

    def find(before: int, batch: int) -> list[int]:
        nonlocal lead
        newest = transaction.value(NEWEST, before=before)
        if newest is None:
            return []
        found, oldest = walk(transaction, query, newest, batch)
        if len(found) == batch or oldest <= 0:
            return found
        lead = lead or " & ".join(leading(transaction, conditions, newest))
        share = len(found) / (newest - oldest)
        return found + from_index(transaction, lead, query, oldest, batch - len(found), share=share)

    return find


def walk(transaction: Transaction, query: str, newest: int, batch: int) -> tuple[list[int], int]:
    """Return hits among the newest entries, and where the walk ended: it goes on while it finds enough on its way."""
    found: list[int] = []
    oldest, span = newest, WALKED
    while oldest > 0:
        met = transaction.rows(WALK, query=query, newest=oldest, oldest=oldest - span, batch=batch - len(found))
        found += [row[0] for row in met]
        oldest -= span
        if len(found) == batch or len(met) < DENSE * span:
            break
        span *= WIDER
    return found, oldest


def from_index(transaction: Transaction, lead: str, query: str, newest: int, batch: int, *, share: float) -> list[int]:
    """Return hits of the index up to an entry, from as many blocks as should have enough; then from more of them."""
    found: list[int] = []
    blocks = 1
    transaction.cursor.execute(BY_INDEX)
    while newest > 0 and len(found) < batch:
        last = newest // BLOCK
        blocks = int((batch - len(found)) / share / BLOCK) + 1 if share else blocks * WIDER
        given = {"lead": lead, "query": query, "newest": newest, "batch": batch - len(found)}
        if blocks * WIDER > last:
            return found + [row[0] for row in transaction.rows(ANYWHERE, **given)]
        marks = " | ".join(f"'{mark(number)}'" for number in range(last - blocks + 1, last + 1))
        met = transaction.rows(IN_BLOCKS, blocks=marks, **given)
        found += [row[0] for row in met]
        share = len(met) / (blocks * BLOCK)
        newest = (last - blocks + 1) * BLOCK - 1
    return found


def condition(phrase: Sequence[str]) -> str:
    """Return the query for a phrase; a phrase of one word is a beginning, unless it has one letter only."""
    if len(phrase) == 1:
        return f"{phrase[0]}:*" if len(phrase[0]) > 1 else phrase[0]
    return "(" + " <-> ".join(phrase) + ")"


def leading(transaction: Transaction, conditions: Sequence[str], newest: int) -> list[str]:
    """Return the conditions that are not common, or the least common one: those that the index is to answer."""
    if len(conditions) == 1:
        return list(conditions)
    oldest = newest - SAMPLED
    shares = {
        one: transaction.value(SHARE, query=one, newest=newest, oldest=oldest) / SAMPLED for one in set(conditions)
    }
    rare = [one for one in conditions if shares[one] <= COMMON]
    return rare or [min(conditions, key=shares.__getitem__)]
