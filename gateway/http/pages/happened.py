"""Changes as sentences in the reader's language and zone; what no table names stays in its own words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from markupsafe import Markup, escape

from gateway.desk.nouns import Moment
from gateway.http.pages import sentences, times
from gateway.http.pages.words import N_, Catalogue

CHANGED: Mapping[str, str] = {
    "status": N_("status: %(before)s → %(after)s"),
    "assignee": N_("assignee: %(before)s → %(after)s"),
    "priority": N_("priority: %(before)s → %(after)s"),
    "queue": N_("queue: %(before)s → %(after)s"),
    "type": N_("type: %(before)s → %(after)s"),
    "subject": N_("subject: %(before)s → %(after)s"),
    "due": N_("due: %(before)s → %(after)s"),
}
TAGGED, UNTAGGED = N_("tag added: %(tag)s"), N_("tag removed: %(tag)s")
MOVED: Mapping[tuple[str, str], str] = {  # event and the key of the other ticket
    ("linked", "other"): N_("linked to %(ticket)s"),
    ("unlinked", "other"): N_("no longer linked to %(ticket)s"),
    ("merged", "into"): N_("merged into %(ticket)s"),
    ("merged", "from"): N_("%(ticket)s was merged into this ticket"),
}
TOOK_BACK = N_("the reply was taken back")
REOPENED, REOPENED_BY = N_("opened again: an answer came"), "reopened"
NOBODY, NOTHING = N_("nobody"), "-"


@dataclass(frozen=True, slots=True)
class Happened:
    """Says what happened to one reader."""

    words: Catalogue
    zone: str
    people: Mapping[str, str]  # names by address
    queue_name: Callable[[str], str]

    def __call__(self, moment: Moment) -> Markup:
        """Return one change as a sentence; everything in it is escaped."""
        detail = moment.detail
        event = str(detail.get("event", ""))
        if event == "status" and moment.author == REOPENED_BY:
            return escape(self.words.gettext(REOPENED))
        if event in CHANGED and {"from", "to"} <= detail.keys():
            values = {"before": self._value(event, detail["from"]), "after": self._value(event, detail["to"])}
            return self._say(CHANGED[event], values)
        if event == "tag" and "tag" in detail:
            return self._say(TAGGED if detail.get("added") else UNTAGGED, {"tag": str(detail["tag"])})
        if event == "took_back":
            return escape(self.words.gettext(TOOK_BACK))
        for (name, key), sentence in MOVED.items():
            if event == name and isinstance(detail.get(key), int):
                return self._say(sentence, {"ticket": ticket_link(detail[key])})
        return escape(moment.text)

    def _say(self, sentence: str, values: Mapping[str, str | Markup]) -> Markup:
        return escape(self.words.gettext(sentence)) % {name: escape(value) for name, value in values.items()}

    def _value(self, event: str, value: Any) -> str | Markup:
        if event == "assignee":
            return self.people.get(str(value), str(value)) if value else self.words.gettext(NOBODY)
        if value in (None, "") or (event == "due" and value == "none"):
            return NOTHING
        text = str(value)
        if event == "queue":
            return self.queue_name(text)
        if event == "due":
            return due(text, self.zone)
        table = {"status": sentences.STATUS, "priority": sentences.PRIORITY}.get(event, {})
        return self.words.gettext(table[text]) if text in table else text


def due(text: str, zone: str) -> str | Markup:
    """Return a moment as entries keep it in the reader's zone; what is none stays as it is."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return Markup('<time class="exact" datetime="{}">{}</time>').format(text, times.exact(moment, zone))


def ticket_link(number: int) -> Markup:
    """Return the link to a ticket."""
    return Markup('<a href="/tickets/{number}">#{number}</a>').format(number=number)
