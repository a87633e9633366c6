"""Forges mails against a real desk: tickets, customers, an agent and their mails lie in a store, and each forgery goes
through `gather` (the store's look-ups by Message-ID included) and `decide`, the path of live mail.

The forgers know every ticket's number, subject, customer and Message-IDs, the agent's address, and tokens of mails that
were never theirs to see, but for one character. They know no key.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from gateway import pipeline
from gateway.decision import decide
from gateway.mail import parse
from gateway.mail.token import TokenKeys
from gateway.model import Claim, Envelope, Field, IntakeId, Mailbox, ParsedMail, Plan, TokenPurpose
from gateway.ports import Writer
from gateway.store import open_store
from tests.conftest import MovableClock
from tests.support.talk import CREATION, Talk, policy_of, settings

ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz234567"
SECRETS: Final = (b"the key of the instance, in use now", b"the key of the instance before that")
RETIRED: Final = b"a key of the instance, no longer valid"
AGENT: Final = "bob@example.org"
CUSTOMERS: Final = 40
BATCH: Final = 50  # in one transaction: the store gives up on one that takes ten seconds
RAW: Final = 20  # one forgery in so many goes through the parser, too
DISOWNED: Final = "mx.example.org; dmarc=fail header.from=customer.example"


@dataclass
class Known:
    """What a forger knows of the desk."""

    tickets: list[int] = field(default_factory=list)
    customers: list[str] = field(default_factory=list)  # one for each ticket, in the same order
    ids: list[list[str]] = field(default_factory=list)  # Message-IDs of each ticket's mails that have no token
    tokens: list[str] = field(default_factory=list)  # genuine ones, of every purpose


@dataclass
class Forgery:
    """One forged mail: what it claims, and which ticket would be its author's own."""

    mail: ParsedMail
    envelope: Envelope
    own: int | None = None


