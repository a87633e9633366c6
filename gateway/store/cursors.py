"""Cursors of paged lists: the key and the number of the last row, as one opaque word."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

END = 2**62  # beyond every key
LONGEST = 100


def encode(key: int, number: int) -> str:
    """Return a cursor."""
    return urlsafe_b64encode(f"{key}.{number}".encode()).decode().rstrip("=")


def read_cursor(text: str | None) -> tuple[int, int] | None:
    """Return what a cursor says; one that says nothing begins anew."""
    if not text or len(text) > LONGEST or not text.isascii():
        return None
    try:
        key, _, number = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii").partition(".")
        found = int(key), int(number)
    except ValueError:
        return None
    return found if all(0 <= part <= END for part in found) else None
