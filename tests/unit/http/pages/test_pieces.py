"""Pieces are made once for each page, and nothing that people write gets out of them unescaped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from markupsafe import Markup

from gateway.http.pages.pieces import Pieces, queue_chips, shown_times, status_words
from gateway.http.pages.words import catalogue

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
