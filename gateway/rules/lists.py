"""Mailing lists, newsletters and bulk mailers. The list that stands before our own inbox is a forwarder."""

from __future__ import annotations

from typing import Final

from gateway.model import Field
from gateway.rules.forwarders import Marker, Trace
from gateway.rules.reading import Evidence, Reading

LIST_FIELDS: Final = ("list-id", "list-post", "list-unsubscribe", "mailing-list")
BULK_FIELDS: Final = (
    "feedback-id",
    "x-msfbl",
    "x-csa-complaints",
    "x-mailgun-sid",
    "x-mailgun-tag",
    "x-sg-eid",
    "x-sg-id",
)


def list_fields(reading: Reading) -> Evidence | None:
    """Match the fields of lists (RFC 2369 §3, RFC 2919 §3), but for those that a configured list put there."""
    for name in LIST_FIELDS:
        for item in reading.fields(name):
            if not is_forwarders(reading, item):
                return reading.seen(item)
    return None


def is_forwarders(reading: Reading, item: Field) -> bool:
    """Tell whether a list field is that of the list in front of our inbox: it names it, or its domain."""
    if not reading.may_be_a_forwarders(Marker.LIST):
        return False
    value = item.value[:500].lower()
    forwarding = reading.forwarding
    names = [seen.name for seen in (*forwarding.seen, *forwarding.unknown) if seen.trace is Trace.LIST]
    return "googlegroups" in value or any(name.rpartition("@")[2] in value for name in names)


def newsletter(reading: Reading) -> Evidence | None:
    """Notice a one-click list (RFC 8058 §2) that no token ties to us: its ticket can wait."""
    if reading.is_vouched_for:
        return None
    for item in reading.fields("list-unsubscribe-post"):
        if "one-click" in item.value.lower():
            return reading.seen(item)
    return None


def bulk_mailer(reading: Reading) -> Evidence | None:
    """Notice the fields of bulk mailers; some people's programs send through them, so this is weak."""
    for name in BULK_FIELDS:
        if found := reading.fields(name):
            return reading.seen(found[0])
    return None
