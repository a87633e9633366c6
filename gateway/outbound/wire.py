"""One connection to an SMTP server: whole replies in, octets out, every wait bounded. It knows no command.

The buffer is ours, so that what a server (or somebody between us) sent before TLS can be seen and refused (T3).
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from dataclasses import dataclass
from typing import cast

from gateway.mail.address import header_safe

MAX_LINE = 4096  # RFC 5321 §4.5.3.1.5 says 512; some servers exceed it
MAX_LINES = 200
MAX_REPLIES = 5000  # unread ones; more than a pipelined transaction has
MAX_TEXT = 400  # characters of a server's words that we keep
CHUNK = 256 << 10
_CODE_DIGITS = 3


class WireTrouble(Exception):
    """The connection is of no more use: refused, cut, silent for too long, not trusted, or not SMTP at all."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole reply: its code, and its lines without code."""

    code: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """Return code and words on one line, safe to show."""
        return header_safe(f"{self.code} {' '.join(self.lines)}", MAX_TEXT)

    @property
    def good(self) -> bool:
        return 200 <= self.code < 300  # noqa: PLR2004 - RFC 5321 §4.2.1: positive completion


class Wire(asyncio.Protocol):
    """The connection. Not to be used by two tasks at once."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._replies: deque[Reply] = deque()
        self._partial: list[str] = []
        self._waiter: asyncio.Future[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._lost = ""  # why there is nothing more to come

    # --- what asyncio calls -----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\n")) >= 0:
            line = bytes(self._buffer[:end]).rstrip(b"\r").decode("utf-8", "replace")
            del self._buffer[: end + 1]
            self._take(line)
        if len(self._buffer) > MAX_LINE or len(self._partial) > MAX_LINES or len(self._replies) > MAX_REPLIES:
            self._lose("the server's answer has no end")
        self._wake()

    def eof_received(self) -> None:
        self._lose("the server closed the connection")

    def connection_lost(self, exc: Exception | None) -> None:
        self._lose(f"the connection was lost: {_reason(exc)}" if exc else "the server closed the connection")

    def pause_writing(self) -> None:
        self._drained = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        self._drained = None

    def _take(self, line: str) -> None:
        """Take one line of a reply (RFC 5321 §4.2: code, then a hyphen in all lines but the last)."""
        code, mark = line[:_CODE_DIGITS], line[_CODE_DIGITS : _CODE_DIGITS + 1]
        if len(code) < _CODE_DIGITS or not (code.isascii() and code.isdigit()) or mark not in {"", " ", "-"}:
            self._lose(f"the server does not speak SMTP: {header_safe(line, 60)!r}")
            return
        self._partial.append(line[_CODE_DIGITS + 1 : MAX_LINE])
        if mark != "-":
            self._replies.append(Reply(int(code), tuple(self._partial)))
            self._partial.clear()

    def _lose(self, why: str) -> None:
        self._lost = self._lost or why
        if self._transport is not None:
            self._transport.abort()
        self._wake()
        self.resume_writing()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # --- what a session calls ---------------------------------------------------------------------------------

    @property
    def usable(self) -> bool:
        """Tell whether nothing was lost, and no reply waits that nobody asked for."""
        return not self._lost and not self._replies and not self._buffer and self._transport is not None

    async def reply(self, seconds: float) -> Reply:
        """Return the next reply. Raises WireTrouble if the connection ends, or the whole reply takes longer."""
        if self._replies:  # of a pipelined group: there is nothing to wait for
            return self._replies.popleft()
        try:
            async with asyncio.timeout(seconds):
                while not self._replies:
                    if self._lost:
                        raise WireTrouble(self._lost)
                    self._waiter = asyncio.get_running_loop().create_future()
                    await self._waiter
        except TimeoutError:
            self.abort()
            raise WireTrouble(f"the server did not answer within {seconds:g} s") from None
        finally:
            self._waiter = None
        return self._replies.popleft()

    def write(self, data: bytes) -> None:
        """Hand octets to the transport without waiting. What is lost shows at the next reply."""
        if self._transport is not None and not self._lost:
            self._transport.write(data)

    async def drain(self, seconds: float) -> None:
        """Wait until the transport takes more. Raises WireTrouble if the connection ended or moves too slowly."""
        if self._drained is None and not self._lost:
            return
        try:
            async with asyncio.timeout(seconds):
                while self._drained is not None and not self._lost:
                    await asyncio.shield(self._drained)
        except TimeoutError:
            self.abort()
            raise WireTrouble(f"the server took nothing for {seconds:g} s") from None
        if self._lost:
            raise WireTrouble(self._lost)

    async def start_tls(self, context: ssl.SSLContext, name: str, seconds: float) -> None:
        """Go on under TLS. Raises WireTrouble if the certificate is not trusted or somebody spoke before TLS (T3)."""
        assert self._transport is not None
        if self._buffer or self._replies or self._partial:
            self.abort()
            raise WireTrouble("the server sent something between STARTTLS and TLS: injected")
        loop = asyncio.get_running_loop()
        try:
            self._transport = await loop.start_tls(
                self._transport, self, context, server_hostname=name, ssl_handshake_timeout=seconds
            )
        except (OSError, TimeoutError) as error:
            self.abort()
            raise WireTrouble(f"no TLS with the server: {_reason(error)}") from None
        if self._transport is None or self._lost or self._buffer or self._replies or self._partial:
            self.abort()
            raise WireTrouble(self._lost or "something was sent in clear during the handshake: injected")

    def abort(self) -> None:
        """Drop the connection at once."""
        self._lose("the connection was given up")

    def close(self) -> None:
        """Close the connection once what was written is sent."""
        self._lost = self._lost or "the connection is closed"
        if self._transport is not None:
            self._transport.close()


async def connect(
    host: str, port: int, seconds: float, context: ssl.SSLContext | None = None, name: str | None = None
) -> Wire:
    """Open a connection; with a context, TLS comes first. Raises WireTrouble."""
    loop = asyncio.get_running_loop()
    wire = Wire()
    try:
        async with asyncio.timeout(seconds):
            await loop.create_connection(lambda: wire, host, port, ssl=context, server_hostname=name)
    except TimeoutError:
        wire.abort()
        raise WireTrouble(f"no connection to {host}:{port} within {seconds:g} s") from None
    except OSError as error:  # refused, no route, no such host, a certificate that is not trusted
        raise WireTrouble(f"no connection to {host}:{port}: {_reason(error)}") from None
    return wire


def _reason(error: BaseException | None) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not trusted: {error.verify_message}"
    return header_safe(str(error) or type(error).__name__, 200)
