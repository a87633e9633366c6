"""DATA in bulk: the end only at CRLF.CRLF, dots unstuffed exactly, chunk borders without meaning."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.lmtp.data import DataReader, Overrun
from tests.support.lmtp_client import stuffed


def always(_octets: int) -> bool:
    return True


def read(chunks, limit: int = 1 << 20, charge=always):
    """Feed all chunks; return the content and what follows it, or None if DATA did not end."""
    reader = DataReader(limit, charge)
    for number, chunk in enumerate(chunks):
        rest = reader.feed(chunk)
        if rest is not None:
            return reader.take(), rest + b"".join(chunks[number + 1 :])
    return None


def line_by_line(stream: bytes):
    """The same by the letter of RFC 5321 §4.5.2, slowly: the reference."""
    lines = stream.split(b"\r\n")
    content: list[bytes] = []
    for number, line in enumerate(lines[:-1]):
        if line == b".":
            return b"".join(content), b"\r\n".join(lines[number + 1 :])
        content.append((line[1:] if line.startswith(b".") else line) + b"\r\n")
    return None


# What must not end DATA, as other servers have let it: anything around the dot but CRLF on both sides.
BREAKS = {"CR": b"\r", "LF": b"\n", "CRLF": b"\r\n", "CRCRLF": b"\r\r\n", "NUL": b"\0", "LFCR": b"\n\r", "none": b""}


@pytest.mark.parametrize(("before", "after"), list(itertools.product(BREAKS, BREAKS)))
def test_only_crlf_dot_crlf_ends_a_mail(before: str, after: str):
    head, tail = b"Subject: x\r\n\r\nfirst", b"MAIL FROM:<smuggled@example.net>\r\n"
    smuggled = head + BREAKS[before] + b"." + BREAKS[after] + tail
    stream = smuggled + b"\r\n.\r\n"

    content, rest = read([stream])

    ends = BREAKS[before].endswith(b"\r\n") and BREAKS[after].startswith(b"\r\n")
    assert (content, rest) == line_by_line(stream)
    assert (rest == b"") is not ends
    if not ends and not BREAKS[before].endswith(b"\r\n"):
        assert content == smuggled + b"\r\n", "octets were changed"


@pytest.mark.parametrize(
    ("wire", "content"),
    [
        (b".\r\n", b""),
        (b"..\r\n.\r\n", b".\r\n"),
        (b"..a\r\n...\r\n.\r\n", b".a\r\n..\r\n"),
        (b".x\r\n.\r\n", b"x\r\n"),
        (b"a\n.b\r\n.\r\n", b"a\n.b\r\n"),
        (b"\r\n.\r\n", b"\r\n"),
        (b"a\r\n.\r\r\n.\r\n", b"a\r\n\r\r\n"),
        (b"a\r\n.\n.\r\n.\r\n", b"a\r\n\n.\r\n"),
    ],
)
def test_dots_are_unstuffed_exactly(wire: bytes, content: bytes):
    assert read([wire]) == (content, b"")
    assert read([wire[at : at + 1] for at in range(len(wire))]) == (content, b"")


pieces = st.lists(st.sampled_from([b"\r", b"\n", b".", b"\r\n", b"\r\n.", b"\r\n.\r\n", b"x", b"\0"]), max_size=40)


@given(pieces, st.randoms(use_true_random=False))
def test_chunk_borders_have_no_meaning(parts: list[bytes], rng: random.Random):
    stream = b"".join(parts)
    cuts = sorted(rng.randint(0, len(stream)) for _ in range(rng.randint(0, 12)))
    chunks = [stream[start:end] for start, end in itertools.pairwise([0, *cuts, len(stream)])]

    assert read(chunks) == line_by_line(stream)


@given(st.binary(max_size=300) | pieces.map(b"".join))
def test_every_content_comes_through_identical(content: bytes):
    sent = content if content.endswith(b"\r\n") or not content else content + b"\r\n"

    assert read([stuffed(content)]) == (sent, b"")


def test_what_follows_the_end_is_left_to_the_session():
    assert read([b"a\r\n.\r\nMAIL FROM:<x@example.org>\r\n"]) == (b"a\r\n", b"MAIL FROM:<x@example.org>\r\n")


def test_a_mail_over_the_limit_is_read_to_its_end_but_not_kept():
    reader = DataReader(10, always)

    assert reader.feed(b"123456789\r\n") is None
    assert reader.feed(b"more\r\n.\r\nNOOP\r\n") == b"NOOP\r\n"
    assert reader.overrun is Overrun.SIZE
    assert reader.take() == b""


def test_a_mail_of_exactly_the_limit_is_kept():
    assert read([b"12345678\r\n.\r\n"], limit=10) == (b"12345678\r\n", b"")


def test_a_refused_charge_drops_what_was_kept():
    reader = DataReader(1 << 20, lambda _octets: reader.size < 20)

    assert reader.feed(b"x" * 15 + b"\r\n") is None
    assert reader.feed(b"x" * 15 + b"\r\n.\r\n") == b""
    assert reader.overrun is Overrun.BUDGET
    assert reader.take() == b""


def test_content_is_kept_once():
    import tracemalloc

    chunk = (b"Zm9v" * 19 + b"\r\n") * 3000
    tracemalloc.start()
    try:
        reader = DataReader(64 << 20, always)
        for _ in range(100):
            reader.feed(chunk)
        reader.feed(b".\r\n")
        content = reader.take()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert len(content) == 100 * len(chunk)
    assert peak < 1.25 * len(content)
