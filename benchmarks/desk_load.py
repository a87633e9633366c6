"""Load on a real daemon from outside: mails at a steady rate over LMTP, pages and live streams over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

CONNECTIONS = 20
TEXT = b"It began on Monday, and nobody here can say why the gate does not close.\r\n" * 28  # 2 kB


@dataclass
class Postman:
    """Sends mails of as many authors, each at its time, over kept connections."""

    port: int
    sent: int = 0
    _lines: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=asyncio.Queue)

    async def open(self) -> None:
        """Connect."""
        for _ in range(CONNECTIONS):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            await replies(reader, 1)
            writer.write(b"LHLO bench.example\r\n")
            await replies(reader, 1)
            self._lines.put_nowait((reader, writer))

    async def close(self) -> None:
        """Hang up."""
        while not self._lines.empty():
            self._lines.get_nowait()[1].close()

    async def run(self, seconds: float, rate: float) -> list[float]:
        """Send for so long; return the milliseconds from each mail's time to its 250, waiting for a line included."""
        loop = asyncio.get_running_loop()
        begin, tasks = loop.time(), []
        for number in range(int(seconds * rate)):
            due = begin + number / rate
            await asyncio.sleep(max(0.0, due - loop.time()))
            tasks.append(asyncio.create_task(self._send(due)))
        return await asyncio.gather(*tasks)

    async def _send(self, due: float) -> float:
        self.sent += 1
        number = self.sent
        reader, writer = line = await self._lines.get()
        envelope = f"MAIL FROM:<a{number}@customer.example>\r\nRCPT TO:<support@tickets.example.org>\r\nDATA\r\n"
        writer.write(envelope.encode())
        await replies(reader, 3)
        writer.write(
            f"From: Author {number} <a{number}@customer{number % 997}.example>\r\nTo: support@example.org\r\n"
            f"Subject: Gate {number}\r\nMessage-ID: <{number}.{due}@bench.example>\r\n"
            "Date: Mon, 02 Mar 2026 09:00:00 +0000\r\nMIME-Version: 1.0\r\n\r\n".encode()
            + TEXT
            + b".\r\n"
        )
        await replies(reader, 1)
        taken = (asyncio.get_running_loop().time() - due) * 1000
        self._lines.put_nowait(line)
        return taken


async def replies(reader: asyncio.StreamReader, count: int) -> None:
    """Read so many replies, all of them 2xx or 3xx."""
    while count:
        line = await reader.readline()
        assert line[:1] in {b"2", b"3"}, line
        count -= line[3:4] != b"-"


@dataclass
class Readers:
    """Asks for pages at a steady rate, as many agents together would."""

    port: int
    secrets: Sequence[str]
    paths: Sequence[str]
    taken: list[float] = field(default_factory=list)

    async def run(self, seconds: float, rate: float) -> int:
        """Read for so long; return how many pages came."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        begin, pages = time.monotonic(), 0
        wanted = zip(itertools.cycle(self.paths), itertools.cycle(self.secrets), strict=False)
        for path, secret in itertools.islice(wanted, int(seconds * rate)):
            await asyncio.sleep(max(0.0, begin + pages / rate - time.monotonic()))
            asked = time.monotonic()
            writer.write(request(path, secret, self.port))
            await answer(reader)
            self.taken.append((time.monotonic() - asked) * 1000)
            pages += 1
        writer.close()
        return pages


def request(path: str, secret: str, port: int) -> bytes:
    """Return a signed-in browser's request."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: poterne={secret}\r\n\r\n".encode()


async def answer(reader: asyncio.StreamReader) -> None:
    """Read an answer of 200 with a length."""
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(int(length.partition(b":")[2]))


@contextlib.asynccontextmanager
async def streams(port: int, secrets: Sequence[str]) -> AsyncIterator[list[int]]:
    """Listen to the live stream of every agent; yield a list of how many octets each has heard."""
    heard = [0] * len(secrets)

    async def listen(number: int, secret: str) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(request("/live", secret, port))
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
            while octets := await reader.read(65536):
                heard[number] += len(octets)
        finally:
            writer.close()

    tasks = [asyncio.create_task(listen(number, secret)) for number, secret in enumerate(secrets)]
    try:
        yield heard
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
