"""Forges mails that would like to join somebody else's ticket: tags, tokens, Message-IDs, From lines, references.

They meet the order of evidence alone, with the worst that a store could find: `python -m tests.support.forge` does it.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import replace

from gateway.mail.token import TokenKeys, read_tokens
from gateway.model import (
    Envelope,
    Judgement,
    Kind,
    Mailbox,
    ParsedMail,
    Stored,
    TicketId,
    TicketRef,
    TicketStatus,
    TokenPurpose,
)
from gateway.rules.reading import Reading
from gateway.threading import find_thread
from tests.support.judged import CREATION, FACTS, KEYS

ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
POOL = 5000  # forged tokens that are used more than once; every other mail has a new one
VICTIM = "ann.lee@customer.example"
TICKETS = tuple(
    TicketRef(TicketId(n), "support", TicketStatus.OPEN, frozenset({VICTIM}), f"Subject of {n}") for n in range(1, 50)
)
# What the store would find if every forged Message-ID happened to be a known one: I5 does not rest on secret ids alone.
KNOWN_IDS = Stored(tickets=TICKETS, referenced=TICKETS[:3])
GUESSED_IDS = Stored(tickets=TICKETS)


def forged_mails(count: int, seed: int = 0) -> Iterator[tuple[ParsedMail, Envelope]]:
    """Yield forgeries. Their authors know every ticket number, every Message-ID and every participant, but no key."""
    rng = random.Random(seed)
    foreign = TokenKeys(rng.randbytes(32))
    tokens = [_token(rng, foreign, number) for number in range(min(count + 1, POOL))]
    for number in range(count):
        token = tokens[number % len(tokens)] if number % 2 else _token(rng, foreign, number)
        ticket = rng.randrange(1, 50)
        # The victim's own address is among them: then the author has to guess a Message-ID that we know.
        author = rng.choice(
            [
                Mailbox("Ann Lee", VICTIM),
                Mailbox("Ann Lee", "eve@elsewhere.example"),
                Mailbox(VICTIM, "eve@elsewhere.example"),
                Mailbox("Ann Lee", "ann.lee@customer.example.evil.example"),
                Mailbox("Ann Lee", "ann.lee@custom\u0435r.example"),
                Mailbox("", "ann-lee@customer.example"),
            ]
        )
        yield (
            ParsedMail(
                message_id=f"{token}@tickets.example.org",
                subject=rng.choice(
                    [f"Re: [#{ticket}] Subject of {ticket}", f"Ticket#{ticket}", f"Re: Subject of {ticket}"]
                ),
                from_=author,
                from_all=(author,),
                reply_to=(Mailbox("Ann Lee", VICTIM),) if rng.random() < 0.5 else (),
                in_reply_to=(f"{token}@tickets.example.org",),
                references=(f"{rng.choice(tokens)}@tickets.example.org", "known@tickets.example.org"),
                text=f"Please add me.\nref:{token}\n",
            ),
            Envelope(VICTIM, CREATION.replace("@", f"+{token}@"), FACTS.envelope.received_at),
        )


def _token(rng: random.Random, foreign: TokenKeys, number: int) -> str:
    purpose = rng.choice(list(TokenPurpose))
    genuine = KEYS.mint(purpose, rng.randrange(1, 50), rng.randrange(1, 50))
    match number % 5:
        case 0:
            return "".join(rng.choices(ALPHABET, k=40))
        case 1:  # one character changed
            place = rng.randrange(40)
            return genuine[:place] + rng.choice(ALPHABET.replace(genuine[place], "")) + genuine[place + 1 :]
        case 2:  # shortened or lengthened
            return genuine[: rng.randrange(1, 40)] if rng.random() < 0.5 else genuine + rng.choice(ALPHABET)
        case 3:  # head of one, MAC of another
            return KEYS.mint(purpose, rng.randrange(1, 50))[:15] + KEYS.mint(purpose, rng.randrange(50, 99))[15:]
        case _:  # another instance's
            return foreign.mint(purpose, rng.randrange(1, 50), rng.randrange(1, 50))


def attached(mails: Iterable[tuple[ParsedMail, Envelope]], *, believe_every_from: bool = False) -> int:
    """Return how many of the mails joined a ticket. `believe_every_from` breaks the author check on purpose."""
    hits = 0
    for mail, envelope in mails:
        forged_from = mail.from_ is not None and mail.from_.address == VICTIM
        stored = GUESSED_IDS if forged_from else KNOWN_IDS
        facts = replace(FACTS, envelope=envelope, stored=stored, tokens=read_tokens(mail, envelope, KEYS))
        author = Mailbox("", VICTIM) if believe_every_from else Reading(mail, facts).author
        hits += find_thread(mail, facts, Judgement(Kind.HUMAN, author=author)).ticket is not None
    return hits
