"""Forwarders as verdicts: what was not counted against a mail, and what should be configured."""

from __future__ import annotations

from typing import Final

from gateway.mail.address import identity
from gateway.model import Verdict
from gateway.rules.auto import WISHES, is_forwarders_wish, keyword, suppress_wishes
from gateway.rules.forwarders import Marker
from gateway.rules.lists import LIST_FIELDS, is_forwarders
from gateway.rules.reading import Evidence, Reading, titled

STAMPED_BY: Final = ": may be of the forwarder "
UNKNOWN: Final = " forwards to us; set "
MAX_NAMED: Final = 20  # configured forwarders that the line to set repeats


def forwarder_named(verdict: Verdict) -> tuple[str, str] | None:
    """Return the forwarder that a stored verdict names, and the YAML line that makes it known: "" if it was known."""
    match verdict.rule:
        case "forwarder-discounted":
            return verdict.because.rpartition(STAMPED_BY)[2], ""
        case "forwarder-not-configured":
            name, _, line = verdict.because.partition(UNKNOWN)
            return name, line.strip("`")
        case _:
            return None


def discounted(reading: Reading) -> Evidence | None:
    """Say which markers were taken for a configured forwarder's and not counted."""
    forwarding = reading.forwarding
    if not forwarding.stamps:
        return None
    found = _stamped(reading, forwarding.stamps)
    if not found:
        return None
    who = forwarding.seen[0]
    return Evidence(f"{', '.join(dict.fromkeys(found))}{STAMPED_BY}{who.name}", who.where)


def doubted(reading: Reading) -> Evidence | None:
    """Match markers that a forwarder may have left which is not configured: they silence, and make no machine."""
    doubts = reading.forwarding.doubts & {Marker.AUTO_GENERATED, Marker.LIST}
    found = _stamped(reading, doubts) if doubts else []
    if not found:
        return None
    who = reading.forwarding.unknown[0]
    return Evidence(f"{', '.join(dict.fromkeys(found))}: may be of {who.name}, which is not configured", who.where)


def _stamped(reading: Reading, stamps: frozenset[Marker]) -> list[str]:
    """Return the markers on this mail that stamps of these kinds may have put there."""
    found: list[str] = []
    if Marker.NULL_SENDER in stamps and reading.has_null_sender:
        found.append("empty envelope sender")
    if Marker.AUTO_GENERATED in stamps:
        found.extend(
            "Auto-Submitted: auto-generated"
            for item in reading.fields("auto-submitted")
            if keyword(item.value) == "auto-generated"
        )
    if Marker.SUPPRESS in stamps:
        found.extend(
            "X-Auto-Response-Suppress"
            for item in reading.fields("x-auto-response-suppress")
            if suppress_wishes(item.value) & WISHES and is_forwarders_wish(reading, item)
        )
    if Marker.LIST in stamps:
        found.extend(
            titled(item.name) for name in LIST_FIELDS for item in reading.fields(name) if is_forwarders(reading, item)
        )
        found.extend("Precedence" for _ in reading.fields("precedence")[:1])
    return found


def not_configured(reading: Reading) -> Evidence | None:
    """Name a forwarder that the configuration does not know, with the YAML line that would make it known."""
    unknown = reading.forwarding.unknown
    if not unknown:
        return None
    who = next((seen for seen in unknown if "@" in seen.name), unknown[0])  # an address says more than a domain
    named = ", ".join(map(_in_yaml, (*reading.forwarding.patterns[:MAX_NAMED], who.name)))
    line = f"queues.{reading.facts.route.queue}.forwarders: [{named}]"
    return Evidence(f"{who.name}{UNKNOWN}`{line}`", who.where)


def author_recovered(reading: Reading) -> Evidence | None:
    """Say that From was a forwarder's rewrite, and who wrote the mail."""
    author = reading.author
    if author is None or not reading.from_was_rewritten or identity(author.address) == identity(reading.from_address):
        return None
    return Evidence(f"From was rewritten to {reading.from_address}; written by {author.address}", "header")


def _in_yaml(item: str) -> str:
    """Return an entry as it may stand in a YAML list: in quotes where its first sign means something there."""
    return item if item[:1].isalnum() else f'"{item}"'
