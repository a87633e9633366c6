"""Small things that pages lean on: times, links in text, folds, paths, fields."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from starlette.datastructures import FormData

from gateway.errors import NotSendable
from gateway.http.pages.forms import Fields, number_of
from gateway.http.pages.lists import filter_of, query_of
from gateway.http.pages.text import linked, local_path, person, quoted_part, size
from gateway.http.pages.times import ago, exact
from gateway.http.pages.words import catalogue

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (timedelta(seconds=5), "now"),
        (timedelta(minutes=3), "3 min"),
        (timedelta(hours=2, minutes=59), "2 h"),
        (timedelta(days=1), "1 day"),
        (timedelta(days=9), "9 days"),
        (timedelta(days=40), "2026-01-21"),
        (timedelta(hours=-3), "in 3 h"),
    ],
)
def test_times_are_relative(before, words):
    assert ago(NOW - before, NOW, catalogue("en")) == words


def test_the_exact_time_is_that_of_the_agents_zone():
    assert exact(NOW, "Europe/Paris") == "2026-03-02 13:00 CET"
    assert exact(NOW, "") == exact(NOW, "No/Where") == exact(NOW, "../../etc/passwd") == "2026-03-02 12:00 UTC"


def test_links_are_made_after_escaping():
    text = 'see https://example.org/a?b=1&c="><script>alert(1)</script>, or (http://example.com/x).'
    html = str(linked(text))
    assert "<script" not in html
    assert html.count("<a ") == 2
    assert 'href="https://example.org/a?b=1&amp;c="' in html
    assert 'href="http://example.com/x"' in html
    assert "javascript:" not in str(linked("javascript:alert(1)")) or "<a" not in str(linked("javascript:alert(1)"))


def test_links_are_found_in_linear_time():
    started = time.perf_counter()
    for text in ("https://" * 4000, "http://a" + "." * 30_000, "h" * 30_000, "https://x/)" * 3000):
        linked(text)
    assert time.perf_counter() - started < 2


def test_what_was_quoted_is_folded():
    assert quoted_part(None, "Hello") == quoted_part("Hello\n", "Hello") == ""
    assert quoted_part("Hello\n\n> old", "Hello") == "> old"
    assert quoted_part("Hello, \nhere \n\n> old", "Hello,\nhere") == "> old"  # blanks at line ends are cut
    assert quoted_part("Hello Ann, \n\n-- \nLea\n\n-- \nThe team\n", "Hello Ann, \n\n-- \nLea") == "--\nThe team"
    assert quoted_part("something else", "Hello") == "something else"


@pytest.mark.parametrize(
    "path", ["//evil.test", "https://evil.test", "/\\evil.test", "\\evil", "", "/a\nb", "javascript:alert(1)", "/a\\b"]
)
def test_nobody_is_sent_elsewhere(path):
    assert local_path(path) == "/"


def test_paths_of_ours_are_kept():
    assert local_path("/tickets/3?x=1#entry-2") == "/tickets/3?x=1#entry-2"


def test_authors_and_sizes():
    assert person("Léa Martin <lea@example.org>") == ("Léa Martin", "lea@example.org")
    assert person("relay") == ("relay", "")
    assert [size(10), size(84 * 1024), size(3 << 20)] == ["10 B", "84 kB", "3.0 MB"]


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "x", "9" * 30, "٣", "1e3"])
def test_what_is_no_number_is_none(text):
    assert number_of(text) is None


def test_fields_are_read_without_trust():
    fields = Fields(FormData([("to", "a@example.org; b@example.org,, "), ("n", "#12"), ("n", "x"), ("due", "soon")]))
    assert fields.addresses("to") == ("a@example.org", "b@example.org")
    assert fields.addresses("cc") is None
    assert fields.numbers("n") == (12,)
    with pytest.raises(NotSendable):
        fields.when("due", "")


def test_due_times_are_the_agents():
    fields = Fields(FormData([("due", "2026-07-01T09:00")]))
    assert fields.when("due", "Europe/Paris") == datetime(2026, 7, 1, 7, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"queue": "support", "show": "waiting"},
        {"assignee": "nobody", "order": "due"},
        {"show": "all", "tag": "vip", "overdue": "1"},
    ],
)
def test_a_list_and_its_address_are_one(query):
    assert query_of(filter_of(query)) == query
    assert filter_of({"show": "x'--", "order": "1; drop"}) == filter_of({})
