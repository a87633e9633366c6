"""Who forwarded a mail, and which markers are theirs. A forwarded inbox is the normal way in, not a reason for silence.

Anybody can forge these traces: they lift only suppression, never a limit (I2), and they attach nothing (I5).

=====================  ==============================================================================
forwarder              what it leaves
=====================  ==============================================================================
Gmail                  envelope sender `user+caf_=…`, X-Forwarded-For
Microsoft 365 rule     X-MS-Exchange-Inbox-Rules-Loop; may stamp `Auto-Submitted: auto-generated`
Microsoft 365 mailbox  SRS envelope sender, Resent-From, X-MS-Exchange-ForwardingLoop
Google Group, list     List-*, Precedence, X-BeenThere; From may be rewritten to the list's address
Exchange list          X-Auto-Response-Suppress; named only in To, Cc or Delivered-To
.forward, cPanel       empty envelope sender; named only in Delivered-To, X-Original-To, To or Cc
=====================  ==============================================================================
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from gateway.mail.address import matches, normal, organisation
from gateway.model import Facts, Field, ParsedMail

MAX_NAMES: Final = 40  # addresses of one mail that are compared with the forwarders


class Trace(StrEnum):
    """By what a forwarder was seen."""

    GMAIL = "gmail"
    RULE = "exchange-rule"
    MAILBOX = "exchange-mailbox"
    RESENT = "resent"
    SRS = "srs"
    LIST = "list"
    NAMED = "named"  # in To, Cc, Delivered-To or X-Original-To: good enough for those who are configured


class Marker(StrEnum):
    """What a forwarder may have stamped on a person's mail."""

    NULL_SENDER = "null-sender"
    AUTO_GENERATED = "auto-generated"
    SUPPRESS = "suppress"
    LIST = "list"  # List-* and Precedence


STAMPS: Final[Mapping[Trace, frozenset[Marker]]] = {
    Trace.GMAIL: frozenset({Marker.NULL_SENDER}),
    Trace.RULE: frozenset({Marker.NULL_SENDER, Marker.AUTO_GENERATED, Marker.SUPPRESS}),
    Trace.MAILBOX: frozenset({Marker.NULL_SENDER, Marker.SUPPRESS}),
    Trace.RESENT: frozenset({Marker.NULL_SENDER, Marker.SUPPRESS}),
    Trace.SRS: frozenset({Marker.NULL_SENDER, Marker.SUPPRESS}),
    Trace.LIST: frozenset({Marker.NULL_SENDER, Marker.SUPPRESS, Marker.LIST}),
    Trace.NAMED: frozenset({Marker.NULL_SENDER, Marker.SUPPRESS}),
}


@dataclass(frozen=True, slots=True)
class Seen:
    """One forwarder that left a trace: an address, or a List-Id, or a domain for SRS."""

    name: str
    trace: Trace
    where: str


@dataclass(frozen=True, slots=True)
class Forwarding:
    """Who forwarded a mail: the configured ones, and others that look as if they should be configured.

    `stamps` are the markers that the former may have left, `doubts` those that the latter may. Until a forwarder is
    configured, its stamps silence us. They make no machine of a person: anybody can forge the traces, and wins by it an
    agent who looks at the mail.
    """

    seen: tuple[Seen, ...] = ()
    unknown: tuple[Seen, ...] = ()
    stamps: frozenset[Marker] = frozenset()
    patterns: tuple[str, ...] = ()
    doubts: frozenset[Marker] = frozenset()

    @property
    def configured(self) -> bool:
        """Tell whether a configured forwarder was seen."""
        return bool(self.seen)

    def names(self, address: str) -> bool:
        """Tell whether a forwarder is configured by exactly this address (a domain stands for people, too)."""
        return normal(address) in _addresses(self.patterns)

    def configures(self, address: str) -> bool:
        """Tell whether any entry of `forwarders` covers this address."""
        return any(matches(pattern, address) for pattern in self.patterns if "*" in pattern or "@" in pattern)


def read_forwarding(index: Mapping[str, list[Field]], mail: ParsedMail, facts: Facts) -> Forwarding:
    """Find the forwarders in a mail's traces. Of a hostile mail no header vouches for anything."""
    patterns = facts.forwarders
    if mail.hostile:
        return Forwarding(patterns=patterns)
    traces = list(_traces(index, facts))
    seen = [trace for trace in traces if is_configured(trace.name, patterns)]
    if patterns:
        seen.extend(Seen(name, Trace.NAMED, where) for name, where in _named(index, mail, patterns))
    known = {trace.name for trace in seen}
    unknown = tuple(t for t in traces if t.name not in known and _is_for_us(t, index, mail, facts)) if not seen else ()
    return Forwarding(tuple(seen), unknown, _stamps(seen, index), patterns, _stamps(unknown, index))


def _stamps(seen: Iterable[Seen], index: Mapping[str, list[Field]]) -> frozenset[Marker]:
    found = frozenset[Marker]().union(*(STAMPS[trace.trace] for trace in seen))
    # Exchange says so itself when a mailbox rule made the message anew.
    return found | {Marker.AUTO_GENERATED} if found and "x-ms-exchange-generated-message-source" in index else found


