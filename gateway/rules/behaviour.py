"""How counterparts behave when every header is stripped: same texts, at once, in regular gaps, with growing subjects.

Soft and early; what it misses, the bound (I2) catches. It stops automatic mail to (organisation, queue) and nothing
else: a company's people who all write in an outage keep a ticket each.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import islice, pairwise
from typing import Final

from gateway.model import Arrival, ParsedMail
from gateway.rules.reading import Evidence, Reading
from gateway.threading import base_subject

ALIKE: Final = 6  # bits in which two fingerprints of one text may differ
SAME_TEXTS: Final = 3
QUICK_ANSWERS: Final = 3
QUICK_SHARE: Final = 3  # one in so many mails
QUICK: Final = 60.0  # seconds
REGULAR_GAPS: Final = 5
REGULAR: Final = 0.3  # coefficient of variation below which gaps are a machine's
NESTED_TAGS: Final = 3
FIRST_SUSPICION: Final = timedelta(hours=24)
LONGEST_SUSPICION: Final = timedelta(days=7)
MAX_WORDS: Final = 1000
MAX_CHARACTERS: Final = 16384

# --- fingerprint ----------------------------------------------------------------------------------------------

_BLANKED: Final = {code: " " for code in range(128) if not chr(code).isalpha()}  # all of ASCII but letters
_BLOCK: Final = 32  # lines that are looked at together: most have no noise
_WORD: Final = re.compile(r"[^\W\d_]{2,}")
_SIGNS: Final = ".,;:!?()\"'"  # around a word
_NOISE: Final = re.compile(r"[0-9@/\\]")  # numbers, ids, dates, addresses, links ...
_DOTTED: Final = re.compile(r"\.(?<=\w\.)\w")  # ... and names of hosts; a dot is quick to find
_GREETING: Final = (
    "hello", "hi", "hey", "dear", "good morning", "good afternoon", "hallo", "liebe", "lieber", "guten tag",
    "sehr geehrte", "bonjour", "bonsoir", "cher", "chère", "salut", "hola", "estimado", "estimada", "ciao", "gentile",
    "olá", "prezado", "hej", "beste", "geachte", "dzień dobry",
)  # fmt: skip
_SKIPPED: Final = (">", *_GREETING)
_TICKET_WORDS: Final = frozenset(
    {"re", "fwd", "aw", "auto", "automatic", "ticket", "request", "case", "received", "reply"}
)


def fingerprint(mail: ParsedMail) -> str:
    """Return 64 bits, as 16 hex digits, that are alike for texts that are alike. "" for a mail without words.

    A simhash over the words and pairs of neighbouring words of what the author wrote, without quotes, greeting lines,
    numbers, ids, dates, addresses; and the subject without prefixes, tags and ticket words.
    """
    if mail.fingerprint is not None:
        return mail.fingerprint
    lines = (mail.reply_text or mail.text)[:MAX_CHARACTERS].casefold().splitlines()
    words = _words(line for line in lines if not line.lstrip().startswith(_SKIPPED))
    subject = [word for word in _words([base_subject(mail.subject)]) if word not in _TICKET_WORDS]
    if not words and not subject:
        return ""
    return f"{_simhash(_features(words) + _features(subject, pairs=False)):016x}"


def _words(lines: Iterable[str]) -> list[str]:
    """Return the words of some lines, without what holds a digit, an address, a path or a dot inside."""
    found: list[str] = []
    rest = iter(lines)
    while len(found) < MAX_WORDS and (block := list(islice(rest, _BLOCK))):
        text = "\n".join(block)
        if _noisy(text):
            text = "\n".join(line if not _noisy(line) else _quiet(line) for line in block)
        if text.isascii():
            found += [word for word in text.translate(_BLANKED).split() if len(word) > 1]
            continue
        for token in text.split():
            word = token if token.isalpha() else token.strip(_SIGNS)
            if not word.isalpha():  # few: to look closer costs three times as much
                found += _WORD.findall(word)
            elif len(word) > 1:
                found.append(word)
    return found[:MAX_WORDS]


def _quiet(line: str) -> str:
    return " ".join([token for token in line.split() if not _noisy(token)])


def _noisy(text: str) -> bool:
    return _NOISE.search(text) is not None or ("." in text and _DOTTED.search(text) is not None)


def distance(one: str, two: str) -> int:
    """Return the number of bits in which two fingerprints differ; 64 if there is nothing to compare."""
    return (int(one, 16) ^ int(two, 16)).bit_count() if one and two else 64


BITS: Final = 64
_OCTETS: Final = BITS // 8
_ROLES: Final = 5  # in which a word has a hash: alone, and two each as the first and the second of a pair


@lru_cache(maxsize=8192)
def _hashes(word: str) -> bytes:
    """Return the hashes of a word, one after the other, for every role."""
    return hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=_ROLES * _OCTETS).digest()


def _features(words: Sequence[str], *, pairs: bool = True) -> bytes:
    """Return the hashes of words and of pairs of neighbours, side by side.

    That of a pair is made of its words', for all pairs in one step: to hash each would cost as much as all else. With
    XOR alone, the same words in another order would look alike: what is the first of one pair is that of another then,
    and falls out.
    """
    hashes = memoryview(b"".join([_hashes(word) for word in words])).cast("Q")
    alone = hashes[::_ROLES].tobytes()
    many = len(words) - 1
    if not pairs or many < 1:
        return alone
    one, other = (int.from_bytes(hashes[role : many * _ROLES : _ROLES].tobytes(), "big") for role in (1, 2))
    two, another = (int.from_bytes(hashes[_ROLES + role :: _ROLES].tobytes(), "big") for role in (3, 4))
    return alone + (one ^ two ^ (other & another)).to_bytes(many * _OCTETS, "big")


def _simhash(hashes: bytes) -> int:
    """Return the bits that more than half of the hashes have set."""
    many = len(hashes) * 8 // BITS
    # All hashes side by side in one integer, of which one half is added to the other until one is left. What is added
    # are counters: `planes` holds bit 0 of all of them in one integer, bit 1 in the next.
    planes = [int.from_bytes(hashes, "big")]
    left = 1 << max(0, many - 1).bit_length()
    while left > 1:
        left //= 2
        width = left * BITS
        mask, carry, added = (1 << width) - 1, 0, []
        for plane in planes:
            low, high = plane & mask, plane >> width
            either = low ^ high
            added.append(either ^ carry)
            carry = low & high | carry & either
        planes = [*added, carry]
    # All counters compared with one half of the features at once, from their highest bit down
    more, equal = 0, (1 << BITS) - 1
    for power in reversed(range(len(planes))):
        if many // 2 >> power & 1:
            equal &= planes[power]
        else:
            more |= equal & planes[power]
            equal &= ~planes[power]
    return more


# --- detectors ------------------------------------------------------------------------------------------------


def nested(subject: str) -> str:
    """Say what shows that a subject grew by answers of machines to machines, or the empty string."""
    text = subject[:500].casefold()
    # [EXT] and [Support] are gateways' and lists'; what desks add to each other's has a number in it.
    tags = sum(any(character.isdigit() for character in tag) for tag in re.findall(r"\[[^\[\]]{1,40}\]", text))
    if tags >= NESTED_TAGS:
        return f"{tags} ticket tags"
    for word in ("auto:", "automatic reply", "ticket received", "request received", "[rejected]"):
        if text.count(word) > 1:
            return f"repeated {word!r}"
    return ""


def similar(mark: str, arrivals: Sequence[Arrival]) -> str:
    """Say that this text came before, from the same organisation, or the empty string."""
    count = 1 + sum(distance(mark, arrival.fingerprint) <= ALIKE for arrival in arrivals)
    return f"{count} times the same text" if count >= SAME_TEXTS else ""


def quick(arrivals: Sequence[Arrival], after_ours: float | None) -> str:
    """Say that answers come faster than people write, or the empty string.

    In a large company somebody always writes just after a colleague was answered: it takes a third of all mails.
    """
    gaps = [*(arrival.after_ours for arrival in arrivals), after_ours]
    count = sum(gap is not None and 0 <= gap < QUICK for gap in gaps)
    if count < QUICK_ANSWERS or count * QUICK_SHARE < len(gaps):
        return ""
    return f"{count} answers within {QUICK:.0f} s of our mail"


def regular(arrivals: Sequence[Arrival], now: datetime) -> str:
    """Say that mails come in gaps that are too regular for people, or the empty string."""
    moments = sorted([*(arrival.received_at for arrival in arrivals), now])
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(moments)]
    if len(gaps) < REGULAR_GAPS or not (mean := sum(gaps) / len(gaps)):
        return ""
    variance = sum((gap - mean) ** 2 for gap in gaps) / len(gaps)
    return f"{len(gaps)} regular gaps" if variance**0.5 / mean < REGULAR else ""


def suspicion(mail: ParsedMail, arrivals: Sequence[Arrival], after_ours: float | None, now: datetime | None) -> str:
    """Say why the author's organisation behaves like a machine towards this queue, or the empty string."""
    if reason := nested(mail.subject):
        return reason
    if not arrivals:
        return ""
    if reason := quick(arrivals, after_ours) or (regular(arrivals, now) if now else ""):
        return reason
    return similar(fingerprint(mail), arrivals)


