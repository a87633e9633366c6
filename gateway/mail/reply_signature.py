"""Tells a person's words from what stands below them: signature, device line, footer, ornament. Linear."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from gateway.mail import reply_closings as closings
from gateway.mail.reply_lines import Line, Lines

# How many lines may follow each delimiter; more is a chapter of the mail and no signature.
_LIMITS: Final = (
    (re.compile(r"-- "), 40),  # RFC 3676 §4.3, verbatim
    (re.compile(r"--"), 16),  # the same after a mailer dropped the trailing space
    (re.compile(r"[\u2014\u2013]"), 16),
    (re.compile(r"_{5,}"), 12),
)
_DELIMITERS: Final = frozenset("-\u2014\u2013_")  # what each of them, and a rule of dashes, begins with
_MOST: Final = max(limit for _, limit in _LIMITS)
_DASHES: Final = re.compile(r"-{5,}")  # counts only if a telephone number or an address follows
_DASHES_LIMIT: Final = 12
_CONTACT: Final = re.compile(r"\d[\d ()/.-]{5,}\d|@|https?:|www\.|\b(?:tel|fax|phone|mobile|mobil)\b")
_ORNAMENT: Final = re.compile(r"[-_=*#~+.\u2014\u2013\u2026\u1427\s]{2,}|[-_=*~\u2014\u2013\u1427]")
_TITLED: Final = re.compile(r"[-_=*]{4,}+[^\n]{1,80}[-_=*]{4,}+")
_DASHED: Final = re.compile(
    r"(?:[-\u2013\u2014]|//?) ?[^\W\d_a-z][\w.]{0,20}(?: [^\W\d_a-z][\w.]{0,20}){0,2}"
)  # "-Bob", "//Eva"
_BRACKETS: Final = "<>()[]{}|*_\"' .!:"
_LINK: Final = re.compile(r"\(?<?https?://\S*")
_DEVICE_LINE: Final = 120  # characters; longer is a sentence
_PRODUCT: Final = 9  # words of "Yahoo Mail for iPhone" and kin
_AT_ONCE: Final = 5  # words in which a device is named
_FOOTER: Final = 12  # lines of a footer that are looked at
_REGARDS: Final = 12  # lines below which no "Best regards," is looked for
_NAME: Final = 5  # words
_KNOWN: Final = 2  # lines of a visiting card by which one reaches its owner
_CARD_LINE: Final = 80  # characters
_CARD_WORDS: Final = 9
_WORD_END: Final = re.compile(r"\W|$")


def ornament(line: Line) -> bool:
    """Tell whether the line is only a rule or a tracker's sign."""
    text = line.raw.strip()
    return bool(text) and _ORNAMENT.fullmatch(text) is not None


def titled_rule(line: Line) -> bool:
    """Tell whether the line is a rule with a title: a separator, if the right thing follows."""
    return _TITLED.fullmatch(line.raw.strip()) is not None


def device(line: Line) -> bool:
    """Tell whether the line says by which device or program the mail was sent."""
    text = _LINK.sub("", line.plain).strip(_BRACKETS)
    if not text or len(text) > _DEVICE_LINE:
        return False
    text = text.replace("[", "").replace("]", "")
    if any(text.startswith(start) and _closed(start, text) and _is_device(start, text) for start in closings.SENT_FROM):
        return True
    if text.endswith(closings.SENT_FROM_END) and any(word in text for word in closings.DEVICES):
        return True
    for verb in closings.SENT_VERBS:
        if text.startswith(verb + " "):
            rest = text[len(verb) :].split()
            near = " ".join(rest[:_AT_ONCE])
            return len(rest) <= _PRODUCT and any(_has_word(near, word) for word in closings.DEVICES)
    # "NAME from mobile"
    return len(text.split()) <= _PRODUCT and text.endswith((" from mobile", " via mobile", " from my phone"))


def _closed(start: str, text: str) -> bool:
    """Tell whether a phrase ends where a word ends; scripts without spaces have no such place."""
    return not start[-1].isascii() or not start[-1].isalnum() or _WORD_END.match(text, len(start)) is not None


def _is_device(start: str, text: str) -> bool:
    """Tell "Sent from my desk, which is easier than by phone" from a line that names the device at once."""
    rest = text[len(start) :].split()
    near = f"{start} {' '.join(rest[:_AT_ONCE])}"
    return len(rest) < _AT_ONCE or any(_has_word(near, word) for word in closings.DEVICES)


