"""Addresses: what is one, what it is compared by, and what a list of them says."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mail import address
from gateway.mail.address import canonical, identity, is_valid, matches, normal, organisation, parse_mailboxes
from gateway.model import Mailbox

GOOD = [
    "a@example.org",
    "first.last+tag@sub.example.co.uk",
    "o'hara@example.org",
    '"quoted local"@example.org',
    '"a@b"@example.org',
    "a..b@docomo.example",  # Japanese carriers hand these out
    "a.@docomo.example",
    "user@[192.0.2.1]",
    "user@host_name.example",
    "jörg@müller.example",
    "用户@例子.example",
    "a@localhost",
    "a" * 64 + "@example.org",
]
BAD = [
    "",
    "a",
    "@example.org",
    "a@",
    "a@b@c",
    "a b@example.org",
    "a@exa mple.org",
    "a@example..org",
    "a@.example.org",
    "a@example.org.",
    "a\r\nBcc: x@example.org",
    "a@example.org\n",
    "a\0@example.org",
    "a@\u202eexample.org",
    "a\u202eb@example.org",
    "a\u200bb@example.org",
    "<a@example.org>",
    "a@example.org>",
    "a,b@example.org",
    "a@example.org;",
    "a(b)@example.org",
    '"unclosed@example.org',
    '"a"b@example.org',
    "a" * 65 + "@example.org",
    "a@" + "b" * 64 + ".org",
    "a@" + "b." * 130 + "org",
    "ü" * 33 + "@example.org",
]


@pytest.mark.parametrize("text", GOOD)
def test_an_address(text: str) -> None:
    assert is_valid(text)


@pytest.mark.parametrize("text", BAD)
def test_no_address(text: str) -> None:
    assert not is_valid(text)


@pytest.mark.parametrize(
    ("value", "boxes"),
    [
        ("a@example.org", [("", "a@example.org")]),
        ("Jane Doe <a@example.org>", [("Jane Doe", "a@example.org")]),
        ('"Doe, Jane" <a@example.org>', [("Doe, Jane", "a@example.org")]),
        ('"say \\"hi\\"" <a@example.org>', [('say "hi"', "a@example.org")]),
        ("Doe, Jane <a@example.org>", [("Doe, Jane", "a@example.org")]),  # the comma should have been quoted
        ("a@example.org (Jane (the) Doe)", [("Jane (the) Doe", "a@example.org")]),
        ("Jane <a@example.org> (work)", [("Jane", "a@example.org")]),
        ("a@example.org, b@example.org", [("", "a@example.org"), ("", "b@example.org")]),
        ("a@example.org; b@example.org", [("", "a@example.org"), ("", "b@example.org")]),  # Outlook
        (
            "Team: a@example.org, B <b@example.org>;, c@example.org",
            [("", "a@example.org"), ("B", "b@example.org"), ("", "c@example.org")],
        ),
        ("undisclosed-recipients:;", []),
        ("=?utf-8?q?J=C3=B6rg?= <a@example.org>", [("Jörg", "a@example.org")]),
        ('"=?utf-8?q?J=C3=B6rg?=" <a@example.org>', [("Jörg", "a@example.org")]),
        ("Jörg <ü@müller.example>", [("Jörg", "ü@müller.example")]),
        ("<@relay.example,@b.example:a@example.org>", [("", "a@example.org")]),
        ("a@example.org <a@example.org>", [("a@example.org", "a@example.org")]),
        ('"b@evil.example" <a@example.org>', [("b@evil.example", "a@example.org")]),
        ("Jane <a@example.org", [("Jane", "a@example.org")]),
        ("< a@example.org >", [("", "a@example.org")]),
        ('"quoted local"@example.org', [("", '"quoted local"@example.org')]),
        ("Jane.Doe@example.org,,,", [("", "Jane.Doe@example.org")]),
        ("alice@example.org)bob@victim.org", []),
        ("<a@example.org> <b@example.org>", []),
        ("<a@example.org> b@example.org", []),
        ("Jane a@example.org", []),
        ("<>", []),
        ("nobody", []),
        ("", []),
    ],
)
def test_a_list_of_mailboxes(value: str, boxes: list[tuple[str, str]]) -> None:
    assert parse_mailboxes(value) == tuple(Mailbox(*box) for box in boxes)


@given(st.text(alphabet=st.sampled_from('ab@.<>(),;:"\\ \t=?\u00fc'), max_size=60))
def test_what_a_list_gives_is_valid(value: str) -> None:
    for box in parse_mailboxes(value):
        assert is_valid(box.address)
        assert "\n" not in box.name


def test_a_list_has_a_cap() -> None:
    assert len(parse_mailboxes("a@b.c," * 10_000)) == 500


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("Jane@Example.ORG", "jane@example.org"),
        (" a@example.org ", "a@example.org"),
        ("a@Müller.example", "a@xn--mller-kva.example"),
        ("a@faß.example", "a@xn--fa-hia.example"),
        ("nobody", "nobody"),
    ],
)
def test_normal(written: str, form: str) -> None:
    assert normal(written) == form
    assert normal(normal(written)) == normal(written)


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("Jane+ticket@Example.org", "jane@example.org"),
        ("bounces+jane=example.com@lists.example.net", "bounces@lists.example.net"),
        ("jane=example.com@lists.example.net", "jane@lists.example.net"),
        ("J.a.n.e+x@googlemail.com", "jane@gmail.com"),
        ("bounce-123456-789@example.org", "bounce-0-0@example.org"),
        ("bounce-654321-987@example.org", "bounce-0-0@example.org"),
        ("msg-0a1b2c3d4e5f@example.org", "msg-0@example.org"),
        ("prvs=1234abcdef=jane@example.org", "jane@example.org"),
        ("jane1984@example.org", "jane1984@example.org"),  # no separator: a name
        ("jane-1984@gmail.com", "jane-1984@gmail.com"),  # a free-mail provider: digits are parts of names
        ("+x@example.org", "+x@example.org"),
        ("nobody", "nobody"),
    ],
)
def test_canonical(written: str, form: str) -> None:
    assert canonical(written) == form


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("Jane+ticket@Example.org", "jane@example.org"),
        ("J.a.n.e+x@googlemail.com", "jane@gmail.com"),
        ("prvs=1234abcdef=jane@example.org", "jane@example.org"),
        ("jan-1984@example.org", "jan-1984@example.org"),
        ("jan-1985@example.org", "jan-1985@example.org"),
        ("jane=example.com@forwarder.example", "jane=example.com@forwarder.example"),
        ("+x@example.org", "+x@example.org"),
        ("a@Müller.example", "a@xn--mller-kva.example"),
        ("nobody", "nobody"),
    ],
)
def test_identity(written: str, form: str) -> None:
    assert identity(written) == form
    assert identity(form) == form


@given(st.from_regex(r"[a-zA-Z0-9.+=_-]{1,20}@(example\.org|gmail\.com|web\.de)", fullmatch=True))
def test_who_is_one_person_is_counted_as_one(text: str) -> None:
    assert canonical(identity(text)) == canonical(text)


@pytest.mark.parametrize("compare", [normal, identity, canonical, organisation])
def test_what_is_longer_than_any_address_is_cut_before_work(compare: Callable[[str], str | None]) -> None:
    assert len(compare("a@" + "ä." * 1_000_000) or "") < 2_000


@given(st.from_regex(r"[a-zA-Z0-9.+=_-]{1,20}@(example\.org|gmail\.com|web\.de)", fullmatch=True))
def test_canonical_is_settled(text: str) -> None:
    assert canonical(canonical(text)) == canonical(text)
    assert canonical(text.upper()) == canonical(text)


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("a@mail.example.org", "example.org"),
        ("a@deep.mail.example.co.uk", "example.co.uk"),
        ("mail.example.org", "example.org"),
        ("a@gmail.com", None),
        ("a@web.de", None),
        ("a@localhost", None),
        ("a@co.uk", None),
        ("a@[192.0.2.1]", None),
        ("", None),
    ],
)
def test_organisation(text: str, domain: str | None) -> None:
    assert organisation(text) == domain


@pytest.mark.parametrize(
    ("pattern", "seen", "covered"),
    [
        ("a@example.org", "A@Example.org", True),
        ("a@example.org", "a+tag@example.org", True),
        ("a+tag@example.org", "a@example.org", False),
        ("a@example.org", "b@example.org", False),
        ("example.org", "a@example.org", True),
        ("example.org", "a@sub.example.org", False),
        ("@example.org", "a@example.org", True),
        ("*.example.org", "a@sub.example.org", True),
        ("*.example.org", "a@example.org", False),
        ("noreply@*", "noreply@anything.example", True),
        ("noreply@*", "noreply+x@anything.example", True),
        ("*@lists.example.org", "x@lists.example.org", True),
        ("no*reply@example.org", "no-reply@example.org", True),
        ("*bounce*@example.org", "my-bounces@example.org", True),
        ("müller.example", "a@xn--mller-kva.example", True),
        ("*.müller.example", "a@x.xn--mller-kva.example", True),
        ("example.org", "", False),
        ("", "a@example.org", False),
        ("a@example.org", "nobody", False),
        ("*", "a@example.org", True),
    ],
)
def test_patterns(pattern: str, seen: str, covered: bool) -> None:
    assert matches(pattern, seen) is covered


def test_shown_text_has_no_controls() -> None:
    assert address.display("=?utf-8?q?a=0D=0AB=E2=80=AE?= <x>") == "a B <x>"
    assert address.header_safe("a\x00b\u2028c\u202ed\n\n e", 100) == "a b c d e"
    assert address.header_safe("abcdef", 3) == "abc"
