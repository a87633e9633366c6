"""What the author newly wrote: samples in the shapes of many mail programs and languages, and the bounds."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.mail import reply
from tests.support.growth import assert_linear, seconds

FOLDER = Path(__file__).parent / "samples_reply"


def read_samples(path):
    for block in path.read_text(encoding="utf-8").split("#### ")[1:]:
        name, _, rest = block.partition("\n")
        body, _, rest = rest.partition("#---- reply\n")
        wanted, _, signature = rest.partition("#---- signature\n")
        yield pytest.param(body, wanted.strip("\n"), signature.strip("\n") or None, id=f"{path.stem}: {name}")


SAMPLES = [sample for path in sorted(FOLDER.glob("*.txt")) for sample in read_samples(path)]


@pytest.mark.parametrize(("body", "wanted", "signature"), SAMPLES)
def test_the_new_part_is_found(body, wanted, signature):
    cut = reply.cut(body)

    assert cut.reply == wanted
    assert cut.signature == (signature.rstrip() if signature else None)


@pytest.mark.parametrize(("body", "wanted", "signature"), SAMPLES)
def test_line_ends_change_nothing(body, wanted, signature):
    assert reply.cut(body.replace("\n", "\r\n")) == reply.cut(body)


def test_a_subject_makes_outlooks_block_content():
    body = (
        "Please answer him.\n\nFrom: Jane <j@example.org>\nSent: 3 April 2024 10:12\nTo: Bob\nSubject: Help\n\nHelp me."
    )

    assert reply.cut(body).reply == "Please answer him."
    assert reply.cut(body, forwarded=True).reply == body
    assert reply.author_text(body, forwarded=reply.says_forward("Fwd: Help")).reply == body


def test_a_quote_beyond_the_limit_keeps_everything():
    body = "word " * 20_000 + "\n\n> quote"

    assert reply.cut(body).reply == body


def test_a_quote_that_begins_before_the_limit_ends_the_reply():
    body = "Yes.\n\n-----Original Message-----\n" + "word " * 20_000

    assert reply.cut(body).reply == "Yes."


PIECES = [
    "> a\n",
    "\n",
    "On Mon 3 wrote:\n",
    "On 1 Jan 2012 10:10 a@b <c@d>",
    "From: x\nDate: 2012\n",
    "From: a@b\n",
    "a ",
    ">",
    "--\n",
    "<\n",
    "| a\n",
    "1\n",
    "<a@b>\n",
    "JD> x\n",
    "-----Original Message-----\n",
    "Sent from my iPhone\n",
    "wrote ",
    "x" * 999 + "\n",
]


@pytest.mark.parametrize("piece", PIECES)
def test_time_grows_with_size_only(piece):
    assert_linear(reply.cut, lambda size: piece * (size // len(piece)), 25_000)
    assert seconds(reply.cut, piece * (1_000_000 // len(piece))) < 3


def test_a_long_rule_above_a_quote_is_judged_at_once():
    body = f"Yes.\n{'-' * 5_000}x\n-----Original Message-----\nNo?\n"

    assert seconds(reply.cut, body) < 0.5
    assert reply.cut("Yes.\n---- Alkuperäinen ----\n-----Original Message-----\nNo?\n").reply == "Yes."


@pytest.mark.parametrize("middle", ["(Ann above all)", "- Ann -"])
def test_a_wrapped_attribution_may_hold_what_looks_like_a_mark(middle):
    """Each line of it is a candidate, also those above a line that is remarkable by itself."""
    body = f"Thanks.\n\nOn Wed, 3 April 2024\n{middle}\n<ann@example.org> wrote:\n\nThe old words.\n"

    assert reply.cut(body).reply == "Thanks."


LINES = st.one_of(
    st.sampled_from([piece.rstrip("\n") for piece in PIECES]),
    st.sampled_from(
        ["-- ", "Von: a@b.example", "Gesendet: 3. April 2024", "An: b", "Betreff: c", "> On 3 Apr 2024, J wrote:"]
    ),
    st.text(max_size=40),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(LINES, max_size=30))
def test_nothing_raises_and_nobody_is_silenced(lines):
    body = "\n".join(lines)
    cut = reply.cut(body)

    assert cut.reply.strip() or not any(words_of(line) for line in body.splitlines())
    # Every line is one of the mail's: nothing is invented
    assert {line.rstrip() for line in cut.reply.split("\n")} <= {"", *(line.rstrip() for line in split(body))}


def split(body):
    return body.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\x85", "\n").split("\n")


def words_of(line):
    return line.strip("-_=*#~+.\u2014\u2013\u2026\u1427\u200b\u200c\u200d\u200e\u200f\u00ad\u2060\ufeff\u202a\u202c \t")
