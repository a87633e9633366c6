"""Entries by their words on SQLite: FTS5 reads the hits of a word newest first, and so costs no more than it gives.

Not so for the beginning of a word: FTS5 merges the hits of all words that begin so, before the first is given. It
keeps beginnings of 2 to 5 letters as if they were words; longer ones are merged, unless that would be too many.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import text

from gateway.store.statement import Statement, Transaction

Finder = Callable[[int, int], list[int]]  # before which entry, and at most how many

INDEXED: Final = 5  # letters of the longest beginning that the index keeps (migration 0007)
COMMON: Final = 50_000  # entries; a word in more of them stands for itself
MERGED: Final = 100_000  # entries; what may be merged for the beginning of a word
SAMPLED: Final = 20_000  # newest entries, from which all are guessed: counting costs a millisecond for 30,000

INSERT = Statement(text("INSERT INTO entry_words (rowid, words) VALUES (:entry_id, :words)"))
NEWEST_FIRST = Statement(
    text(
        "SELECT rowid FROM entry_words WHERE entry_words MATCH :query AND rowid < :before "
        "ORDER BY rowid DESC LIMIT :batch"
    )
)
NEWEST = Statement(text("SELECT max(id) FROM entries"))
SAMPLE = Statement(
    text(
        "SELECT rowid FROM entry_words WHERE entry_words MATCH :query AND rowid > :oldest "
        "ORDER BY rowid DESC LIMIT 1 OFFSET :many"
    )
)


def remember(transaction: Transaction, entry_id: int, words: str) -> None:
    """Index an entry."""
    transaction.at_end(INSERT, entry_id=entry_id, words=words)


def finder(transaction: Transaction, phrases: Sequence[Sequence[str]]) -> Finder:
    """Return what finds the newest entries that have all the phrases; a phrase of one word is a beginning."""
    query = " AND ".join(
        quoted(" ".join(phrase)) if len(phrase) > 1 else beginning(transaction, phrase[0]) for phrase in phrases
    )

    def find(before: int, batch: int) -> list[int]:
        return [int(row[0]) for row in transaction.rows(NEWEST_FIRST, query=query, before=before, batch=batch)]

    return find


def beginning(transaction: Transaction, word: str) -> str:
    """Return the query for what begins like a word, or for the nearest to it that is not too much to merge."""
    whole = quoted(word)
    if len(word) == 1:
        return whole  # one in ten words begins so: nobody looks for that
    if len(word) <= INDEXED:
        return whole + "*"
    if beyond(transaction, whole, COMMON):
        return whole
    shortened = quoted(word[:INDEXED]) + "*"
    if not beyond(transaction, shortened, MERGED):
        return whole + "*"
    return shortened if transaction.value(SAMPLE, query=whole, oldest=0, many=0) is None else whole


def beyond(transaction: Transaction, query: str, many: int) -> bool:
    """Tell whether more than so many entries match, as far as the newest ones say."""
    newest = transaction.value(NEWEST) or 0
    sampled = min(newest, SAMPLED)
    share = many * sampled // max(1, newest)
    return transaction.value(SAMPLE, query=query, oldest=newest - sampled, many=share) is not None


def quoted(words: str) -> str:
    """Return folded words as a phrase of FTS5; they have no quotation marks."""
    return f'"{words}"'
