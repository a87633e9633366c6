"""The sanitiser: nothing runs, nothing loads by itself, and what a person wrote is still there."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from gateway.mail import caps, html, parse
from gateway.mail.html import sanitise
from tests.fuzz.seeds import mail
from tests.support.payloads import CANARY_CALL, payloads

PAYLOADS = list(payloads())
# What may stand in an attribute that a browser follows; `data-remote-src` is followed by none
_FOLLOWED = {
    "href": re.compile(r"(?:https?:|mailto:|tel:|#)", re.IGNORECASE),
    "src": re.compile(r"(?:cid:|data:image/(?:png|jpe?g|gif|webp);)", re.IGNORECASE),
}
_TAGS = html._TAGS
_ATTRIBUTES = {name for names in html._ATTRIBUTES.values() for name in names} | {"rel", "target", "data-remote-src"}


def problems(markup: str) -> list[str]:
    """Say what a browser could run or follow in `markup`, as a second parser sees it."""
    found = []
    body = LexborHTMLParser(markup).body
    if body is None:
        return ["a frameset"]
    for node in body.traverse(include_text=False):
        if node.tag not in _TAGS and node.tag != "body":  # the parser makes the body
            found.append(f"tag {node.tag}")
        for name, value in node.attributes.items():
            if name not in _ATTRIBUTES:
                found.append(f"attribute {name} of {node.tag}")
            elif name in _FOLLOWED and not _FOLLOWED[name].match((value or "").strip()):
                found.append(f"{name}={value!r}")
            elif name == "style" and re.search(r"url|expression|import|\\|binding|@", value or "", re.IGNORECASE):
                found.append(f"style={value!r}")
    return found


def test_there_are_enough_payloads() -> None:
    assert len(set(PAYLOADS)) >= 300


@pytest.mark.parametrize("number", range(0, len(PAYLOADS), 20))
def test_no_payload_survives(number: int) -> None:
    for payload in PAYLOADS[number : number + 20]:
        for markup in (payload, f"<p>before</p>{payload}<p>after</p>", f"<table><tr><td>{payload}"):
            assert problems(sanitise(markup).html) == [], payload


def test_the_check_itself_sees_payloads() -> None:
    """The same check without the sanitiser finds nearly all of them: it is not blind."""
    seen = sum(bool(problems(payload)) for payload in PAYLOADS)
    assert seen > 0.85 * len(PAYLOADS)


@pytest.mark.parametrize("number", range(0, len(PAYLOADS), 40))
def test_payloads_in_subject_names_and_file_names_are_plain_text(number: int) -> None:
    for payload in PAYLOADS[number : number + 40]:
        line = re.sub(r"[\x00-\x1f]", " ", payload)
        found = parse(
            mail(
                f"Subject: {line}", f'Content-Type: application/pdf; name="{line.replace(chr(34), chr(39))}"', body=b"x"
            )
        )
        assert found.html is None
        assert not re.search(r'[/\\:<>"|?*]', found.attachments[0].filename)


def test_remote_images_are_kept_disarmed_and_counted() -> None:
    found = sanitise('<img src="https://example.org/a.png?x=1&y=2" alt="A"><img src="http://b.example/c.gif">')
    assert found.remote_images == 2
    assert 'data-remote-src="https://example.org/a.png?x=1&amp;y=2"' in found.html
    assert not re.search(r"\ssrc=", found.html)


def test_the_scheme_between_the_steps_is_no_way_in() -> None:
    found = sanitise('<img src="x-disarmed:javascript:x">&lt;img src="x-disarmed:http://a/"&gt;')
    assert problems(found.html) == []


def test_inline_and_pasted_pictures_stay() -> None:
    markup = '<img src="cid:logo@example.org"><img src="data:image/png;base64,iVBORw0KGgo=">'
    assert sanitise(markup).html == markup
    assert sanitise('<img src="cid\n\t:logo">').html == '<img src="cid:logo">'  # found by the guided fuzzer
    assert "src" not in sanitise('<img src="data:image/svg+xml;base64,PHN2Zz4=">').html


def test_what_people_write_stays() -> None:
    markup = (
        '<p style="color:red">Hello <b>you</b></p><ul><li>one</li></ul><table border="1"><tbody><tr>'
        '<td colspan="2">x</td></tr></tbody></table><blockquote>q</blockquote><pre>a\n b</pre>'
    )
    assert sanitise(markup).html == markup


def test_a_style_longer_than_any_person_needs_is_dropped() -> None:
    rule = "color:red;"
    most = rule * (caps.STYLE // len(rule))
    assert sanitise(f'<p style="{most}">x</p>').html.startswith('<p style="color:red')
    assert sanitise(f'<p style="{most}{rule}">x</p>').html == "<p>x</p>"


def test_links_open_elsewhere_and_tell_nothing() -> None:
    found = sanitise('<a href="https://example.org/?a=1&amp;b=2">x</a>').html
    assert 'href="https://example.org/?a=1&amp;b=2"' in found
    assert 'rel="noopener noreferrer nofollow"' in found
    assert 'target="_blank"' in found


@pytest.mark.parametrize(
    "piece",
    [
        "&",
        "&amp;",
        "&nbsp;",
        "\xa0",
        "&lt;",
        "&#60;",
        "&#x3c;b&#62;",
        "&quot;",
        "&eacute;",
        "&foo;",
        "&#38;",
        "a &amp; b",
    ],
)
def test_many_references_are_shown_like_few(piece: str) -> None:
    many = sanitise(f"<p>{piece}</p>" * 3_000).html
    assert many == sanitise(f"<p>{piece}</p>").html * 3_000
    assert problems(many) == []


def test_many_references_in_attributes() -> None:
    piece = '<a href="https://example.org/?a=1&amp;b=2&c=&quot;" title="&lt;x&gt;">&amp;</a>'
    assert sanitise(piece * 1_000).html == sanitise(piece).html * 1_000
    soup = "<a href='java&#115;cript:x' title='&quot; onclick=&quot;x'>&lt;script&gt;</a>" * 1_000
    assert problems(sanitise(soup).html) == []


def test_controls_and_bidi_are_not_shown() -> None:
    assert sanitise("a\u202eb\u2066c\x07d").html == "abcd"


def test_what_is_too_heavy_becomes_text() -> None:
    found = sanitise("<div>" * 5_000 + "still here")
    assert found.flat
    assert "still here" in found.html
    assert "<div" not in found.html


@given(st.text(alphabet=st.sampled_from("<>/=\"' &;:-!ascripthrefonx\x00\n"), max_size=120))
def test_no_soup_is_dangerous(soup: str) -> None:
    assert problems(sanitise(soup).html) == []


@pytest.mark.parametrize("payload", [f"<script>{CANARY_CALL}</script>", f"<img src=x onerror={CANARY_CALL}>"])
def test_a_mail_with_a_payload(payload: str) -> None:
    found = parse(mail("Content-Type: text/html", body=f"<p>Hello</p>{payload}".encode()))
    assert found.text == "Hello"
    assert found.html is not None
    assert CANARY_CALL not in found.html
