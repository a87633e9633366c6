"""Full text: what entries say, who said it, subjects, and names of attachments. Written in the entry's own transaction.

Both databases index the same words: without accents and case, only letters and digits (`mail.folded`). A search finds
its words as beginnings of words, a phrase in quotation marks as it stands, and gives the newest hits first; how each
database finds them stands in `search_fts5` and `search_gin`. Far down in a text, where each word stands in the index
once, a phrase may be missed, or found where words follow each other in the index alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from gateway.mail.folded import LONGEST_WORD, folded, indexed
from gateway.model import EntryKind
from gateway.store import search_fts5, search_gin
from gateway.store.statement import Transaction

MOST_WORDS: Final = 12  # of one search
SAID: Final = frozenset({EntryKind.CUSTOMER, EntryKind.AGENT, EntryKind.NOTE, EntryKind.AUTO_REPLY})
PHRASES: Final = re.compile(r'"([^"]*)"?|([^"]+)')


def remember(
    transaction: Transaction, entry_id: int, parts: Iterable[str | None], text: str, words: str | None = None
) -> None:
    """Index an entry: its text, and the short parts that belong to it. `words` are those of the text, if known."""
    words = f"{indexed(parts)} {words}" if words is not None else indexed((*parts, text))
    write = search_fts5.remember if transaction.dialect == "sqlite" else search_gin.remember
    write(transaction, entry_id, words)


def phrases_of(typed: str) -> list[list[str]]:
    """Return what to look for: each word, and the words of each quotation together."""
    phrases: list[list[str]] = []
    for match in PHRASES.finditer(typed):
        quoted = match[1] is not None
        words = folded([match[1] if quoted else match[2]]).split()
        phrases += [words] if quoted and words else [[word] for word in words]
    return [[word[:LONGEST_WORD] for word in phrase[:MOST_WORDS]] for phrase in phrases[:MOST_WORDS]]


def finder(transaction: Transaction, phrases: Sequence[Sequence[str]]) -> Callable[[int, int], list[int]]:
    """Return a function of an entry and a number: it gives so many hits before that entry, newest first."""
    make = search_fts5.finder if transaction.dialect == "sqlite" else search_gin.finder
    return make(transaction, phrases)


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
