"""A mail made ready for judging: header fields indexed once, forwarders' stamps set apart, the true author found.

Rules do not know each other; what they share is this one frozen view. Pure and total.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final, NamedTuple

from gateway.mail.address import identity, is_valid, normal, parse_mailboxes
from gateway.model import Effect, Facts, Field, Mailbox, ParsedMail
from gateway.rules.forwarders import Forwarding, Marker, read_forwarding
from gateway.rules.robots import is_robot

MAX_VALUE: Final = 4096  # characters of a header field that a rule looks at
MAX_SHOWN: Final = 80  # characters of it that evidence shows


class Evidence(NamedTuple):
    """What a rule saw, and where in the mail."""

    because: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table. `meaning` is the sentence that people read when the rule silences us.

    A `firm` rule counts even where an operator said "treat as human".
    """

    name: str
    effect: Effect
    check: Callable[[Reading], Evidence | None]
    meaning: str
    firm: bool = False


class Reading:
    """A mail with its facts, as rules look at it."""

    def __init__(self, mail: ParsedMail, facts: Facts) -> None:
        """Index the header fields by name; everything else is read when a rule asks for it."""
        self.mail = mail
        self.facts = facts
        index: dict[str, list[Field]] = {}
        for item in mail.fields:
            known = index.get(item.name)
            if known is None:
                index[item.name] = [item]
            else:
                known.append(item)
        self.index = index

    # --- header fields ---------------------------------------------------------------------------------------

    def fields(self, name: str) -> list[Field]:
        """Return the fields of this name (lower case), topmost first."""
        return self.index.get(name, [])

    def has(self, name: str) -> bool:
        """Tell whether the mail has a field of this name."""
        return name in self.index

    def value(self, name: str) -> str:
        """Return the topmost value of this name, or the empty string."""
        found = self.index.get(name)
        return found[0].value[:MAX_VALUE] if found else ""

    def seen(self, item: Field) -> Evidence:
        """Return a field as evidence, as it stands in the mail."""
        return Evidence(f"{titled(item.name)}: {shown(item.value)}", f"line {item.line}")

    # --- who -------------------------------------------------------------------------------------------------

    @cached_property
    def forwarding(self) -> Forwarding:
        """Return who forwarded the mail, and which markers a configured forwarder may have stamped on it."""
        return read_forwarding(self.index, self.mail, self.facts)

    def may_be_a_forwarders(self, marker: Marker) -> bool:
        """Tell whether a marker may be a forwarder's stamp: a configured one's, or one's that is not configured yet."""
        return marker in self.forwarding.stamps or marker in self.forwarding.doubts

    def is_own(self, address: str) -> bool:
        """Tell whether an address is ours (inbox, creation address, From, account), whatever its plus-tag."""
        own = self.facts.own_addresses
        if not own or self.is_agent(address):
            return False
        return normal(address) in own or identity(address) in _folded(own)

    def is_agent(self, address: str) -> bool:
        """Tell whether an address is an agent's: a person of ours, who may also write as a customer."""
        return bool(self.facts.stored.agents) and identity(address) in _folded(self.facts.stored.agents)

    @cached_property
    def from_is_ours(self) -> bool:
        """Tell whether From shows an address of ours: a loop, a forgery, a web form, or a forwarder's rewrite."""
        return self.mail.from_ is not None and self.is_own(self.mail.from_.address)

    @cached_property
    def from_was_rewritten(self) -> bool:
        """Tell whether a configured forwarder put itself into From (lists do so where DMARC forbids to keep it)."""
        box = self.mail.from_
        if box is None or not self.forwarding.configured:
            return False
        return self.from_is_ours or (self.keeps_author and self.forwarding.names(box.address))

    @cached_property
    def keeps_author(self) -> bool:
        """Tell whether a forwarder kept the author in a field of its own."""
        return self.has("x-original-from") or self.has("x-original-sender")

    @cached_property
    def author(self) -> Mailbox | None:
        """Return who wrote the mail: From, or what a forwarder kept of it. None if only we or nobody is named."""
        box = self.mail.from_ or self.mail.sender
        if box is not None and not self.from_is_ours and not self.from_was_rewritten:
            if not is_valid(box.address):
                return None
            # A web form: the sender is a machine that the operator configured, the person stands in Reply-To.
            if self.is_form and self.forwarding.configures(box.address):
                return self._person(self.mail.reply_to) or box
            return box
        kept = [
            *(b for name in ("x-original-from", "x-original-sender") for b in parse_mailboxes(self.value(name))),
            *self.mail.reply_to,
        ]
        found = self._person(kept)
        if found is not None and not found.name and box is not None:
            return Mailbox(_without_via(box.name), found.address)
        return found

    @cached_property
    def author_is_hearsay(self) -> bool:
        """Tell whether the author is only named by a field that anybody may write beside an address of ours in From.

        Then the author's own domain was never asked (DMARC looks at From), so nobody becomes a participant by it (I5).
        """
        return self.from_is_ours and not self.from_was_rewritten and self.author is not None

    @cached_property
    def requester(self) -> Mailbox | None:
        """Return whom an answer goes to: Reply-To, else the author. Never the Return-Path, never an own address.

        RFC 3834 §4 answers to the Return-Path. Deviation: behind a forwarder that is an SRS or `+caf_=` address, or the
        inbox itself, and answering it makes the very loops that the rule wants to prevent.
        """
        author = self.author
        asked = self._person(self.mail.reply_to)
        if asked is None:
            return author
        if author is not None:
            if is_robot(asked.address) and not is_robot(author.address):
                return author
            if not asked.name and normal(asked.address) == normal(author.address):
                return author
        return asked

    @cached_property
    def is_form(self) -> bool:
        """Tell whether this looks like a web form's mail: a machine in From, a person in Reply-To."""
        box = self.mail.from_
        asked = self._person(self.mail.reply_to)
        return bool(box and asked and is_robot(box.address) and not is_robot(asked.address))

    def _person(self, boxes: tuple[Mailbox, ...] | list[Mailbox]) -> Mailbox | None:
        """Return the first mailbox that is not ours, not a forwarder's, and not the list's own posting address."""
        posting = self.value("list-post").lower()
        for box in boxes[:5]:
            address = box.address
            if not is_valid(address) or self.is_own(address) or self.forwarding.names(address):
                continue
            if posting and f"mailto:{address.lower()}" in posting:
                continue
            return box
        return None

    # --- what it refers to -----------------------------------------------------------------------------------

    @cached_property
    def from_address(self) -> str:
        """Return the address in From as written, or the empty string."""
        return self.mail.from_.address if self.mail.from_ else ""

    @cached_property
    def has_null_sender(self) -> bool:
        """Tell whether the envelope sender is empty.

        Fetched and explained mails have no envelope of their own: there the mail has to say so, and a missing
        Return-Path says nothing.
        """
        envelope = self.facts.envelope
        if envelope.mail_from.strip("<> "):
            return False
        return envelope.source not in {"imap", "explain"} or self.has("return-path")

    @cached_property
    def subject(self) -> str:
        """Return the start of the subject, case folded."""
        return self.mail.subject[:200].strip().casefold()

    @cached_property
    def is_vouched_for(self) -> bool:
        """Tell whether a verified token of ours ties the mail to something that we sent."""
        tokens = self.facts.tokens
        return bool(tokens.recipient or tokens.references or tokens.body or tokens.reported)


def titled(name: str) -> str:
    """Return a field name as people write it."""
    return "-".join(word.capitalize() for word in name.split("-"))


def shown(value: str) -> str:
    """Return a header value short and on one line."""
    text = " ".join(value[:MAX_VALUE].split())
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"


@lru_cache(maxsize=16)
def _folded(addresses: frozenset[str]) -> frozenset[str]:
    return frozenset(identity(address) for address in addresses)


def _without_via(name: str) -> str:
    """Return the display name without what Google Groups adds: `'Ann Lee' via Support` is Ann Lee."""
    person, via, _ = name.rpartition(" via ")
    return person.strip(" '\"") if via else name
