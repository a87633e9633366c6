"""How counterparts behave: fingerprints, answers at once, regular gaps, nested subjects. Soft; tickets stay."""

import random
import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Arrival, Kind, ParsedMail, Stored
from gateway.rules import behaviour
from gateway.rules.behaviour import (
    ALIKE,
    distance,
    fingerprint,
    nested,
    quick,
    regular,
    silence,
    similar,
    suspicion,
)
from tests.support.judged import judge

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
RESPONDER = (
    "Dear {name},\n\nthank you for contacting the service desk of Other Ltd. We have received your message and gave it "
    "the number {number}. One of our colleagues will look after it as soon as possible.\n\nRegards, {date}"
)
CUSTOMERS = (
    "The printer on the second floor prints every page twice since the update of Monday.",
    "My invoice shows a discount of ten percent, but we agreed on fifteen. Please send a new one.",
    "I cannot sign in any longer, the page says that my account was locked for security reasons.",
    "When will the spare part for our coffee machine arrive? The order is three weeks old.",
    "Please cancel my subscription at the end of the month and confirm that you did.",
)


def text(body, subject="We received your message"):
    return fingerprint(ParsedMail(text=body, reply_text=body, subject=subject))


def responder(name="Ann", number="4711", date="5 January 2026"):
    return text(RESPONDER.format(name=name, number=number, date=date))


def at(minutes, mark="", after=None):
    return Arrival(NOON - timedelta(minutes=minutes), mark, after)


def test_a_responder_is_known_again_whatever_it_writes_into_its_gaps():
    marks = {
        responder(n, number, date) for n, number, date in (("Ann", "1", "a.b.c"), ("Bob Ray", "#99-12", "2026-01-05"))
    }

    assert len(marks) == 1


def test_a_byte_that_changes_per_answer_changes_little():
    one = text(RESPONDER.format(name="x", number="y", date="") + "\n> quoted text that differs")

    assert distance(one, responder()) <= ALIKE


def test_people_who_write_about_different_things_are_far_apart():
    marks = [text(body, subject="Help") for body in CUSTOMERS]

    assert min(distance(a, b) for i, a in enumerate(marks) for b in marks[:i]) > ALIKE


def test_random_texts_hardly_ever_look_alike():
    rng = random.Random(4)
    words = ["".join(rng.choices("abcdefghijklmnop", k=6)) for _ in range(500)]
    marks = [text(" ".join(rng.choices(words, k=30)), subject="") for _ in range(120)]

    assert min(distance(a, b) for i, a in enumerate(marks) for b in marks[:i]) > ALIKE


@given(st.lists(st.sampled_from(["Haus", "a", "l'eau", "x_y", "½", "日本", "e\u0301", "(b.c)", "--", "«ça»", "'Tis,"])))
def test_words_are_what_stands_between_signs(tokens):
    line = " ".join(token for token in tokens if not behaviour._noisy(token))

    assert behaviour._words([line]) == re.findall(r"[^\W\d_]{2,}", line)


@given(st.lists(st.sampled_from(["one two", "q7 three", "fünf, a.b six", "", "seven"]), max_size=90))
def test_lines_are_read_in_blocks_as_they_are_one_by_one(lines):
    assert behaviour._words(lines) == [word for line in lines for word in behaviour._words([line])]


@given(st.lists(st.binary(min_size=8, max_size=8), min_size=1, max_size=40))
def test_a_bit_is_set_that_more_than_half_of_the_hashes_have(hashes):
    numbers = [int.from_bytes(one, "big") for one in hashes]
    wanted = sum((sum(one >> bit & 1 for one in numbers) * 2 > len(numbers)) << bit for bit in range(behaviour.BITS))

    assert behaviour._simhash(b"".join(hashes)) == wanted


@given(st.lists(st.text(max_size=3), max_size=12))
def test_each_word_and_each_pair_of_neighbours_is_a_feature(words):
    def roles(word):
        hashes = behaviour._hashes(word)
        return [int.from_bytes(hashes[at : at + 8], "big") for at in range(0, 40, 8)]

    alone = [roles(word)[0] for word in words]
    pairs = [
        first[1] ^ second[3] ^ (first[2] & second[4])
        for first, second in ((roles(one), roles(two)) for one, two in pairwise(words))
    ]

    assert behaviour._features(words) == b"".join(feature.to_bytes(8, "big") for feature in (*alone, *pairs))
    assert behaviour._features(words, pairs=False) == b"".join(feature.to_bytes(8, "big") for feature in alone)


