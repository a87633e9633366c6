"""Templates and logos: bad ones stop the start with file, line and cure; foreign text is never a template (T17)."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from gateway.config.settings import Appearance
from gateway.errors import ConfigError
from gateway.outbound.appearance import LOCALES, NAMES, SHIPPED, MailTemplates, lines, load_logo, load_look
from gateway.telemetry.events import EVENTS

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)


def own(folder: Path, name: str, text: str) -> Path:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return folder


def test_every_template_is_shipped_and_no_other() -> None:
    shipped = {str(path.relative_to(SHIPPED)) for path in SHIPPED.rglob("*") if path.is_file()}

    assert shipped == set(NAMES)
    assert LOCALES == ("en", "fr")


def test_an_operators_template_replaces_the_shipped_one_alone(tmp_path: Path) -> None:
    templates = MailTemplates(own(tmp_path, "en/acknowledgement.txt", "Subject: Ours\n\nNumber {{ number }}."))

    assert templates.render("en/acknowledgement.txt", number=5, queue="Support") == "Subject: Ours\n\nNumber 5."
    assert "Bonjour" in templates.render("fr/acknowledgement.txt", number=5, queue="Support")


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("Subject: x\n\n{{ number", "acknowledgement.txt:3:1: templates:", "unexpected"),
        ("{{ nubmer }}", "acknowledgement.txt:1:1: templates:", "'nubmer' is undefined"),
        ("{{ ''.__class__.__mro__ }}", "acknowledgement.txt:1:1: templates:", "unsafe"),
        ("{{ 1 / 0 }}", "acknowledgement.txt:1:1: templates:", "division"),
        ("x" * 70_000, "acknowledgement.txt:1:1: templates:", "more than 65536 octets"),
        ("{% for a in range(99999999) %}x{% endfor %}", "acknowledgement.txt:1:1: templates:", "Range too big"),
        ("{% include '/etc/passwd' %}", "acknowledgement.txt:1:1: templates:", "/etc/passwd"),
        (
            "{% for a in range(9000) %}{% for b in range(9000) %}x{% endfor %}{% endfor %}",
            "acknowledgement.txt",
            "makes",
        ),
    ],
)
def test_a_bad_template_stops_the_start(tmp_path: Path, text: str, place: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        MailTemplates(own(tmp_path, "en/acknowledgement.txt", text))

    assert place in str(caught.value)
    assert problem in str(caught.value)
    assert "compare with the shipped template" in str(caught.value)


def test_a_template_that_fails_later_gives_way_to_the_shipped_one(tmp_path: Path, capsys) -> None:
    text = "Subject: x\n\n{% if number == 5 %}{{ 1 / 0 }}{% endif %}"
    rendered = MailTemplates(own(tmp_path, "en/acknowledgement.txt", text)).render(
        "en/acknowledgement.txt", number=5, queue="Support"
    )

    assert "We have received your message" in rendered
    assert "template.failed" in capsys.readouterr().err
    assert "template.failed" in EVENTS


@given(st.text(max_size=200))
def test_text_becomes_html_that_shows_the_same_text(text: str) -> None:
    tree = LexborHTMLParser(f"<p>{lines(text)}</p>")
    tags = {node.tag for node in tree.css("body *")}
    paragraph = tree.css_first("p")
    assert paragraph is not None

    assert tags <= {"p", "br", "a"}
    assert "".join(paragraph.text().split()).replace("\0", "") == "".join(text.replace("\0", "").split())


@pytest.mark.parametrize("text", ["javascript:alert(1)", "data:text/html,x", "www.example.org", "ftp://example.org"])
def test_only_web_addresses_become_links(text: str) -> None:
    assert "<a" not in lines(text)


def test_a_link_ends_before_punctuation() -> None:
    assert 'href="https://example.org/a"' in lines("(see https://example.org/a).")
    assert lines('https://example.org/"><b>').count("<") == 2


# --- looks ----------------------------------------------------------------------------------------------------


def test_a_look_is_the_configured_appearance(tmp_path: Path) -> None:
    (tmp_path / "logo").write_bytes(PNG)
    look = load_look(Appearance(signature=" The team\n", logo=tmp_path / "logo", locale="fr"), "tickets.example.org")

    assert look.signature == "The team"
    assert look.locale == "fr"
    assert look.logo is not None
    assert (look.logo.filename, look.logo.content_type) == ("logo.png", "image/png")
    assert look.logo.content_id == "logo@tickets.example.org"
    assert load_look(Appearance(), "tickets.example.org").logo is None


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"<svg/>", "neither PNG nor JPEG"), (PNG + bytes(300_000), "too large"), (None, "cannot read it")],
)
def test_a_bad_logo_stops_the_start(tmp_path: Path, content: bytes | None, problem: str) -> None:
    if content is not None:
        (tmp_path / "logo").write_bytes(content)

    with pytest.raises(ConfigError, match=problem):
        load_logo(tmp_path / "logo", "tickets.example.org")
