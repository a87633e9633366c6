"""Octets to ParsedMail, and drafts to octets. Pure and total: no input raises, nothing is fetched, no clock."""

from __future__ import annotations

from gateway.mail.attachments import content_of
from gateway.mail.headers import to_crlf
from gateway.mail.parse import parse

__all__ = ["content", "parse", "to_crlf"]


def content(raw: bytes, part: str) -> bytes:
    """Return the decoded content of the attachment whose `part` is given; empty if the mail has no such part. Total."""
    try:
        return content_of(raw, part) or b""
    except Exception:  # the same net as parse(): a page that shows a damaged mail stays up
        return b""
