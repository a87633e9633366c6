"""Full text: what entries say, who said it, subjects, and names of attachments. Written in the entry's own transaction.

Both databases index the same words, folded here: without accents and case, only letters and digits. A search finds
its words as beginnings of words, a phrase in quotation marks as it stands, and gives the newest hits first.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Final

from sqlalchemy import text

from gateway.model import EntryKind
from gateway.store.statement import Statement, Transaction

LONGEST: Final = 50_000  # characters of an entry that are searched
LONGEST_WORD: Final = 100
MOST_WORDS: Final = 12  # of one search
SAID: Final = frozenset({EntryKind.CUSTOMER, EntryKind.AGENT, EntryKind.NOTE, EntryKind.AUTO_REPLY})
BLANKED: Final = {code: " " for code in range(128) if not chr(code).isalnum()}  # all of ASCII but letters and digits
PHRASES: Final = re.compile(r'"([^"]*)"?|([^"]+)')

INSERT: Final[Mapping[str, Statement]] = {
    "sqlite": Statement(text("INSERT INTO entry_words (rowid, words) VALUES (:entry_id, :words)")),
    "postgresql": Statement(
        text(
            "INSERT INTO entry_words (entry_id, words) VALUES (:entry_id, to_tsvector('simple', CAST(:words AS TEXT)))"
        )
    ),
}
# The newest hits before an entry. FTS5 reads its hits newest first, and so costs no more than `batch` of them.
NEWEST_FIRST = Statement(
    text(
        "SELECT rowid FROM entry_words WHERE entry_words MATCH :query AND rowid < :before "
        "ORDER BY rowid DESC LIMIT :batch"
    )
)
# The beginning of a word costs FTS5 the sum of all words that begin so: a word that is common itself stands for itself.
COMMON: Final = 10_000  # entries
IS_COMMON = Statement(text("SELECT rowid FROM entry_words WHERE entry_words MATCH :query LIMIT 1 OFFSET :many"))
# PostgreSQL finds them in two ways. A word that is common among the newest entries is found by walking back over these;
# of any other the index, which knows no order, gives all hits at a price that their number bounds.
WALKED: Final = 4_000  # entries
MOST_SORTED: Final = 50_000  # hits
NEWEST = Statement(text("SELECT max(entry_id) FROM entry_words WHERE entry_id < :before"))
WALK = Statement(
    text(
        "SELECT entry_id FROM entry_words WHERE words @@ to_tsquery('simple', :query) "
        "AND entry_id <= :newest AND entry_id > :oldest ORDER BY entry_id DESC LIMIT :batch"
    )
)
SORTED = Statement(
    text(
        "WITH found AS MATERIALIZED "
        "(SELECT entry_id FROM entry_words WHERE words @@ to_tsquery('simple', :query) LIMIT :most) "
        "SELECT entry_id FROM found WHERE entry_id < :before ORDER BY entry_id DESC LIMIT :batch"
    )
)
BY_INDEX: Final = "SET LOCAL enable_seqscan = off"  # the planner takes every rare word for one of every 200 entries


def folded(parts: Iterable[str | None]) -> str:
    """Return words as they are kept and searched."""
    plain = unicodedata.normalize("NFKD", " ".join(part for part in parts if part)[:LONGEST]).casefold()
    if plain.isascii():
        return " ".join(plain.translate(BLANKED).split())
    signs = (c if c.isalnum() else "" if unicodedata.combining(c) else " " for c in plain)
    return " ".join("".join(signs).split())


def remember(transaction: Transaction, entry_id: int, parts: Iterable[str | None]) -> None:
    """Index an entry."""
    words = folded(parts)
    if max(map(len, listed := words.split()), default=0) > LONGEST_WORD:
        words = " ".join([word[:LONGEST_WORD] for word in listed])
    transaction.run(INSERT[transaction.dialect], entry_id=entry_id, words=words)


def query_of(transaction: Transaction, typed: str) -> str:
    """Return the query in the words of the database, or the empty text if there is nothing to look for."""
    phrases: list[list[str]] = []
    for match in PHRASES.finditer(typed):
        quoted = match[1] is not None
        words = folded([match[1] if quoted else match[2]]).split()
        phrases += [words] if quoted and words else [[word] for word in words]
    phrases = [[word[:LONGEST_WORD] for word in phrase] for phrase in phrases[:MOST_WORDS]]
    if transaction.dialect == "sqlite":
        return " AND ".join(f'"{" ".join(phrase)}"{mark(transaction, phrase)}' for phrase in phrases)
    shown = (" <-> ".join(phrase) if len(phrase) > 1 else f"{phrase[0]}:*" for phrase in phrases)
    return " & ".join(f"({phrase})" for phrase in shown)


def mark(transaction: Transaction, phrase: list[str]) -> str:
    """Return the mark of FTS5 that a single word may go on, unless it is common."""
    if len(phrase) > 1 or transaction.value(IS_COMMON, query=f'"{phrase[0]}"', many=COMMON) is not None:
        return ""
    return "*"


def hits(transaction: Transaction, query: str, before: int, batch: int) -> list[int]:
    """Return the newest entries before one that have all the words."""
    if transaction.dialect == "sqlite":
        rows = transaction.rows(NEWEST_FIRST, query=query, before=before, batch=batch)
        return [int(row[0]) for row in rows]
    newest = transaction.value(NEWEST, before=before) or 0
    rows = transaction.rows(WALK, query=query, newest=newest, oldest=newest - WALKED, batch=batch)
    if len(rows) < batch:
        transaction.cursor.execute(BY_INDEX)
        rows = transaction.rows(SORTED, query=query, before=before, batch=batch, most=MOST_SORTED)
    return [int(row[0]) for row in rows]


def excerpt(said: str, typed: str, length: int = 160) -> str:
    """Return the words around the first one that was searched for."""
    flat = " ".join(said.split())
    words = folded([typed.replace('"', " ")]).split()
    low = flat.casefold()
    found = min((at for word in words if (at := low.find(word)) >= 0), default=0)
    start = max(0, found - length // 3)
    if start:
        start = flat.find(" ", start) + 1 or start
    return ("… " if start else "") + flat[start : start + length] + (" …" if start + length < len(flat) else "")