# --- traces ---------------------------------------------------------------------------------------------------

_CAF = re.compile(r"\A([^+@]{1,64})\+caf_=([^@]{1,250})@([^@]{1,250})\Z", re.IGNORECASE)
_SRS = re.compile(r"\ASRS[01][=+-].{1,250}=.{1,250}@([^@]{1,250})\Z", re.IGNORECASE)
_ADDRESS = re.compile(r"[^\s<>,;:\"()@]{1,64}@[^\s<>,;:\"()@]{1,190}")
_BRACKETS = re.compile(r"<([^<>]{1,200})>")


def _traces(index: Mapping[str, list[Field]], facts: Facts) -> Iterator[Seen]:
    """Yield the forwarders that the envelope and the header name as such."""
    mail_from = facts.envelope.mail_from
    if match := _CAF.match(mail_from):
        yield Seen(f"{match[1]}@{match[3]}".lower(), Trace.GMAIL, "envelope sender")
    elif match := _SRS.match(mail_from):
        yield Seen(match[1].lower(), Trace.SRS, "envelope sender")
    for name, trace in _TRACE_FIELDS:
        for item in index.get(name, ())[:3]:
            if found := _ADDRESS.search(item.value[:500]):
                yield Seen(found[0].lower(), trace, f"line {item.line}")
    for item in index.get("list-id", ())[:3]:
        # RFC 2919 §3: the identifier stands in angle brackets behind an optional phrase
        found = _BRACKETS.search(item.value[:500])
        yield Seen((found[1] if found else item.value[:200]).strip().lower(), Trace.LIST, f"line {item.line}")


_TRACE_FIELDS: Final = (
    ("x-forwarded-for", Trace.GMAIL),
    ("x-ms-exchange-inbox-rules-loop", Trace.RULE),
    ("x-ms-exchange-forwardingloop", Trace.MAILBOX),
    ("resent-from", Trace.RESENT),
    ("x-beenthere", Trace.LIST),
)


def _named(index: Mapping[str, list[Field]], mail: ParsedMail, patterns: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield configured forwarders that a mail shows as a recipient on its way."""
    addresses = _addresses(patterns)
    for name in ("delivered-to", "x-original-to", "envelope-to"):
        for item in index.get(name, ())[:5]:
            address = item.value.strip(" <>").lower()
            if address in addresses or normal(address) in addresses:
                yield address, f"line {item.line}"
    for box in (*mail.to, *mail.cc)[:MAX_NAMES]:
        if normal(box.address) in addresses:
            yield normal(box.address), "To or Cc"


def is_configured(name: str, patterns: tuple[str, ...]) -> bool:
    """Tell whether an address, List-Id or domain is among the forwarders. A List-Id is its address with a dot for @."""
    if not patterns:
        return False
    if "@" in name and any(matches(pattern, name) for pattern in patterns):
        return True
    bare = (pattern.lower().strip("<>").removeprefix("@") for pattern in patterns)
    return any(name.replace("@", ".") == pattern.replace("@", ".") for pattern in bare)


def _is_for_us(trace: Seen, index: Mapping[str, list[Field]], mail: ParsedMail, facts: Facts) -> bool:
    """Tell whether an unconfigured forwarder is worth a word: it forwards *to us*, it is no newsletter."""
    if trace.trace is Trace.LIST:
        # Every newsletter has a List-Id. Ours is the list that stands under a domain of ours.
        return _is_our_domain(trace.name, facts)
    if trace.trace is Trace.GMAIL:
        return _forwards_to_us(index, facts)
    if trace.trace is Trace.RULE:
        # Exchange's out-of-office carries its own author there, and that is no forwarder.
        return mail.from_ is None or normal(mail.from_.address) != normal(trace.name)
    if trace.trace in {Trace.SRS, Trace.RESENT}:
        return _is_our_domain(trace.name, facts) or "x-ms-exchange-forwardingloop" in index
    return True


def _forwards_to_us(index: Mapping[str, list[Field]], facts: Facts) -> bool:
    """Tell whether Gmail's traces name an address of ours as the target, and not somebody on the mail's earlier way."""
    targets = [item.value for name in ("x-forwarded-to", "x-forwarded-for") for item in index.get(name, ())[:3]]
    named = " ".join([facts.envelope.mail_from, *targets])[:2000].lower()
    ours = {normal(facts.envelope.rcpt_to), normal(facts.route.creation_address), *facts.own_addresses}
    return any(address and (address in named or address.replace("@", "=") in named) for address in ours)


def _is_our_domain(name: str, facts: Facts) -> bool:
    domain = name.rpartition("@")[2]
    return any(domain == own or domain.endswith("." + own) for own in _domains(facts.own_addresses))


@lru_cache(maxsize=16)
def _domains(addresses: frozenset[str]) -> frozenset[str]:
    """Return the domains that are ours: an account at a free-mail provider makes not the provider ours."""
    return frozenset(filter(None, (organisation(address) for address in addresses)))


@lru_cache(maxsize=64)
def _addresses(patterns: tuple[str, ...]) -> frozenset[str]:
    return frozenset(normal(pattern) for pattern in patterns if "@" in pattern.lstrip("@") and "*" not in pattern)