class Forger:
    """A desk with its customers, and somebody who would like to join their tickets."""

    def __init__(self, folder: Path, seed: int = 0) -> None:
        self.rng = random.Random(seed)
        self.policy = policy_of(settings(), *SECRETS)
        self.clock = MovableClock()
        self.talk = Talk(open_store(f"sqlite:///{folder / 'forge.db'}", clock=self.clock), self.policy)
        self.foreign = TokenKeys(self.rng.randbytes(32))
        self.retired = TokenKeys(RETIRED)
        self.known = Known()

    async def prepare(self) -> None:
        """Let customers write, the desk acknowledge, and an agent be alerted."""
        await self.talk.open()
        await self.talk.agent(AGENT, alerts="all")
        keys = self.policy.keys
        for number in range(CUSTOMERS):
            address = f"ann{number}@customer{number}.example"
            message_id = f"mail{number}.{self.rng.getrandbits(48):x}@customer{number}.example"
            headers = (f"From: Ann <{address}>", f"Message-ID: <{message_id}>", f"Subject: Printer {number} burns")
            ticket = (await self.talk.mail(*headers, body=f"It burns, number {number}.")).ticket_id
            assert ticket is not None
            self.known.tickets.append(int(ticket))
            self.known.customers.append(address)
            self.known.ids.append([message_id])
            self.clock.move(minutes=11)
            for delivery in await self.talk.drafts():
                self.known.tokens += [delivery.message_id.partition("@")[0], delivery.draft.loop_token]
            self.known.tokens += [keys.mint(TokenPurpose.REPLY, ticket), keys.mint(TokenPurpose.BOUNCE, number + 1)]

    # --- forging ----------------------------------------------------------------------------------------------

    def token(self) -> str:
        """Return a token that looks well and is not."""
        rng = self.rng
        genuine = rng.choice(self.known.tokens)
        place = rng.randrange(40)
        match rng.randrange(9):
            case 0:
                return "".join(rng.choices(ALPHABET, k=40))
            case 1:  # one character changed
                return genuine[:place] + rng.choice(ALPHABET.replace(genuine[place], "")) + genuine[place + 1 :]
            case 2:  # the MAC cut short
                return genuine[: rng.randrange(15, 40)]
            case 3:  # the MAC cut short and filled up
                cut = rng.randrange(16, 39)
                tail = "".join(rng.choices(ALPHABET, k=40 - cut))
                return genuine[:cut] + (tail if tail != genuine[cut:] else ALPHABET[: 40 - cut])
            case 4:  # longer
                return genuine + rng.choice(ALPHABET)
            case 5:  # the head of one, the MAC of another
                other = rng.choice([item for item in self.known.tokens if item[:15] != genuine[:15]])
                return genuine[:15] + other[15:]
            case 6:  # of another instance, or of a key that was rotated out
                keys = rng.choice((self.foreign, self.retired))
                return keys.mint(rng.choice(list(TokenPurpose)), rng.choice(self.known.tickets), rng.randrange(1, 90))
            case 7:  # in another case, and one character changed
                mixed = "".join(rng.choice((sign, sign.upper())) for sign in genuine)
                return mixed[:place] + rng.choice(ALPHABET.replace(genuine[place], "")) + mixed[place + 1 :]
            case _:  # a genuine one for another purpose: it proves nothing where it stands
                return self.policy.keys.mint(TokenPurpose.LOOP, rng.choice(self.known.tickets), rng.randrange(1, 90))

    def forgery(self, number: int) -> Forgery:
        """Return one more forgery."""
        rng, known = self.rng, self.known
        place = rng.randrange(CUSTOMERS)
        victim, ticket = known.customers[place], known.tickets[place]
        other = (place + rng.randrange(1, CUSTOMERS)) % CUSTOMERS
        guessed = f"mail{place}.{rng.getrandbits(48):x}@customer{place}.example"
        copied = rng.choice(known.ids[place])
        token = self.token()
        fields: list[Field] = []
        own: int | None = None
        # Who it says that it is, and what that one may know of the ticket.
        match rng.randrange(7):
            case 0:  # the victim, with a Message-ID that had to be guessed
                author, reference = Mailbox("Ann", victim), guessed
            case 1:  # the victim, with a copied one; but the victim's domain disowns the mail
                author, reference = Mailbox("Ann", victim), copied
                fields.append(Field("authentication-results", DISOWNED, 1))
            case 2:  # somebody who takes part in another ticket
                author, reference, own = Mailbox("Ann", known.customers[other]), copied, known.tickets[other]
            case 3:  # the agent
                author, reference = Mailbox("Bob Fox", AGENT), copied
            case 4:  # an address that looks like the victim's
                local, _, domain = victim.partition("@")
                alike = (
                    f"{local}@{domain}.evil.example",
                    f"{local}x@{domain}",
                    f"{local}@cust\u043emer{place}.example",
                )
                author, reference = Mailbox(victim, rng.choice(alike)), copied
            case 5:  # ourselves
                author, reference = Mailbox("Example Support", "support@example.org"), copied
            case _:
                author, reference = Mailbox("Ann", f"eve{number}@elsewhere{number}.example"), copied
        message_id = rng.choice((f"{number}@elsewhere.example", f"{token}@tickets.example.org", reference))
        subjects = (f"Re: [#{ticket}] Printer {place} burns", f"Ticket#{ticket}", f"Re: Printer {place} burns")
        references = [f"{self.token()}@tickets.example.org", reference][:: rng.choice((1, -1))]
        if rng.random() < 0.3:
            fields.append(Field("x-poterne-ref", f"<{self.token()}@tickets.example.org>", 2))
        if rng.random() < 0.3:
            fields.append(Field("x-poterne-loop", self.token(), 3))
        mail = ParsedMail(
            message_id=message_id,
            subject=rng.choice(subjects),
            from_=author,
            from_all=(author,),
            to=(Mailbox("", "support@example.org"),),
            reply_to=(Mailbox("Ann", victim),) if rng.random() < 0.3 else (),
            in_reply_to=(rng.choice((reference, f"{token}@tickets.example.org")),),
            references=tuple(references),
            text=f"Please add me, number {number}.\nref:{self.token()}\n",
            digest=f"forged {number}",
            fields=tuple(fields),
        )
        if number % RAW == 0:
            mail = parse(octets(mail))
        to = CREATION.replace("@", f"+{token}@") if rng.random() < 0.7 else CREATION
        return Forgery(mail, Envelope(rng.choice((victim, author.address, "")), to, self.clock.now()), own)

    def forgeries(self, count: int) -> Iterator[Forgery]:
        """Yield forgeries."""
        return (self.forgery(number) for number in range(count))

    def genuine(self) -> Iterator[Forgery]:
        """Yield mails that must attach, so that a count of none says something: each by one kind of evidence."""
        for place, ticket in enumerate(self.known.tickets):
            keys, victim = self.policy.keys, Mailbox("Ann", self.known.customers[place])
            plain = ParsedMail(
                message_id=f"genuine{place}@customer{place}.example",
                subject=f"Re: Printer {place} burns",
                from_=victim,
                from_all=(victim,),
                text="It still burns.",
                digest=f"genuine {place}",
            )
            here = Envelope(victim.address, CREATION, self.clock.now())
            tagged = CREATION.replace("@", f"+{keys.mint(TokenPurpose.REPLY, ticket).upper()}@")
            before = TokenKeys(SECRETS[1]).mint(TokenPurpose.MESSAGE, ticket, 1)
            yield Forgery(plain, replace(here, rcpt_to=tagged))
            yield Forgery(replace(plain, in_reply_to=(self.known.ids[place][0],)), here)
            yield Forgery(replace(plain, references=(f"{before}@tickets.example.org",)), here)

    # --- judging ----------------------------------------------------------------------------------------------

    async def attached(self, mails: Iterator[Forgery]) -> tuple[int, int]:
        """Judge mails as live mail is judged; return how many there were, and how many joined a ticket."""
        seen = hits = 0
        while batch := [mail for _, mail in zip(range(BATCH), mails, strict=False)]:

            def judge_all(writer: Writer, batch: list[Forgery] = batch) -> int:
                return sum(joins(self.judge(writer, item), item.own) for item in batch)

            seen += len(batch)
            hits += await self.talk.store.inspect(judge_all)
        return seen, hits

    def judge(self, writer: Writer, item: Forgery) -> Plan:
        """Return the plan for one mail."""
        claim = Claim(IntakeId(0), item.envelope, b"", "support", 1, 0)
        facts, key = pipeline.gather(writer, claim, item.mail, self.policy, self.clock.now())
        return decide(item.mail, facts, key, self.policy)


def joins(plan: Plan, own: int | None) -> bool:
    """Tell whether a mail got onto a ticket that is not its author's, in whatever way."""
    on_a_ticket = plan.ticket_id is not None and plan.ticket_id != own
    return on_a_ticket or plan.words is not None or bool(plan.events) or bool(plan.suppress) or bool(plan.linked)


def octets(mail: ParsedMail) -> bytes:
    """Write a forged mail as it would arrive."""
    author = mail.from_
    assert author is not None
    lines = [
        *(f"{item.name}: {item.value}" for item in mail.fields),
        f'From: "{author.name}" <{author.address}>',
        "To: support@example.org",
        *(f"Reply-To: <{box.address}>" for box in mail.reply_to),
        f"Subject: {mail.subject}",
        f"Message-ID: <{mail.message_id}>",
        f"In-Reply-To: <{mail.in_reply_to[0]}>",
        f"References: {' '.join(f'<{item}>' for item in mail.references)}",
        "Content-Type: text/plain; charset=utf-8",
    ]
    return "\r\n".join([*lines, "", mail.text]).encode()
