"""Entries by their words on PostgreSQL: first by walking back over the newest, then as it is cheapest.

A GIN index knows no order: it gives all hits of a word, and each costs a look into the table. So every entry is also
indexed under the number of its block of entries, and the index can be asked for hits in the newest blocks alone. How
common the words are is seen on the walk, and in a sample of all entries.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Final

from sqlalchemy import text

from gateway.store.search_ways import How, Lead, Way, cheapest
from gateway.store.statement import Row, Statement, Transaction

Finder = Callable[[int, int], list[int]]  # before which entry, and at most how many

BLOCK: Final = 16_384  # entries that share a mark (migration 0007)
WALKED: Final = 3_000  # newest entries that are always walked over: about what the sample costs
FURTHER: Final = 4  # times as many are walked over without a sample
SPOTS: Final = 20  # places of the sample, all over the table: neighbours are often of one ticket
SPOT: Final = 50  # entries of each
MOST_LEADS: Final = 12  # words that are counted in it
AMPLE: Final = 2  # times as many entries as should have enough hits: beyond them, the guess was wrong
KEPT: Final = 1_000  # hits, of those that the index gives
# After so few hits, a guess of how many there are is not worth much: first some more entries are looked at, so many
# times as those that were passed, if it costs so many times less than the way that was guessed.
SURE: Final = 3
NEARER: Final = 16
DEARER: Final = 4

INSERT = Statement(
    text(
        "INSERT INTO entry_words (entry_id, words) VALUES (:entry_id, "
        "to_tsvector('simple', CAST(:words AS TEXT)) || array_to_tsvector(ARRAY[CAST(:block AS TEXT)]))"
    )
)
NEWEST = Statement(text("SELECT max(entry_id) FROM entry_words WHERE entry_id < :before"))
# A condition inside an expression is checked row by row: the planner can ask no index for it.
CHECKED: Final = "CASE WHEN words @@ to_tsquery('simple', :query) THEN TRUE ELSE FALSE END AND entry_id + 0 <= :newest"
OVER_EACH = (
    "SELECT entry_id FROM entry_words WHERE entry_id <= :newest AND entry_id > :oldest AND {checked} "
    "ORDER BY entry_id DESC LIMIT :most"
)
WALK = Statement(text(OVER_EACH.format(checked=CHECKED)))
# Materialized, or the planner may walk over everything in the order that is wanted.
FOUND = (
    "WITH found AS MATERIALIZED (SELECT entry_id FROM entry_words WHERE words @@ {lead} AND {checked}) "
    "SELECT entry_id FROM found ORDER BY entry_id DESC LIMIT :most"
)
ANYWHERE = Statement(text(FOUND.format(checked=CHECKED, lead="to_tsquery('simple', :lead)")))
TOGETHER = Statement(
    text(FOUND.format(checked=CHECKED, lead="(to_tsquery('simple', :lead) && CAST(:blocks AS tsquery))"))
)
# Block after block, until enough is found. Asked for many at once, the index would read the whole list of each.
ONE_BY_ONE = (
    "WITH RECURSIVE back AS (SELECT CAST(:block AS BIGINT) AS block, CAST(NULL AS BIGINT[]) AS hits, 0 AS met "
    "UNION ALL SELECT back.block - 1, inside.hits, back.met + coalesce(cardinality(inside.hits), 0) "
    "FROM back CROSS JOIN LATERAL (SELECT array_agg(entry_id) AS hits FROM entry_words "
    "WHERE words @@ (to_tsquery('simple', :lead) && CAST('''#' || (back.block - 1) || '''' AS tsquery)) "
    "AND {checked}) AS inside WHERE back.met < :wanted AND back.block > :last) "
    "SELECT unnest(hits) AS entry_id FROM back ORDER BY entry_id DESC LIMIT :most"
)
BLOCKS = Statement(text(ONE_BY_ONE.format(checked=CHECKED)))
SAMPLE = (
    "WITH ends AS (SELECT max(entry_id) AS newest FROM entry_words) SELECT max(newest), {counts} "
    "FROM ends CROSS JOIN generate_series(1, :spots) AS number CROSS JOIN LATERAL (SELECT words FROM entry_words "
    "WHERE entry_id <= newest * number / :spots AND entry_id > newest * number / :spots - :spot OFFSET 0) AS spot"
)
COUNTED = "count(*) FILTER (WHERE words @@ to_tsquery('simple', :{query}))"
BY_INDEX: Final = "SET LOCAL enable_seqscan = off"  # the planner takes every rare word for one of every 200 entries
# A plan for any word and any entry, which the server makes after some rounds, begins every walk with the index.
PLANNED_ANEW: Final = "SET LOCAL plan_cache_mode = force_custom_plan"


@cache
def sampling(leads: int) -> Statement:
    """Return the statement of the newest entry, and how many of a sample have everything, and each of the leads."""
    queries = ["query", *(f"lead_{number}" for number in range(leads))]
    return Statement(text(SAMPLE.format(counts=", ".join(COUNTED.format(query=query) for query in queries))))


def mark(block: int) -> str:
    """Return the mark of a block; no folded word is like it."""
    return f"#{block}"


def remember(transaction: Transaction, entry_id: int, words: str) -> None:
    """Index an entry, and mark its block."""
    transaction.at_end(INSERT, entry_id=entry_id, words=words, block=mark(entry_id // BLOCK))


def finder(transaction: Transaction, phrases: Sequence[Sequence[str]]) -> Finder:
    """Return what finds the newest entries that have all the phrases; a phrase of one word is a beginning."""
    transaction.cursor.execute(PLANNED_ANEW)
    return Search(transaction, phrases).find


class Search:
    """One search, from the newest entry to the oldest, and what it knows by now of how common its words are."""

    def __init__(self, transaction: Transaction, phrases: Sequence[Sequence[str]]) -> None:
        self._rows, self._value = transaction.rows, transaction.value
        self._execute = transaction.cursor.execute
        conditions = dict.fromkeys(map(condition, phrases))
        self._query = " & ".join(conditions)
        words = {word for phrase in phrases if len(phrase) > 1 for word in phrase}
        words.update(one for one in conditions if "<->" not in one)
        self._asked = sorted(words, key=lambda word: (len(word), word))[-MOST_LEADS:]  # long words are rare
        self._leads: list[Lead] | None = None
        self._entries = 0  # of them all
        self._met = self._passed = 0
        self._next: int | None = None  # the newest entry that was not passed
        self._ready: list[int] = []  # hits among those that were

    def find(self, before: int, batch: int) -> list[int]:
        """Return so many of the newest hits before an entry, which is one of the hits returned last."""
        if self._next is None:
            self._next = self._value(NEWEST, before=before) or 0
        self._ready = [hit for hit in self._ready if hit < before]
        while self._next > 0 and len(self._ready) < batch:
            met, following = self._go(self._next, batch - len(self._ready))
            self._met += len(met)
            self._passed += self._next - following
            self._next = following
            self._ready += met
        found, self._ready = self._ready[:batch], self._ready[batch:]
        return found

    def _go(self, newest: int, wanted: int) -> tuple[list[int], int]:
        """Return some hits up to an entry, and the entry from which to go on."""
        if self._passed < WALKED:
            return self._walk(newest, WALKED, wanted)
        span = self._span(newest, wanted)
        if span <= FURTHER * WALKED:
            return self._walk(newest, span * AMPLE, wanted)
        way, span = self._way(newest, wanted)
        if way.how is How.WALK:
            return self._walk(newest, span * AMPLE, wanted)
        return self._by_index(way, newest, span, wanted)

    def _way(self, newest: int, wanted: int) -> tuple[Way, int]:
        """Return the cheapest way, and over how many entries."""
        if self._leads is None:
            self._leads = self._sample()
        span = self._span(newest, wanted)
        way = cheapest(self._leads, span, newest, self._entries, BLOCK)
        if self._met < SURE:
            nearer = min(span, NEARER * self._passed)
            first = cheapest(self._leads, nearer, newest, self._entries, BLOCK)
            if first.cost * DEARER < way.cost:
                return first, nearer
        return way, span

    def _span(self, newest: int, wanted: int) -> int:
        """Return how many entries should have so many hits."""
        return min(newest, int(wanted * (self._passed + 1) / (self._met + 0.5)) + 1)

    def _walk(self, newest: int, span: int, wanted: int) -> tuple[list[int], int]:
        oldest = newest - span
        met = numbers(self._rows(WALK, query=self._query, newest=newest, oldest=oldest, most=wanted))
        return met, met[-1] - 1 if len(met) == wanted else oldest

    def _by_index(self, way: Way, newest: int, span: int, wanted: int) -> tuple[list[int], int]:
        """Let the index answer. What it finds beyond what is wanted is kept: the next question would cost the same."""
        self._execute(BY_INDEX)
        most = max(wanted, KEPT)
        given = {"lead": " & ".join(lead.query for lead in way.leads), "query": self._query, "newest": newest}
        last = newest // BLOCK
        if way.how is How.ANYWHERE:
            oldest = 0
            met = numbers(self._rows(ANYWHERE, **given, most=most))
        elif way.how is How.BLOCKS:
            first = max(0, newest - span * AMPLE) // BLOCK
            met = numbers(self._rows(BLOCKS, **given, block=last + 1, last=first, wanted=wanted, most=most))
            oldest = (met[-1] // BLOCK if len(met) >= wanted else first) * BLOCK - 1
        else:
            first = max(0, newest - span) // BLOCK
            marks = " | ".join(f"'{mark(block)}'" for block in range(first, last + 1))
            met = numbers(self._rows(TOGETHER, **given, blocks=marks, most=most))
            oldest = first * BLOCK - 1
        return met, met[-1] - 1 if len(met) == most else oldest

    def _sample(self) -> list[Lead]:
        """Look at entries all over the table; return what the index can be asked for."""
        given = {f"lead_{number}": query for number, query in enumerate(self._asked)}
        ((self._entries, met, *counts),) = self._rows(
            sampling(len(given)), query=self._query, spots=SPOTS, spot=SPOT, **given
        )
        self._met += met
        self._passed += SPOTS * SPOT
        return [
            Lead(query, (count + 0.5) / (SPOTS * SPOT + 1)) for query, count in zip(self._asked, counts, strict=True)
        ]


def numbers(rows: Sequence[Row]) -> list[int]:
    """Return the entries of rows."""
    return [row[0] for row in rows]


def condition(phrase: Sequence[str]) -> str:
    """Return the query for a phrase; a phrase of one word is a beginning, unless it has one letter only."""
    if len(phrase) == 1:
        return f"{phrase[0]}:*" if len(phrase[0]) > 1 else phrase[0]
    return "(" + " <-> ".join(phrase) + ")"
