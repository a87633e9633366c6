"""What the envelope and the trace say."""

from __future__ import annotations

from gateway.rules.forwarders import Marker
from gateway.rules.reading import Evidence, Reading


def null_sender(reading: Reading) -> Evidence | None:
    """Match the empty envelope sender (RFC 5321 §4.5.5: nobody wants an answer), unless a forwarder blanked it.

    The envelope counts, not a Return-Path field: those in the mail anybody can write.
    """
    if not reading.has_null_sender or Marker.NULL_SENDER in reading.forwarding.stamps:
        return None
    return Evidence("the envelope sender is empty", "envelope sender")


def too_many_hops(reading: Reading) -> Evidence | None:
    """Match a mail that travels in a circle. RFC 5321 §6.3 wants at least 100 for refusing; we only hold."""
    hops = len(reading.fields("received"))
    if hops <= reading.facts.max_hops:
        return None
    return Evidence(f"{hops} Received fields, more than {reading.facts.max_hops}", "header")


def hostile_header(reading: Reading) -> Evidence | None:
    """Match bare CR, LF or NUL in the header: programs disagree where such fields begin, so none is believed."""
    return Evidence("control characters in the header", "header") if reading.mail.hostile else None
