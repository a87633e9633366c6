"""Words as the index keeps them: folded alike on every path, and never too long."""

from __future__ import annotations

import pytest

from gateway.store.search import LONGEST_WORD, all_short, folded


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("Plain, old ASCII-text_42", "plain old ascii text 42"),
        ("Créme Brûlée à l'École", "creme brulee a l ecole"),
        ("Straße 7½ ﬁn", "strasse 71 2 fin"),
        ("Łódź und Ænima", "łodz und ænima"),
        ("a\u0301\u0323b c\u034fd", "ab c d"),
        ("日本語、テスト", "日本語 テスト"),
    ],
)
def test_words_are_kept_without_case_accents_and_signs(written: str, kept: str) -> None:
    assert folded([written, None, ""]) == kept


@pytest.mark.parametrize("before", [0, 1, 99, 100])
@pytest.mark.parametrize("length", [LONGEST_WORD - 1, LONGEST_WORD, LONGEST_WORD + 1, 3 * LONGEST_WORD])
def test_a_word_that_is_too_long_is_seen_wherever_it_stands(before: int, length: int) -> None:
    words = " ".join(["x" * before, "x" * length, "yy", "x" * before, "z"])

    assert all_short(words) is (length <= LONGEST_WORD)