def _has_word(text: str, word: str) -> bool:
    at = text.find(word)
    return at >= 0 and not (at and text[at - 1].isalpha() and word not in {"mail", "phone"})


def footer(lines: Sequence[Line]) -> bool:
    """Tell whether the lines begin what gateways, lists and lawyers add."""
    if not lines[0].plain.strip(_BRACKETS + "-").startswith(closings.FOOTERS):
        return False
    text = " ".join(line.plain for line in lines)
    return any(word in text for word in closings.LEGAL)


def split(body: Sequence[Line], *, after_quote: bool) -> int:
    """Return the index in `body` (one unbroken run of the author's) from which everything is signature.

    `after_quote`: the run stands below a quote, where footers are at home.
    """
    lines = Lines.of(body)
    filled = [index for index, blank in enumerate(lines.blank) if not blank]
    if not filled:
        return len(lines)
    if after_quote and footer([lines[index] for index in filled[:_FOOTER]]):
        return 0
    end = _delimiter(lines, filled)
    while filled and filled[-1] >= end:
        filled.pop()
    # Several device lines and rules may stand one below another
    devices = 0
    kept = len(filled)
    for position in range(len(filled) - 1, -1, -1):
        line = lines[filled[position]]
        if device(line):
            kept, devices = position, devices + 1
        elif not ornament(line):
            break
    if devices:
        end = filled[kept]
    return _regards(lines, filled[:kept], end)


def _regards(lines: Lines, filled: Sequence[int], end: int) -> int:
    """Return where "Best regards," stands if only a name and the like follow, else `end`."""
    for position in range(max(1, len(filled) - _REGARDS), len(filled) - 1):
        line = lines[filled[position]]
        below = [lines[index] for index in filled[position + 1 :]]
        if any(under.plain.startswith(closings.POSTSCRIPTS) for under in below):
            break
        if line.plain.strip(_BRACKETS + ",;") in closings.REGARDS and _is_name(below[0]) and all(map(_is_card, below)):
            return filled[position]
    if len(filled) > 1 and lines.blank[filled[-1] - 1] and _DASHED.fullmatch(lines[filled[-1]].raw.strip()):
        above = lines[filled[-2]].raw.lstrip()[:1]
        return end if above in "-\u2013\u2014*/" else filled[-1]  # a list goes on
    return _card(lines, filled, end)


def _card(lines: Lines, filled: Sequence[int], end: int) -> int:
    """Return where a last paragraph begins that is a visiting card: a name, and telephone, address or link twice."""
    start = len(filled)
    while start > 0 and (start == len(filled) or filled[start] - filled[start - 1] == 1):
        start -= 1
        if len(filled) - start > _REGARDS:
            return end  # a paragraph of words
    if not start or lines[filled[start - 1]].plain.endswith(":"):
        return end  # the whole text, or data that the author announces
    card = [lines[index] for index in filled[start:]]
    known = sum(_CONTACT.search(line.plain) is not None for line in card)
    return filled[start] if known >= _KNOWN and _is_name(card[0]) and all(map(_is_card, card)) else end


def _is_name(line: Line) -> bool:
    """Tell whether a line may be a person's name: few words, no sentence, and no small letter in front."""
    text = line.raw.strip().strip("*_/-~ ")
    return 0 < len(text.split()) <= _NAME and not text[:1].islower() and text[-1:] not in "?!:;"


def _is_card(line: Line) -> bool:
    """Tell whether a line may stand on a visiting card."""
    text = line.raw.strip()
    if len(text) > _CARD_LINE:
        return False
    if _CONTACT.search(line.plain) or device(line):
        return True
    return len(text.split()) <= _CARD_WORDS and text[-1:] not in {"?", "!", ":"} and ". " not in text


def _delimiter(lines: Lines, filled: Sequence[int]) -> int:
    for position in range(max(0, len(filled) - 1 - _MOST), len(filled)):
        index = filled[position]
        raw = lines.raws[index].lstrip("\u200b\ufeff")
        if raw.lstrip()[:1] not in _DELIMITERS:
            continue
        below = len(filled) - position - 1
        for pattern, limit in _LIMITS:
            if below <= limit and pattern.fullmatch(raw if pattern is _LIMITS[0][0] else raw.rstrip()):
                return index
        if 0 < below <= _DASHES_LIMIT and _DASHES.fullmatch(raw.strip()) and _contact(lines[index + 1 :]):
            return index
    return len(lines)


def _contact(lines: Sequence[Line]) -> bool:
    return any(_CONTACT.search(line.plain) for line in lines)
