"""Words in the reader's language: gettext catalogues, read from their .po files once, and nothing at run time.

What is missing in a catalogue is said in English; a test knows every message and finds none missing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

LOCALES: Mapping[str, Callable[[int], int]] = {
    "en": lambda count: int(count != 1),
    "fr": lambda count: int(count > 1),
}
NAMES = {"en": "English", "fr": "Français"}
DEFAULT = "en"


def N_(message: str) -> str:  # noqa: N802 - the name that gettext's tools look for
    """Mark a message for the catalogues; it is translated where it is shown."""
    return message


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The messages of one language."""

    locale: str
    messages: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def gettext(self, message: str) -> str:
        """Return a message in this language."""
        found = self.messages.get(message)
        return found[0] if found else message

    def ngettext(self, one: str, many: str, count: int) -> str:
        """Return the form of a message that fits a number."""
        index = LOCALES[self.locale](count)
        found = self.messages.get(one, ())
        return found[index] if index < len(found) else (one, many)[min(index, 1)]


def read_po(text: str) -> dict[str, tuple[str, ...]]:
    """Return the messages of a .po file by their msgid; empty translations and the header are left out."""
    found: dict[str, tuple[str, ...]] = {}
    for block in blocks(text):
        forms = tuple(block[key] for key in sorted(block) if key.startswith("msgstr"))
        if block.get("msgid") and all(forms):
            found[block["msgid"]] = forms
    return found


def blocks(text: str) -> Iterator[dict[str, str]]:
    """Yield the entries of a .po file as keyword -> text."""
    entry: dict[str, str] = {}
    key = ""
    for line in text.splitlines():
        if line.startswith('"'):
            entry[key] += json.loads(line)
        elif line.startswith("msg"):
            key, _, rest = line.partition(" ")
            if key == "msgid" and entry:
                yield entry
                entry = {}
            entry[key] = json.loads(rest)
    if entry:
        yield entry


@cache
def catalogue(locale: str) -> Catalogue:
    """Return the catalogue of a language of ours."""
    path = files("gateway").joinpath("locale", locale, "LC_MESSAGES", "poterne.po")
    return Catalogue(locale, read_po(path.read_text(encoding="utf-8")))


def choose(preferred: str, accepted: str) -> str:
    """Return the language for a reader: their own choice, else the first of Accept-Language that we have."""
    if preferred in LOCALES:
        return preferred
    ranked = []
    for position, item in enumerate(accepted[:500].split(",")):
        tag, _, parameter = item.strip().partition(";")
        weight = parameter.strip().removeprefix("q=") if parameter else "1"
        try:
            ranked.append((-float(weight), position, tag.strip().lower().partition("-")[0]))
        except ValueError:
            continue
    return next((tag for weight, _, tag in sorted(ranked) if weight < 0 and tag in LOCALES), DEFAULT)
