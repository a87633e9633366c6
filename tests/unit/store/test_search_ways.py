"""The way back that a search takes on PostgreSQL depends on how common its words are, and in how many entries."""

from __future__ import annotations

import pytest

from gateway.store.search_ways import How, Lead, cheapest

ENTRIES, BLOCK = 1_000_000, 16_384
COMMON, LESS_COMMON, RARE = 0.2, 0.02, 0.0005


def way_of(span, **shares):
    """Return the cheapest way for words with their shares; `_` at the end stands for a beginning."""
    leads = [Lead(word.replace("_", ":*"), share) for word, share in shares.items()]
    return cheapest(leads, span, ENTRIES, ENTRIES, BLOCK)


@pytest.mark.parametrize(
    ("span", "shares", "how", "asked"),
    [
        (1_000, {"a_": COMMON}, How.WALK, []),
        (7_500, {"a_": COMMON, "b_": COMMON}, How.WALK, []),
        (ENTRIES, {"a_": RARE}, How.ANYWHERE, ["a:*"]),
        (40_000, {"a_": LESS_COMMON / 4}, How.TOGETHER, ["a:*"]),
        (ENTRIES, {"a_": COMMON, "b_": RARE}, How.ANYWHERE, ["b:*"]),
        (ENTRIES, {"a_": LESS_COMMON, "b_": LESS_COMMON}, How.ANYWHERE, ["a:*", "b:*"]),
        (ENTRIES, {"a": LESS_COMMON, "b": RARE, "c_": COMMON}, How.ANYWHERE, ["b", "a"]),
        (200_000, {"a": COMMON, "b": COMMON / 2}, How.BLOCKS, ["b", "a"]),
    ],
)
def test_the_index_is_asked_for_what_is_rare_where_walking_takes_longer(span, shares, how, asked):
    way = way_of(span, **shares)

    assert (way.how, [lead.query for lead in way.leads]) == (how, asked)


def test_a_search_for_more_never_costs_less():
    for shares in ({"a_": COMMON}, {"a": LESS_COMMON, "b": COMMON}, {"a_": RARE, "b": LESS_COMMON}):
        costs = [way_of(span, **shares).cost for span in range(1, ENTRIES, 10_007)]

        assert costs == sorted(costs)
