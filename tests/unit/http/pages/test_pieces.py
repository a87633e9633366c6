"""Pieces are made once for each page, and nothing that people write gets out of them unescaped."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

from markupsafe import Markup

from gateway.http.pages.pieces import Pieces, options_of, queue_chips, shown_times, status_words
from gateway.http.pages.view import NAP, in_slices
from gateway.http.pages.words import catalogue
from tests.unit.store.cases import Hands

HOSTILE = '"><script>alert(1)</script>'
NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def test_a_piece_is_made_once():
    made: list[str] = []

    def make(key: str) -> Markup:
        made.append(key)
        return Markup("{}").format(len(made))

    pieces = Pieces(make)

    assert [pieces["a"], pieces["a"], pieces["b"]] == ["1", "1", "2"]
    assert made == ["a", "b"]


def test_what_people_write_is_escaped():
    chip = queue_chips(lambda key: key, lambda _key: HOSTILE)[HOSTILE]
    status = status_words(catalogue("en"))[HOSTILE]

    assert "<script" not in chip
    assert chip.count("&lt;script&gt;") == 2
    assert "<script" not in status
    assert status.count("&#34;&gt;") == 2


def test_a_time_is_said_as_its_reader_counts_it():
    moment = NOW - timedelta(hours=3)
    shown = shown_times(NOW, "Europe/Paris", catalogue("fr"))[moment]

    assert shown == f'<time datetime="{moment.isoformat()}" title="2026-03-04 10:00 CET">3 h</time>'


def test_options_say_which_one_is_chosen_and_escape_the_rest():
    options = options_of([("a@example.org", "Ann"), (HOSTILE, HOSTILE)])

    assert options["a@example.org"].startswith(
        '<option value="a@example.org" selected>Ann</option><option value="&#34;'
    )
    assert "selected" not in options[None]
    assert "<script" not in options[HOSTILE]


async def test_the_loop_goes_on_while_a_page_is_put_together(monkeypatch):
    monkeypatch.setattr("gateway.http.pages.view.SLICE", -1)
    order: list[str | int] = []

    def parts():
        for part in "abc":
            order.append(part)
            yield part

    async def mail():
        for number in range(3):
            order.append(number)
            await asyncio.sleep(0)

    page, _ = await asyncio.gather(in_slices(parts(), lambda: False), mail())

    assert page == "abc"
    assert order == ["a", 0, "b", 1, "c", 2]


async def test_a_page_waits_while_a_mail_is_written_down(monkeypatch):
    monkeypatch.setattr("gateway.http.pages.view.SLICE", -1)
    asked: list[str] = []

    def parts():
        for part in "abc":
            asked.append(part)
            yield part

    def busy_for(times: int):
        def clients_wait() -> bool:
            asked.append("?")
            return asked.count("?") <= times

        return clients_wait

    assert await in_slices(parts(), busy_for(3)) == "abc"
    assert "".join(asked) == "a????b?c?"


async def test_a_page_waits_no_longer_however_long_the_loop_is_busy(monkeypatch):
    monkeypatch.setattr("gateway.http.pages.view.SLICE", -1)
    clock, naps = Hands(), []

    async def sleep(seconds: float) -> None:
        if seconds:
            naps.append(seconds)
            clock.time += 0.02  # others had the loop meanwhile

    monkeypatch.setattr("gateway.http.pages.view.time", SimpleNamespace(perf_counter=clock))
    monkeypatch.setattr("gateway.http.pages.view.asyncio", SimpleNamespace(sleep=sleep))

    assert await in_slices(iter("abc"), lambda: True) == "abc"
    assert naps == [NAP] * 3
