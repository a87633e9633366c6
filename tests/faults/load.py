"""LMTP clients with a ledger: a mail counts as delivered only once its 250 was read; everything else is sent again."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import random
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Mail:
    """One mail of the load: unique author, id and body, so that every mail is a ticket of its own."""

    number: int
    queue: str
    content: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def sender(self) -> str:
        return f"customer@n{self.number}.test"

    @property
    def recipient(self) -> str:
        return f"{self.queue}@tickets.example.org"


def make_mail(number: int, queue: str, size: int = 0) -> Mail:
    """Return a mail that a person might have written."""
    rng = random.Random(number)
    words = " ".join(rng.choice(["printer", "invoice", "broken", "please", "thanks", "again"]) for _ in range(20))
    filling = "".join(f"{words}\r\n" for _ in range(size // 120))
    text = (
        f"From: Customer {number} <customer@n{number}.test>\r\nTo: <{queue}@example.org>\r\n"
        f"Subject: Question {number}\r\nDate: Mon, 04 May 2026 10:00:00 +0200\r\n"
        f"Message-ID: <{number}.{rng.getrandbits(64):x}@n{number}.test>\r\n\r\n"
        f"This is question {number}: {words}\r\n{filling}"
    )
    return Mail(number, queue, text.encode())


@dataclass
class Ledger:
    """What was promised to us: mail -> the number of 250s that we read for it."""

    sent: dict[int, Mail] = field(default_factory=dict)
    promised: dict[int, Mail] = field(default_factory=dict)
    unanswered: list[Mail] = field(default_factory=list)
    replies: dict[str, int] = field(default_factory=dict)
    resent: int = 0

    def count(self, reply: str) -> None:
        self.replies[reply[:3]] = self.replies.get(reply[:3], 0) + 1


class Load:
    """Any number of clients that share a ledger. Unanswered mails are sent again first, as Postfix would."""

    def __init__(self, port: int, queues: tuple[str, ...], *, size: int = 0, pause: float = 0.0) -> None:
        self.port = port
        self.queues = queues
        self.size = size
        self.pause = pause
        self.ledger = Ledger()
        self.only_resend = False
        self.refused = 0  # connections
        self._numbers = itertools.count(1)

    def _next(self) -> Mail | None:
        if self.ledger.unanswered:
            self.ledger.resent += 1
            return self.ledger.unanswered.pop()
        if self.only_resend:
            return None
        number = next(self._numbers)
        mail = make_mail(number, self.queues[number % len(self.queues)], self.size)
        self.ledger.sent[number] = mail
        return mail

    async def run(self, clients: int, until: asyncio.Event) -> None:
        """Send until told to stop; after that every mail has its 250 or is listed as unanswered."""
        await asyncio.gather(*(self._client(until) for _ in range(clients)))

    async def _client(self, until: asyncio.Event) -> None:
        while not until.is_set():
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                self.refused += 1
                await asyncio.sleep(0.02)
                continue
            try:
                await self._session(reader, writer, until)
            except (OSError, EOFError):
                await asyncio.sleep(0.01)
            finally:
                writer.close()

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, until: asyncio.Event) -> None:
        await reply(reader)
        writer.write(b"LHLO load.test\r\n")
        await reply(reader)
        while not until.is_set():
            mail = self._next()
            if mail is None:
                return
            try:
                answer = await send(reader, writer, mail)
            except BaseException:
                self.ledger.unanswered.append(mail)
                raise
            self.ledger.count(answer)
            if answer.startswith("250"):
                self.ledger.promised[mail.number] = mail
            else:
                self.ledger.unanswered.append(mail)
                await asyncio.sleep(0.05)
            if self.pause:
                await asyncio.sleep(self.pause)
        writer.write(b"QUIT\r\n")


async def reply(reader: asyncio.StreamReader) -> str:
    """Read one reply, which may have several lines. Raises EOFError if the server is gone."""
    while True:
        line = (await reader.readline()).decode("latin-1")
        if not line.endswith("\n"):
            raise EOFError("connection lost")
        if line[3:4] != "-":
            return line.strip()


async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, mail: Mail) -> str:
    """Send one mail with pipelined commands; return the reply to its final dot, or the first refusal."""
    writer.write(f"MAIL FROM:<{mail.sender}>\r\nRCPT TO:<{mail.recipient}>\r\nDATA\r\n".encode())
    answers = [await reply(reader) for _ in range(3)]
    if not answers[2].startswith("354"):
        return next(answer for answer in answers if not answer.startswith("2"))
    writer.write(mail.content + b".\r\n")
    await writer.drain()
    return await reply(reader)


async def resend_all(load: Load, seconds: float = 60) -> None:
    """Send what has no 250 until everything has one. Raises TimeoutError."""
    load.only_resend = True
    async with asyncio.timeout(seconds):
        while load.ledger.unanswered:
            done = asyncio.Event()
            task = asyncio.create_task(load.run(1, done))
            while load.ledger.unanswered:
                await asyncio.sleep(0.02)
            done.set()
            await task
