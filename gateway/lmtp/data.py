"""Collects the octets of one DATA phase in bulk: end of data, dot-unstuffing, limits. Pure: octets in, octets out.

Data ends at CRLF.CRLF and nowhere else (RFC 5321 §4.1.1.4): a bare CR or LF, before or after the dot, is content and
stays as it came. What comes out is what the client meant, octet for octet; nothing is added.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from enum import Enum
from typing import Final

_CRLF: Final = b"\r\n"
_DOT: Final = b"\r\n."
_END: Final = b"\r\n.\r\n"
_PARTIAL_ENDS: Final = tuple((_END[:length], length) for length in (4, 3, 2, 1))


class Overrun(Enum):
    """Why the content was thrown away although the rest of it is still read."""

    SIZE = "size"
    BUDGET = "budget"


class DataReader:
    """Reads chunks until the end of data. At any time it holds the content once, and the chunk at hand.

    `limit` is the largest content; `charge` is asked before `n` more octets are kept and may say no.
    """

    __slots__ = ("_charge", "_held", "_kept", "_limit", "_only", "_virtual", "ended", "overrun", "received", "size")

    def __init__(self, limit: int, charge: Callable[[int], bool]) -> None:
        self._limit = limit
        self._charge = charge
        # The line before the first one ended at DATA<CRLF>: a dot may open the first line, too.
        self._held = _CRLF
        self._virtual = True
        self._only = b""
        self._kept: io.BytesIO | None = None
        self.ended = False
        self.received = 0  # octets read from the wire
        self.size = 0  # octets of content, kept or not
        self.overrun: Overrun | None = None

    def feed(self, chunk: bytes) -> bytes | None:
        """Take a chunk. Return None while data goes on, else the octets that follow its end."""
        self.received += len(chunk)
        data = self._held + chunk if self._held else chunk
        # Most chunks of a big mail are base64, which has no dot at all: one fast look for it saves two slow searches.
        dotted = b"." in data and _DOT in data
        end = data.find(_END) if dotted else -1
        if end >= 0:
            self._held, self.ended = b"", True
            self._keep(data[: end + 2], dotted)
            return data[end + 5 :]
        for partial, length in _PARTIAL_ENDS:
            if data.endswith(partial):
                # Perhaps the start of the end; it is judged again together with the next chunk.
                self._held = partial
                self._keep(data[:-length], dotted)
                return None
        self._held = b""
        self._keep(data, dotted)
        return None

    def take(self) -> bytes:
        """Return the content and let go of it."""
        content = self._only if self._kept is None else self._kept.getvalue()  # getvalue() does not copy
        self._only, self._kept = b"", None
        return content

    def _keep(self, data: bytes, dotted: bool) -> None:
        if dotted:
            # RFC 5321 §4.5.2: of a line that starts with a dot, the first dot was added by the client.
            data = data.replace(_DOT, _CRLF)
        if self._virtual and data:
            data, self._virtual = data[2:], False
        if not data:
            return
        self.size += len(data)
        if self.overrun is None:
            if self.size > self._limit:
                self._discard(Overrun.SIZE)
            elif not self._charge(len(data)):
                self._discard(Overrun.BUDGET)
            elif self._kept is not None:
                self._kept.write(data)
            elif not self._only:
                self._only = data
            else:
                self._kept = io.BytesIO()
                self._kept.write(self._only)
                self._kept.write(data)
                self._only = b""

    def _discard(self, why: Overrun) -> None:
        # The client hears of it only after its final dot, so the rest is read and thrown away.
        self.overrun = why
        self._only, self._kept = b"", None
