"""Plays the relay and every mailbox behind it: a real SMTP server on loopback that keeps all mails it is given."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass(frozen=True, slots=True)
class Caught:
    """One mail that arrived, with its envelope."""

    mail_from: str
    rcpt_to: str
    content: bytes

    @property
    def message(self) -> Message:
        """The mail, read by the standard library."""
        return message_from_bytes(self.content)

    @property
    def subject(self) -> str:
        """The subject as a person sees it."""
        return str(make_header(decode_header(re.sub(r"\s+", " ", self.message.get("Subject", "")))))


class Catcher:
    """The server. `arrival` wakes whoever waits for mail."""

    def __init__(self, folder: Path) -> None:
        self.mails: list[Caught] = []
        self._folder = folder
        self._server: asyncio.Server | None = None
        self._arrival = asyncio.Condition()

    async def start(self, port: int) -> None:
        """Listen on 127.0.0.1."""
        self._folder.mkdir(parents=True, exist_ok=True)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: SMTP(self, hostname="mailbox.example.com", loop=loop, enable_SMTPUTF8=True), "127.0.0.1", port
        )

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd
        """Keep the mail, once for each recipient."""
        content = envelope.content
        assert isinstance(content, bytes)
        async with self._arrival:
            for recipient in envelope.rcpt_tos:
                self.mails.append(Caught((envelope.mail_from or "").strip("<>"), recipient, content))
                (self._folder / f"{len(self.mails):03d}.eml").write_bytes(content)
            self._arrival.notify_all()
        return "250 2.0.0 caught"

    async def wait_for(self, count: int, seconds: float) -> None:
        """Wait until that many mails have arrived. Raises TimeoutError."""
        async with asyncio.timeout(seconds), self._arrival:
            await self._arrival.wait_for(lambda: len(self.mails) >= count)

    async def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()
            await asyncio.sleep(0)
