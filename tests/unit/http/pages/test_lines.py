"""A line of a list is rendered once for what it shows, and anew for whatever else it would show."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from markupsafe import Markup

from gateway.desk.nouns import TicketLine
from gateway.http.pages.lines import LONG, line_renderer, lines_shown
from gateway.http.pages.pieces import Pieces, shown_times
from gateway.http.pages.view import environment_of
from gateway.http.pages.words import catalogue

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>"
LINE = TicketLine(
    number=7, queue="support", type=None, subject="The gate", status="open", priority="normal",
    requester="ann@example.org", requester_name="Ann", assignee=None, created_at=NOW - timedelta(days=2),
    updated_at=NOW - timedelta(hours=3), due_at=None, version=1, entries=1, excerpt="It does not close.",
    last_author="agent:lea@example.org", unread=False,
)  # fmt: skip


class Renderer:
    """Counts how often a template is filled."""

    def __init__(self, locale: str = "en") -> None:
        environment = environment_of(catalogue(locale))
        self.times = 0
        module = environment.get_template("line.html").module
        line = module.line  # type: ignore[attr-defined]

        def counted(**values: object) -> Markup:
            self.times += 1
            made: Markup = line(**values)
            return made

        module.line = counted  # type: ignore[attr-defined]
        self.render = line_renderer(environment)

    def page(self, *, now: datetime = NOW, tickable: bool = True, names: dict[str, str] | None = None, chip: str = "S"):
        """Return what one request gets its lines from."""
        chips: Pieces[str] = Pieces(lambda key: Markup(f"<i>{chip}</i>"))
        return lines_shown(self.render, chips, shown_times(now, "", catalogue("en")), now)(tickable, names or {})


def test_a_line_is_rendered_once_over_many_pages() -> None:
    renderer = Renderer()
    shown = {str(renderer.page()[replace(LINE)]) for _ in range(5)}

    assert len(shown) == 1
    assert renderer.times == 1
    assert '<a class="open" href="/tickets/7"><bdi class="subject">The gate</bdi></a>' in shown.pop()


@pytest.mark.parametrize(
    "change",
    [
        {"number": 8}, {"queue": "billing"}, {"subject": "x"}, {"status": "solved"}, {"priority": "urgent"},
        {"requester": "eve@example.org", "requester_name": ""}, {"assignee": "lea@example.org"}, {"unread": True},
        {"updated_at": NOW}, {"due_at": NOW + timedelta(hours=1)}, {"due_at": NOW - timedelta(hours=1)},
        {"excerpt": "x"}, {"last_author": "ann@example.org"}, {"tags": ("north",)},
    ],
)  # fmt: skip
def test_whatever_changes_on_a_line_is_shown(change: dict[str, object]) -> None:
    renderer = Renderer()
    before = renderer.page()[LINE]
    after = renderer.page()[replace(LINE, **change)]  # type: ignore[arg-type]

    assert renderer.times == 2
    assert after != before or change == {"queue": "billing"}  # its chip is the only thing to see of a queue


def test_what_pages_know_besides_the_ticket_is_shown_too() -> None:
    renderer = Renderer()
    late = replace(LINE, assignee="lea@example.org", due_at=NOW + timedelta(hours=1))
    shown = {
        str(page[late])
        for page in (
            renderer.page(),
            renderer.page(now=NOW + timedelta(hours=2)),
            renderer.page(names={"lea@example.org": "L\xe9a"}),
            renderer.page(chip="Billing"),
            renderer.page(tickable=False),
        )
    }

    assert len(shown) == renderer.times == 5
    assert sum("overdue" in line for line in shown) == 1
    assert sum("L\xe9a" in line for line in shown) == 1
    assert sum("checkbox" in line for line in shown) == 4


def test_nothing_of_a_customers_is_markup() -> None:
    hostile = replace(
        LINE, subject=HOSTILE, requester=HOSTILE, requester_name=HOSTILE, assignee=HOSTILE, excerpt=HOSTILE,
        last_author=HOSTILE, tags=(HOSTILE,),
    )  # fmt: skip
    shown = Renderer().page()[hostile]

    assert "<script" not in shown
    assert shown.count("&lt;script&gt;") >= 5


@pytest.mark.parametrize("field", ["subject", "requester", "requester_name", "excerpt", "last_author", "tags"])
def test_what_strangers_made_long_is_shown_and_not_kept(field: str) -> None:
    renderer, long = Renderer(), "x" * LONG
    line = replace(LINE, **{field: (long,) if field == "tags" else long})  # type: ignore[arg-type]
    once, again = renderer.page()[line], renderer.page()[line]

    assert once == again
    assert long in once or field in {"requester", "last_author"}  # who has a name is shown by it
    assert renderer.times == 2


def test_each_language_has_its_own_lines() -> None:
    unread = replace(LINE, unread=True, subject="")
    english, french = Renderer("en").page()[unread], Renderer("fr").page()[unread]

    assert "(no subject)" in english
    assert "(no subject)" not in french
