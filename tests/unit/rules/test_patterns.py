"""Sorted patterns answer as each pattern by itself would."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.mail.address import matches
from gateway.rules.patterns import compiled, first_match

PIECES = st.sampled_from(
    ["a", "b", "a+t", "*", "noreply", "x.example", "*.x.example", "y.x.example", "Ä.example", "@", ""]
)
PATTERN = st.builds(lambda local, at, domain: local + at + domain, PIECES, st.sampled_from(["@", "", "*@"]), PIECES)
ADDRESS = st.builds(
    lambda local, domain: f"{local}@{domain}",
    st.sampled_from(["a", "A", "b+x", "a+t", "noreply"]),
    st.sampled_from(["x.example", "y.x.example", "ä.example", "X.Example"]),
)


@given(st.lists(PATTERN, max_size=6), ADDRESS)
def test_the_same_answer_as_one_by_one(patterns, address):
    expected = any(matches(pattern, address) for pattern in patterns)

    assert (compiled(tuple(patterns)).find(address) is not None) is expected


def test_the_pattern_comes_back_as_it_was_written():
    assert first_match(("NoReply@*", "*@Lists.example.org"), ["a@b.example", "x@lists.example.org"]) == (
        "*@Lists.example.org",
        "x@lists.example.org",
    )


def test_what_is_no_address_matches_nothing():
    assert first_match(("*", "a"), ["a", ""]) is None
