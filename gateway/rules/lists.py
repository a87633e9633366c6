"""Mailing lists, newsletters and bulk mailers. The list that stands before our own inbox is a forwarder."""

from __future__ import annotations

from typing import Final

from gateway.rules.forwarders import Marker
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
    """Match the fields of lists (RFC 2369 §3, RFC 2919 §3)."""
    if reading.forwarding.stamped(Marker.LIST):
        return None
    for name in LIST_FIELDS:
        if found := reading.fields(name):
            return reading.seen(found[0])
    return None


def newsletter(reading: Reading) -> Evidence | None:
    """Notice a one-click list (RFC 8058 §2) that no token ties to us: its ticket can wait."""
    if reading.forwarding.stamped(Marker.LIST) or reading.is_vouched_for:
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
