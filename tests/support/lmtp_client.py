"""An LMTP client that says exactly what a test tells it to, and shows exactly what came back.

smtplib's reads one reply after DATA; this one reads as many as it is asked for, and notices one too many.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

PATIENCE = 10.0  # seconds that a test waits for a reply


@dataclass(frozen=True)
class Answer:
    """One reply, all its lines."""

    code: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return self.lines[-1]

    @property
    def status(self) -> str:
        """The enhanced status, such as 5.1.1."""
        return self.lines[-1].split(" ")[1]


class Disconnected(ConnectionError):
    """The server closed the connection where a reply was expected."""


def stuffed(content: bytes) -> bytes:
    """Return content as it goes over the wire: dots doubled (RFC 5321 §4.5.2), CRLF.CRLF at the end."""
    doubled = (b"\r\n" + content).replace(b"\r\n.", b"\r\n..")[2:]
    return doubled + (b"" if doubled.endswith(b"\r\n") or not doubled else b"\r\n") + b".\r\n"


class LmtpClient:
    """`async with LmtpClient("127.0.0.1:8024") as client`; a path with slashes is a unix socket."""

    def __init__(self, where: str, *, greet: bool = True) -> None:
        self.where = where
        self._greet = greet

    async def __aenter__(self) -> Self:
        await self.connect()
        if self._greet:
            assert (await self.answer()).code == 220
            assert (await self.command("LHLO client.example.org")).code == 250
        return self

    async def __aexit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None):
        await self.close()

    async def connect(self) -> None:
        if "/" in self.where:
            self.reader, self.writer = await asyncio.open_unix_connection(self.where.removeprefix("unix:"))
        else:
            host, _, port = self.where.rpartition(":")
            self.reader, self.writer = await asyncio.open_connection(host, int(port))

    async def close(self) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except OSError:
            return  # it was gone already

    def abort(self) -> None:
        """Cut the connection without a word."""
        self.writer.transport.abort()

    def send(self, octets: bytes) -> None:
        self.writer.write(octets)

    async def answer(self) -> Answer:
        """Read one reply."""
        lines: list[str] = []
        while True:
            line = await asyncio.wait_for(self.reader.readline(), PATIENCE)
            if not line:
                raise Disconnected(f"after {lines}")
            assert line.endswith(b"\r\n"), line
            lines.append(line[:-2].decode())
            if line[3:4] != b"-":
                return Answer(int(line[:3]), tuple(lines))

    async def answers(self, count: int) -> list[Answer]:
        return [await self.answer() for _ in range(count)]

    async def command(self, line: str) -> Answer:
        self.send(line.encode() + b"\r\n")
        return await self.answer()

    async def deliver(self, mail_from: str, recipients: Sequence[str], content: bytes) -> list[Answer]:
        """Send one mail, pipelined. Returns one answer per recipient: its refusal, or its final reply."""
        names = [f"MAIL FROM:<{mail_from}>", *(f"RCPT TO:<{recipient}>" for recipient in recipients), "DATA"]
        self.send("".join(f"{name}\r\n" for name in names).encode())
        sender, *rcpts, start = await self.answers(len(names))
        if start.code == 354:
            self.send(stuffed(content))
            finals = [await self.answer() if rcpt.code == 250 else rcpt for rcpt in rcpts]
            await self.nothing_more()
            return finals
        await self.command("RSET")
        return [rcpt if rcpt.code != 250 else start for rcpt in rcpts] if sender.code == 250 else [sender] * len(rcpts)

    async def nothing_more(self) -> None:
        """Check that no further reply is under way: NOOP is answered next."""
        answer = await self.command("NOOP")
        assert answer.text == "250 2.0.0 OK" or answer.code == 421, f"an answer too many: {answer}"

    async def rest(self) -> bytes:
        """Read until the server closes."""
        try:
            return await asyncio.wait_for(self.reader.read(), PATIENCE)
        except ConnectionResetError:
            return b""
