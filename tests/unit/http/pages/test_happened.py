"""Changes as sentences: translated, in the reader's zone, and never with what somebody wrote as HTML."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gateway.desk.nouns import Moment
from gateway.http.pages.happened import Happened
from gateway.http.pages.words import catalogue

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def said(locale="en", zone="", author="Léa <lea@example.org>", text="as written", **detail):
    people = {"tom@example.org": "Tom Berger"}
    happened = Happened(catalogue(locale), zone, people, {"support": "Support <&>"}.get)  # type: ignore[arg-type]
    return str(happened(Moment(1, "state", author, NOON, text, detail=detail)))


@pytest.mark.parametrize(
    ("detail", "english", "french"),
    [
        ({"event": "status", "from": "new", "to": "open"}, "status: new → open", "état : nouveau → ouvert"),
        (
            {"event": "assignee", "from": None, "to": "tom@example.org"},
            "assignee: nobody → Tom Berger",
            "attribution : personne → Tom Berger",
        ),
        ({"event": "tag", "tag": "vip", "added": True}, "tag added: vip", "étiquette ajoutée : vip"),
        ({"event": "took_back", "entry": 3}, "the reply was taken back", "la réponse a été reprise"),
        ({"event": "type", "from": None, "to": "none"}, "type: - → none", "type : - → none"),
    ],
)
def test_changes_are_said_in_the_readers_language(detail, english, french):
    assert said(**detail) == english
    assert said("fr", **detail) == french


def test_due_times_are_those_of_the_readers_zone():
    detail = {"event": "due", "from": "none", "to": "2026-03-02T12:00+00:00"}
    moment = '<time class="exact" datetime="2026-03-02T12:00+00:00">2026-03-02 13:00 CET</time>'
    assert said(zone="Europe/Paris", **detail) == f"due: - → {moment}"
    assert said(event="due", **{"from": "none", "to": "soon"}) == "due: - → soon"


def test_other_tickets_are_links():
    assert said(event="merged", **{"from": 7}) == '<a href="/tickets/7">#7</a> was merged into this ticket'
    assert said(event="linked", other="<b>") == "as written"


def test_an_answer_that_opens_again_says_so():
    assert said(author="reopened", event="status", **{"from": "solved", "to": "open"}) == "opened again: an answer came"


def test_nothing_that_somebody_wrote_is_html():
    assert said(event="subject", **{"from": "<b>", "to": "%(x)s<script>"}) == "subject: &lt;b&gt; → %(x)s&lt;script&gt;"
    assert said(text="<i>%s</i>", event="unknown") == "&lt;i&gt;%s&lt;/i&gt;"
    assert said(event="queue", **{"from": "gone", "to": "support"}).endswith("Support &lt;&amp;&gt;")
