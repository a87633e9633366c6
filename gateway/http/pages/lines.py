"""Lines of lists: one that was shown like this before is not rendered again.

Agents look at the same lists all day, and from one look to the next few of fifty lines change. What a line shows is
all in its key; so a kept one is never out of date.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple

from jinja2 import Environment
from markupsafe import Markup

from gateway.desk.nouns import OPEN_STATUSES, TicketLine
from gateway.http.pages.pieces import Pieces

KEPT: Final = 2048  # lines of one language, of about two kilobytes each ...
LONG: Final = 1000  # characters of its texts, above which a line is not kept: strangers choose how long a name is
UNDONE: Final = (*OPEN_STATUSES, "waiting")  # statuses in which a due time matters


class Shown(NamedTuple):
    """Everything that a line shows, but for the language."""

    item: TicketLine
    assignee: str
    chip: Markup
    updated: Markup
    due: Markup | None
    overdue: bool
    tickable: bool


def line_renderer(environment: Environment) -> Callable[[Shown], Markup]:
    """Return what renders one line in the language of an environment."""

    def render(shown: Shown) -> Markup:
        line: Callable[..., Markup] = environment.get_template("line.html").module.line  # type: ignore[attr-defined]
        return line(**shown._asdict()).strip()

    kept = lru_cache(KEPT)(render)
    return lambda shown: (render if _is_long(shown) else kept)(shown)


def _is_long(shown: Shown) -> bool:
    item = shown.item
    texts = (item.subject, item.requester, item.requester_name, item.excerpt, item.last_author, shown.assignee)
    return sum(map(len, texts)) + sum(map(len, item.tags)) > LONG


def lines_shown(
    render: Callable[[Shown], Markup], chip: Mapping[str, Markup], when: Mapping[datetime, Markup], now: datetime
) -> Callable[[bool, Mapping[str, str]], Pieces[TicketLine]]:
    """Return what gives a template its lines by ticket: first it says if they can be ticked, and who is called what."""

    def lines(tickable: bool, names: Mapping[str, str]) -> Pieces[TicketLine]:
        def make(item: TicketLine) -> Markup:
            due_at = item.due_at if item.status in UNDONE else None
            due, overdue = (when[due_at], due_at < now) if due_at else (None, False)
            assignee = names.get(item.assignee, item.assignee) if item.assignee else ""
            return render(Shown(item, assignee, chip[item.queue], when[item.updated_at], due, overdue, tickable))

        return Pieces(make)

    return lines
