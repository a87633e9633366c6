"""Words as the index keeps them: folded alike on every path, and never too long."""

from __future__ import annotations

import pytest

from gateway.mail.folded import IN_ORDER, LONGEST_WORD, all_short, folded, indexed


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


@pytest.mark.parametrize("text", ["", "Créme Brûlée, twice: brûlée", "x" * LONGEST_WORD, "to be or not to be"])
def test_a_short_text_is_indexed_as_it_stands(text: str) -> None:
    assert indexed([text]).split() == folded([text]).split()


def test_of_what_stands_far_down_each_word_is_indexed_once_in_its_order() -> None:
    top = "all work and no play " * (IN_ORDER // 21 + 1)
    log = "".join(f"error {number % 7} in line {number % 5}, again\n" for number in range(1000))

    words = indexed([top + log]).split()

    assert words[: top.count(" ")] == top.split()
    assert words[top.count(" ") :] == list(dict.fromkeys(folded([log]).split()))


@pytest.mark.parametrize("before", ["", "short ", "top " * (IN_ORDER // 3)])
def test_no_indexed_word_is_too_long(before: str) -> None:
    words = indexed([before, "x" * 2 * IN_ORDER]).split()

    assert words[-1] == "x" * LONGEST_WORD
    assert set(words[:-1]) == set(before.split())