def test_a_pair_is_another_feature_than_the_same_words_in_another_order():
    one, two, three = (behaviour._features(words)[-8:] for words in (["a", "b"], ["b", "a"], ["a", "a"]))

    assert len({one, two, three, bytes(8)}) == 4


def test_the_same_words_in_another_order_are_no_more_alike_than_if_each_pair_were_hashed():
    """Two neighbours of ten are swapped: a few bits in a hundred texts would do, were pairs sums of their words."""
    rng = random.Random(5)
    vocabulary = ["".join(rng.choices("abcdefghijklmnop", k=6)) for _ in range(500)]
    distances = []
    for _ in range(2000):
        words = rng.sample(vocabulary, 10)
        at = rng.randrange(9)
        swapped = [*words[:at], words[at + 1], words[at], *words[at + 2 :]]
        distances.append(distance(text(" ".join(words), subject=""), text(" ".join(swapped), subject="")))

    assert sum(bits <= ALIKE for bits in distances) / len(distances) < 0.13


def test_quotes_greetings_and_prefixes_do_not_count():
    plain = text("The printer prints every page twice.", subject="Printer")
    dressed = text(
        "Hello Tom,\nThe printer prints every page twice.\n> We wrote something", subject="Re: [#12] Printer"
    )

    assert plain == dressed


def test_a_mail_without_words_has_no_fingerprint_and_resembles_nothing():
    assert text("12 34", subject="") == ""
    assert distance("", "") == 64


def test_a_huge_mail_is_read_in_part():
    assert len(text("word " * 1_000_000)) == 16


# --- detectors ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("subject", "suspected"),
    [
        ("Re: [Support] Invoice", False),
        ("[a] [b] Invoice", False),
        ("[EXT] [Spam?] [Support #1] Invoice", False),
        ("[Help #1] [Desk #22] [Case 333] Invoice", True),
        ("Auto: Auto: Invoice", True),
        ("Ticket Received - 1 - Ticket Received - 2 - Invoice", True),
        ("[Rejected] [Rejected] Invoice", True),
        ("Automatic reply: Invoice", False),
    ],
)
def test_subjects_that_grew(subject, suspected):
    assert bool(nested(subject)) is suspected


def test_the_third_mail_with_the_same_text_is_suspect():
    mark = responder()

    assert similar(mark, [at(200, mark)]) == ""
    assert similar(mark, [at(200, mark), at(500, mark)])


def test_three_answers_at_once_are_suspect():
    assert quick([at(300, after=5.0), at(200, after=90.0)], 7.0) == ""
    assert quick([at(300, after=5.0), at(200, after=9.0)], 7.0)
    assert quick([at(n, after=9.0 if n < 4 else 600.0) for n in range(1, 40)], 700.0) == ""
    assert quick([at(300, after=None), at(200, after=-3.0), at(100, after=1.0)], None) == ""


def test_regular_gaps_are_suspect_and_people_are_irregular():
    assert regular([at(10 * n) for n in range(1, 6)], NOON)
    assert regular([at(minutes) for minutes in (3, 40, 44, 200, 610)], NOON) == ""
    assert regular([at(10 * n) for n in range(1, 4)], NOON) == ""
    assert regular([at(0) for _ in range(9)], NOON) == ""


def test_no_history_no_suspicion():
    assert suspicion(ParsedMail(text="hello there", subject="Invoice"), (), 3.0, NOON) == ""


def test_suspicion_lasts_a_day_and_doubles_up_to_a_week():
    assert [silence(times).days for times in (1, 2, 3, 4, 5, 1000)] == [1, 2, 4, 7, 7, 7]


def test_a_suspect_keeps_the_ticket_and_loses_the_acknowledgement():
    """One company's burst in an outage: same texts, many people. Each keeps a ticket."""
    body = CUSTOMERS[0]
    mark = fingerprint(ParsedMail(text=body, reply_text=body, subject="The invoice of May is wrong"))
    stored = Stored(arrivals=tuple(at(n, mark) for n in (1, 7, 9)))

    judged = judge(body=body, stored=stored)

    assert judged.kind is Kind.HUMAN
    assert judged.silent
    assert (judged.still, judged.hold, judged.refuse) == (False,) * 3
