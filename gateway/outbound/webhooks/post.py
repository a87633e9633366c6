"""One POST over HTTP/1.1 on a connection of its own. Bounded in time by the caller, in octets here.

No redirect is followed and no proxy is asked: what is dialled is the address in the configuration, and nothing that a
receiver says leads anywhere else.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import h11

LARGEST_HEAD = 32 << 10  # octets of an answer's status line and headers
LARGEST_BODY = 2 << 10  # octets of an answer's body that are read; the rest is not waited for
BLOCK = 8 << 10
PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Target:
    """Where a webhook listens. `context` is None for plain HTTP, which the configuration allows on loopback alone."""

    host: str
    port: int
    path: str
    authority: str  # the value of Host (RFC 9112 §3.2)
    context: ssl.SSLContext | None

    @classmethod
    def of(cls, url: str, context: ssl.SSLContext) -> Target:
        """Read a URL that `check` has accepted."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = parts.port or PORTS[parts.scheme]
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        named = f"[{host}]" if ":" in host else host
        authority = named if port == PORTS[parts.scheme] else f"{named}:{port}"
        return cls(host, port, path, authority, context if parts.scheme == "https" else None)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver answered, and the first octets of it."""

    status: int
    reason: str
    body: bytes
    retry_after: str = ""


class NoAnswer(Exception):
    """There was no answer; `sent` says whether the whole request had gone out, so that it may have arrived."""

    def __init__(self, because: str, *, sent: bool) -> None:
        super().__init__(because)
        self.sent = sent


async def post(target: Target, headers: Mapping[str, str], payload: bytes, seconds: float) -> Answer:
    """Post once, within so many seconds. Raises NoAnswer."""
    progress = Progress()
    try:
        async with asyncio.timeout(seconds):
            return await exchange(target, headers, payload, progress)
    except TimeoutError:
        raise NoAnswer(f"no answer within {seconds:g} s", sent=progress.sent) from None
    except ssl.SSLCertVerificationError as error:
        raise NoAnswer(f"its certificate is not trusted: {error.verify_message}", sent=False) from None
    except (OSError, EOFError) as error:
        because = str(error) or type(error).__name__
        raise NoAnswer(f"no connection: {because}", sent=progress.sent) from None
    except h11.ProtocolError as error:
        raise NoAnswer(f"it does not speak HTTP/1.1: {error}", sent=progress.sent) from None


@dataclass(slots=True)
class Progress:
    """How far a request got."""

    sent: bool = False


async def exchange(target: Target, headers: Mapping[str, str], payload: bytes, progress: Progress) -> Answer:
    """Connect, send, read the answer's head and the beginning of its body, and hang up."""
    reader, writer = await asyncio.open_connection(
        target.host, target.port, ssl=target.context, server_hostname=target.host if target.context else None
    )
    try:
        connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=LARGEST_HEAD)
        fields = [
            ("host", target.authority),
            ("content-type", "application/json"),
            ("content-length", str(len(payload))),
            ("connection", "close"),
            *headers.items(),
        ]
        request = h11.Request(method="POST", target=target.path, headers=fields)
        for event in (request, h11.Data(data=payload), h11.EndOfMessage()):
            writer.write(connection.send(event) or b"")
        progress.sent = True  # a part of it may have arrived from here on
        await writer.drain()
        return await read_answer(connection, reader)
    finally:
        writer.transport.abort()  # nothing more is asked, and nobody waits for a goodbye


async def read_answer(connection: h11.Connection, reader: asyncio.StreamReader) -> Answer:
    """Read the answer's head and at most so much of its body."""
    answer: h11.Response | None = None
    body = bytearray()
    while len(body) < LARGEST_BODY:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(BLOCK))
        elif isinstance(event, h11.Response):
            answer = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
            break
    if answer is None:
        raise EOFError("it closed the connection without an answer")
    found = {name: value.decode("latin-1") for name, value in answer.headers}
    reason = answer.reason.decode("latin-1")
    return Answer(answer.status_code, reason, bytes(body[:LARGEST_BODY]), found.get(b"retry-after", ""))
