"""Words as a search compares them: without accents and case, only letters and digits. Linear."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

LONGEST: Final = 50_000  # characters of a text that are searched
IN_ORDER: Final = 10_000  # of these, in which phrases are found for sure: of what stands behind, each word counts once
LONGEST_WORD: Final = 100
# ASCII: small letters and digits, and blanks for all else; behind it what never stands there
_BLANKED: Final = bytes(ord(chr(code).lower()) if chr(code).isalnum() else 32 for code in range(128)).ljust(256)
_ACCENTS: Final = re.compile("[\u0300-\u034e\u0350-\u036f]+")  # combining; U+034F is none


def folded(parts: Iterable[str | None]) -> str:
    """Return words as they are kept and searched."""
    return " ".join(_blanked(parts).split())


def indexed(parts: Iterable[str | None]) -> str:
    """Return the words of a text for the index: none is too long, and those far down stand once, as in a log."""
    words = _blanked(parts)
    end = words.find(" ", IN_ORDER)
    if end < 0:
        return _cut(words)
    once = dict.fromkeys(words[end:].split())
    tail = " ".join(once)
    if max(map(len, once), default=0) > LONGEST_WORD:
        tail = _cut(tail)
    return f"{_cut(words[:end])} {tail}"


def _cut(words: str) -> str:
    return words if all_short(words) else " ".join([word[:LONGEST_WORD] for word in words.split()])


def _blanked(parts: Iterable[str | None]) -> str:
    """Return words without accents and case, and blanks for whatever is neither letter nor digit."""
    plain = " ".join(part for part in parts if part)[:LONGEST]
    if not plain.isascii():
        plain = _ACCENTS.sub("", unicodedata.normalize("NFKD", plain).casefold())  # often all that was not ASCII
    if plain.isascii():
        return plain.encode("ascii").translate(_BLANKED).decode("ascii")
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
