"""Small pieces that come again and again on a page, each made once: the chip of a queue, a status, a time.

Templates look them up (`chip[key]`) rather than call a macro for each of fifty lines: a page is rendered between two
mails that the daemon accepts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import lru_cache
from typing import Generic, TypeVar

from markupsafe import Markup, escape

from gateway.http.pages import sentences, times
from gateway.http.pages.words import Catalogue

Key = TypeVar("Key")

QUEUE = Markup(
    '<span class="queue"><svg width="10" height="10" aria-hidden="true">'
    '<rect width="10" height="10" rx="2" fill="{colour}"/></svg>{name}</span>'
)
OPTION = Markup('<option value="{value}">{words}</option>')
CHOSEN = Markup('<option value="{value}" selected>{words}</option>')
STATUS = Markup('<span class="status {status}">{word}</span>')


class Pieces(dict[Key, Markup], Generic[Key]):
    """Makes what is asked for, and keeps it."""

    def __init__(self, make: Callable[[Key], Markup]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, key: Key) -> Markup:
        made = self[key] = self._make(key)
        return made


def options_of(choices: Iterable[tuple[str, str]]) -> Pieces[str | None]:
    """Return options of a select, values with their words, by the value that is chosen."""
    kept = tuple(choices)
    return Pieces(lambda chosen: options(kept, chosen))


@lru_cache(64)
def options(choices: tuple[tuple[str, str], ...], chosen: str | None) -> Markup:
    """Return options of a select: those of accounts are the same on page after page."""
    return Markup("").join(
        (CHOSEN if value == chosen else OPTION).format(value=value, words=words) for value, words in choices
    )


def queue_chips(name: Callable[[str], str], colour: Callable[[str], str]) -> Pieces[str]:
    """Return the chips of queues by their key."""
    return Pieces(lambda key: QUEUE.format(colour=colour(key), name=name(key)))


def status_words(words: Catalogue) -> Pieces[str]:
    """Return the words of statuses in one language."""
    return Pieces(lambda key: STATUS.format(status=key, word=words.gettext(sentences.STATUS.get(key, key))))


def shown_times(now: datetime, zone: str, words: Catalogue) -> Pieces[datetime]:
    """Return moments as one reader sees them now. Nothing in them needs escaping but what a catalogue says."""

    def make(moment: datetime) -> Markup:
        ago = escape(times.ago(moment, now, words))
        text = f'<time datetime="{moment.isoformat()}" title="{times.exact(moment, zone)}">{ago}</time>'
        return Markup(text)  # noqa: S704 - digits of ours and escaped words

    return Pieces(make)