def silence(times: int) -> timedelta:
    """Return how long the `times`-th suspicion in a row silences: a day, each time twice as long, up to a week.

    One in a row with another comes within `LONGEST_SUSPICION` of its end.
    """
    doubled: int = 2 ** min(times - 1, 8)
    return min(FIRST_SUSPICION * doubled, LONGEST_SUSPICION)


# --- rules ----------------------------------------------------------------------------------------------------


def loop_suspected(reading: Reading) -> Evidence | None:
    """Match a counterpart that behaves like a machine now, or did so not long ago."""
    facts = reading.facts
    stored = facts.stored
    if stored.suspect_until is not None and facts.now is not None and facts.now < stored.suspect_until:
        return Evidence(f"suspected of a loop until {stored.suspect_until:%Y-%m-%d %H:%M} UTC", "history")
    reason = suspicion(reading.mail, stored.arrivals, stored.seconds_since_ours, facts.now)
    return Evidence(reason, "history") if reason else None


STORM: Final = 10  # new tickets of one address in 30 minutes


def storm(reading: Reading) -> Evidence | None:
    """Match an address that opened too many tickets in half an hour. Only its own mails join; people stay apart."""
    count = reading.facts.stored.recent_tickets
    return Evidence(f"{count} tickets in 30 minutes", "history") if count >= STORM else None
