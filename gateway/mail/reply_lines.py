"""The lines of a body as the tables of marks know them; a line is looked at closely only when somebody asks. Linear."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from enum import Enum
from operator import itemgetter
from typing import Final, overload

from gateway.mail import reply_phrases as words
from gateway.mail.reply_phrases import Role

LINE: Final = 1_000  # characters; a longer line is somebody's paragraph and never a mark
_KEY: Final = 24  # characters of a localised header name

_INVISIBLE: Final = dict.fromkeys(
    map(
        ord,
        "\u00ad\u061c\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff",
    )
)
_SAME: Final = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2019": "'", "\uff1a": ":", "\u3000": " "})
_DEPTH: Final = re.compile(r" {0,3}((?:> ?)+)")
_RULES: Final = frozenset("-_=~#*")
_CLOSING: Final = frozenset(":\uff1a->*_")
_INITIALS: Final = re.compile(r"[A-Za-z]{1,4}>(?: |>|$)")  # Supercite: "JD> text"
# What a glance at a line finds: ends that may be a mark's once the blanks around are away
_BLANKS: Final = frozenset(" \t\v\f\r\x1c\x1d\x1e\x1f")
_FIRST: Final = _RULES | _BLANKS | frozenset("0123456789")
_LAST: Final = _CLOSING | _BLANKS
_FIRST_SIGN: Final = itemgetter(slice(1))  # of a line, if it has one
_LAST_SIGN: Final = itemgetter(slice(-1, None))
_PRINTED: Final = frozenset(map(chr, range(0x21, 0x7F)))  # a line that begins so is not blank


class MarkKind(Enum):
    """What begins at a mark."""

    ATTRIBUTION = "attribution"  # "On DATE, NAME wrote:"
    ORIGINAL = "original"  # "-----Original Message-----", header block, "reply above this line"
    FORWARD = "forward"  # content, not a quote
    SIGNATURE = "signature"  # only HTML tells it


class Line:
    """One line of a body. Comparisons use `plain`: casefolded, without invisible characters and emphasis marks."""

    __slots__ = ("_plain", "blank", "closes", "depth", "initials", "may_mark", "raw", "told", "unmarked")

    def __init__(self, raw: str, told: MarkKind | None = None) -> None:
        self.raw = raw
        self.told = told  # what the HTML says that the text was made from
        bare = raw.strip()
        if not raw.isascii():
            bare = bare.translate(_INVISIBLE).strip()
        self.blank = not bare
        self.closes = bare[-1:] in _CLOSING  # "On DATE, NAME wrote:" may end here
        quoted = bare[:1] == ">" and _DEPTH.match(raw[:LINE])
        self.depth = quoted[1].count(">") if quoted else 0  # how many ">" stand before the text
        # A quote in the manner of Supercite, if its neighbours are alike
        self.initials = ">" in raw[1:5] and _INITIALS.match(raw) is not None
        # At a glance: it could be a separator or a header field; most lines of a person cannot
        self.may_mark = (
            self.closes or not raw.isascii() or bare[:1] in _RULES or ":" in raw[: 2 * _KEY] or "above" in raw
        )
        # Nothing in it, seen alone, begins a mark or a quote
        self.unmarked = not (self.may_mark or self.depth or self.initials or told is not None or raw[:4].isdecimal())
        self._plain: str | None = None

    @property
    def plain(self) -> str:
        """The line as the tables know it; empty if it is too long to be a mark."""
        if self._plain is None:
            self._plain = _plain(self.raw) if len(self.raw) <= LINE else ""
        return self._plain

    @property
    def unquoted(self) -> str:
        """`plain` without the quote marks before it."""
        return self.plain.lstrip("> ")

    @property
    def key(self) -> Role | None:
        """What the line says if it belongs to a quoted header block."""
        if ":" not in self.raw[: 2 * _KEY] and "\uff1a" not in self.raw[: 2 * _KEY]:
            return None
        name, colon, _value = self.plain[: _KEY + 2].partition(":")
        return words.HEADER_KEYS.get(name.strip("*_ ")) if colon else None

    @property
    def value(self) -> str:
        """The text after the header name."""
        return self.plain.partition(":")[2].strip("*_ ")


class Lines(Sequence[Line]):
    """The lines of a body. A `Line` is made when somebody asks for it: most lines of a person are only glanced at."""

    __slots__ = ("_made", "blank", "raws")

    def __init__(
        self, raws: Sequence[str], made: list[Line | None] | None = None, blank: list[bool] | None = None
    ) -> None:
        self.raws = raws
        self._made = made or [None] * len(raws)
        # Of each line whether nothing is on it
        self.blank = blank or [
            sign not in _PRINTED and self._is_blank(at) for at, sign in enumerate(map(_FIRST_SIGN, raws))
        ]

    @classmethod
    def of(cls, lines: Sequence[Line]) -> Lines:
        """Return lines that are made already."""
        return (
            lines
            if isinstance(lines, Lines)
            else cls([line.raw for line in lines], list(lines), [line.blank for line in lines])
        )

    def _is_blank(self, at: int) -> bool:
        raw = self.raws[at]
        return not raw or raw.isspace() or (not raw.isascii() and self[at].blank)

    @overload
    def __getitem__(self, at: int) -> Line: ...
    @overload
    def __getitem__(self, at: slice) -> Lines: ...
    def __getitem__(self, at: int | slice) -> Line | Lines:
        if isinstance(at, slice):
            return Lines(self.raws[at], self._made[at], self.blank[at])
        line = self._made[at]
        if line is None:
            line = self._made[at] = Line(self.raws[at])
        return line

    def __len__(self) -> int:
        return len(self.raws)

    def remarkable(self) -> list[int]:
        """Return the lines in which something, seen alone, may begin a mark or a quote."""
        raws = self.raws
        glanced = [
            at
            for at, (first, last) in enumerate(zip(map(_FIRST_SIGN, raws), map(_LAST_SIGN, raws), strict=True))
            if first in _FIRST or last in _LAST
        ]
        glanced += [at for at, line in enumerate(self._made) if line is not None and line.told is not None]
        text = "\n".join(raws)
        colon, quote, above, foreign = ":" in text, ">" in text, "above" in text, not text.isascii()
        if colon or quote or above or foreign:
            glanced += [
                at
                for at, raw in enumerate(raws)
                if (colon and ":" in raw)
                or (quote and ">" in raw)
                or (above and "above" in raw)
                or (foreign and not raw.isascii())
            ]
        return [at for at in sorted(set(glanced)) if not self[at].unmarked]


def _plain(raw: str) -> str:
    if not raw.isascii():
        raw = unicodedata.normalize("NFC", raw).translate(_INVISIBLE).translate(_SAME)
    if "&" in raw:
        raw = raw.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"')
    return " ".join(raw.strip("*_ \t").split()).casefold()
