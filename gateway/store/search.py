"""Full text: what entries say, who said it, subjects, and names of attachments. Written in the entry's own transaction.

Both databases index the same words, folded here: without accents and case, only letters and digits. A search finds
its words as beginnings of words, a phrase in quotation marks as it stands, and gives the newest hits first; how each
database finds them stands in `search_fts5` and `search_gin`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from gateway.model import EntryKind
from gateway.store import search_fts5, search_gin
from gateway.store.statement import Transaction

LONGEST: Final = 50_000  # characters of an entry that are searched
LONGEST_WORD: Final = 100
MOST_WORDS: Final = 12  # of one search
SAID: Final = frozenset({EntryKind.CUSTOMER, EntryKind.AGENT, EntryKind.NOTE, EntryKind.AUTO_REPLY})
BLANKED: Final = {code: " " for code in range(128) if not chr(code).isalnum()}  # all of ASCII but letters and digits
ACCENTS: Final = re.compile("[\u0300-\u034e\u0350-\u036f]+")  # combining; U+034F is none
PHRASES: Final = re.compile(r'"([^"]*)"?|([^"]+)')


def folded(parts: Iterable[str | None]) -> str:
    """Return words as they are kept and searched."""
    return " ".join(blanked(parts).split())


def blanked(parts: Iterable[str | None]) -> str:
    """Return words without accents and case, and blanks for whatever is neither letter nor digit."""
    plain = unicodedata.normalize("NFKD", " ".join(part for part in parts if part)[:LONGEST]).casefold()
    if not plain.isascii():
        plain = ACCENTS.sub("", plain)  # often all that was not ASCII
    if plain.isascii():
        return plain.translate(BLANKED)
    return "".join(c if c.isalnum() else "" if unicodedata.combining(c) else " " for c in plain)


def all_short(words: str) -> bool:
    """Tell, without looking at each, that no word is longer than LONGEST_WORD."""
    blank = -1
    while len(words) - blank > LONGEST_WORD + 1:
        # Of a short word behind a blank, the next blank stands within so many characters; the last such one will do.
        blank = words.rfind(" ", blank + 1, blank + LONGEST_WORD + 2)
        if blank < 0:
            return False
    return True


def remember(transaction: Transaction, entry_id: int, parts: Iterable[str | None]) -> None:
    """Index an entry."""
    words = blanked(parts)
    if not all_short(words):
        words = " ".join([word[:LONGEST_WORD] for word in words.split()])
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
