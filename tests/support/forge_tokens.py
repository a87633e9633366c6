"""Tries to forge tokens: random ones, and genuine ones that were changed. Prints how many verified; must be 0.

The whole of it is `python -m tests.support.forge`.
"""

from __future__ import annotations

import random

from gateway.mail.token import TokenKeys
from gateway.model import TokenPurpose

ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


def forge(count: int, seed: int = 0) -> int:
    """Return how many of `count` forgeries verified for any purpose, under a current and a previous key."""
    rng = random.Random(seed)
    keys = TokenKeys(rng.randbytes(32), (rng.randbytes(32),))
    foreign = TokenKeys(rng.randbytes(32))
    hits = 0
    for number in range(count):
        match number % 4:
            case 0:
                text = "".join(rng.choices(ALPHABET, k=40))
            case 1:  # a genuine one with one to three characters changed
                letters = list(keys.mint(rng.choice(list(TokenPurpose)), rng.getrandbits(32), rng.getrandbits(32)))
                for place in rng.sample(range(40), rng.randint(1, 3)):
                    letters[place] = rng.choice(ALPHABET.replace(letters[place], ""))
                text = "".join(letters)
            case 2:  # head of one, MAC of another
                one, other = (keys.mint(TokenPurpose.MESSAGE, rng.getrandbits(32)) for _ in range(2))
                text = one[:16] + other[16:]
            case _:  # another instance's
                text = foreign.mint(rng.choice(list(TokenPurpose)), rng.getrandbits(32))
        hits += any(keys.verify(text, purpose) for purpose in TokenPurpose)
    return hits
