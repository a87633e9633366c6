"""Signatures of Standard Webhooks 1.0: HMAC-SHA-256 over id, time and octets. Pure."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from hmac import digest


def signature(keys: Sequence[bytes], key: str, timestamp: int, payload: bytes) -> str:
    """Return the value of `webhook-signature`: one signature for each key, so that keys can be rotated."""
    signed = f"{key}.{timestamp}.".encode() + payload
    return " ".join(f"v1,{b64encode(digest(secret, signed, 'sha256')).decode()}" for secret in keys)


def headers(keys: Sequence[bytes], key: str, timestamp: int, payload: bytes) -> dict[str, str]:
    """Return the headers of one attempt. `key` names the event in every attempt; the time is that of this one."""
    return {
        "webhook-id": key,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(keys, key, timestamp, payload),
    }
