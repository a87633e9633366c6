"""Damages mails as networks, gateways, broken mailers and people with bad intent do. Deterministic for a seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

Mutation = Callable[[random.Random, bytearray], None]

TOKENS = (
    b"\r\n", b"\n", b"\r", b"\0", b"\r\n\r\n", b"\r\n ", b"\r\n\t", b":", b";", b",", b"<", b">", b'"', b"(", b")",
    b"\\", b"=?", b"?=", b"=?utf-8?b?", b"=?utf-8?q?=", b"=?x?q?a?=", b"=?iso-2022-jp?b?GyRC?=", b"--", b"--mix-1",
    b"--mix-1--", b"--alt-1", b"boundary=", b"charset=", b"charset=utf-7", b"charset=utf-16", b"charset=hz",
    b"charset=iso-2022-kr", b"charset=big5", b"charset=punycode", b"filename*=", b"filename*1*=", b"name=", b"''",
    b"%00", b"%ff", b"Content-Type: ", b"multipart/mixed; ", b"multipart/alternative; ", b"message/rfc822\r\n",
    b"Content-Transfer-Encoding: base64\r\n", b"Content-Transfer-Encoding: quoted-printable\r\n", b"From: ",
    b"Subject: ", b"Date: ", b"Message-ID: <", b"References: ", b"@", b"a@example.org", b"xn--", b"\xc3", b"\xc3\xa4",
    b"\xff\xfe", b"\xe2\x80\xae", b"\xe2\x80\xa8", b"\x1b$B", b"\x1b(B", b"=", b"=3D", b"=\r\n", b"begin 644 a\r\n",
    b"end\r\n", b"=ybegin line=1 size=1 name=a\r\n", b"=yend\r\n", b"<div>", b"</div>", b"<table><tr><td>",
    b"<script>", b"<img src=http://x>", b"<!--", b"-->", b"<a href=javascript:x>", b"&#0;", b"&amp", b"<![CDATA[",
    b"<svg>", b"<style>", b"\x78\x9f\x3e\x22", b"-----BEGIN PGP MESSAGE-----", b"On x wrote:\r\n", b"> ", b"-- \r\n",
    b"Final-Recipient: rfc822;", b"Action: failed\r\n", b"Status: 5.0.0\r\n", b"METHOD:REPLY\r\n",
    b"99999999999999999999", b"-1", b"+9999",
)  # fmt: skip


def _place(rng: random.Random, mail: bytearray) -> int:
    # Headers decide most, so that they are hit as often as all the rest
    return rng.randrange(min(len(mail), 1500) + 1) if rng.random() < 0.5 else rng.randrange(len(mail) + 1)


def flip(rng: random.Random, mail: bytearray) -> None:
    if mail:
        mail[rng.randrange(len(mail))] ^= 1 << rng.randrange(8)


def octet(rng: random.Random, mail: bytearray) -> None:
    if mail:
        at = min(_place(rng, mail), len(mail) - 1)
        mail[at] = rng.choice((*b'\0\t\n\r "(-:<=?\x80\xff', rng.randrange(256)))


def insert(rng: random.Random, mail: bytearray) -> None:
    at = _place(rng, mail)
    mail[at:at] = rng.choice(TOKENS)


def replace(rng: random.Random, mail: bytearray) -> None:
    at = _place(rng, mail)
    mail[at : at + rng.randrange(1, 12)] = rng.choice(TOKENS)


def delete(rng: random.Random, mail: bytearray) -> None:
    at = _place(rng, mail)
    del mail[at : at + rng.choice((1, 2, 3, 8, 64, 512))]


def repeat(rng: random.Random, mail: bytearray) -> None:
    at = _place(rng, mail)
    piece = bytes(mail[at : at + rng.choice((1, 2, 5, 20, 80, 300))])
    mail[at:at] = piece * min(rng.choice((1, 2, 10, 200, 3000)), 60_000 // max(len(piece), 1))


def hail(rng: random.Random, mail: bytearray) -> None:
    at = _place(rng, mail)
    token = rng.choice(TOKENS)
    mail[at:at] = token * rng.choice((2, 20, 500, 60_000 // len(token)))


def cut(rng: random.Random, mail: bytearray) -> None:
    del mail[_place(rng, mail) :]


def swap(rng: random.Random, mail: bytearray) -> None:
    lines = bytes(mail).split(b"\r\n")
    if len(lines) > 2:
        one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
        lines[one], lines[other] = lines[other], lines[one]
        mail[:] = b"\r\n".join(lines)


def line_ends(rng: random.Random, mail: bytearray) -> None:
    mail[:] = bytes(mail).replace(b"\r\n", rng.choice((b"\n", b"\r", b"\r\r\n", b"\n\r")), rng.choice((1, 5, 1000)))


MUTATIONS: tuple[tuple[Mutation, int], ...] = (
    (flip, 4), (octet, 6), (insert, 10), (replace, 8), (delete, 6), (repeat, 4), (hail, 1),
    (cut, 2), (swap, 3), (line_ends, 1),
)  # fmt: skip
_MUTATIONS = [mutation for mutation, _ in MUTATIONS]
_WEIGHTS = [weight for _, weight in MUTATIONS]


def mutant(rng: random.Random, mails: Sequence[bytes]) -> bytes:
    """Return a damaged copy of one of `mails`; now and then two of them are spliced first."""
    mail = bytearray(rng.choice(mails))
    if rng.random() < 0.1:
        other = rng.choice(mails)
        mail[_place(rng, mail) :] = other[rng.randrange(len(other)) :]
    for mutation in rng.choices(_MUTATIONS, _WEIGHTS, k=rng.choice((1, 1, 2, 3, 5, 10))):
        mutation(rng, mail)
    return bytes(mail)
