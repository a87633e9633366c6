"""What leaves a running daemon, octet for octet: a strict relay in a thread of its own, and mails in over LMTP."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import smtplib
import sqlite3
import threading
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from typing import Any, Self

from tests.support.daemon import Daemon
from tests.support.smtp_server import SmtpServer, Transaction

QUEUES = """
  support:
    name: Support
    creation_addresses: [support-in@tickets.example.org]
    inboxes: [support@example.org]
    from: Example Support <support@example.org>
  billing:
    name: Billing
    creation_addresses: [billing-in@tickets.example.org]
    from: Example Billing <billing@example.org>
    appearance: {history: false}
"""
MORE = "trust: {authserv_ids: [mx.example.org]}\nagents: {undo_send: 0s}\n"
MARIE = "Marie Durand <marie@customer.example>"


class Wire:
    """`with Wire() as wire`: a relay on `wire.port`. `script` is the SMTP server's, and may be changed at any time."""

    def __init__(self) -> None:
        self.server = SmtpServer()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def port(self) -> int:
        return self.server.port

    @property
    def script(self) -> dict[str, Any]:
        return self.server.script

    def sent(self, to: str = "") -> list[Transaction]:
        """Return what was handed over, to one recipient or to all, oldest first."""
        return [item for item in list(self.server.transactions) if to in {"", *item.recipients}]

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.server.__aenter__(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self.server.__aexit__(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


class Street:
    """A daemon between its customers and the wire. Mails come in by LMTP, as from Postfix."""

    def __init__(self, folder: Path, wire: Wire, more: str = MORE, queues: str = QUEUES) -> None:
        self.wire = wire
        self.daemon = Daemon(folder, relay=wire.port, more=more)
        before, _, after = self.daemon.text.partition("queues:")
        self.daemon.config.write_text(f"{before}queues:{queues}channels:{after.partition('channels:')[2]}")
        self._numbers = itertools.count(1)

    def message(
        self,
        subject: str,
        text: str = "It does not print.",
        *,
        author: str = MARIE,
        answers: EmailMessage | None = None,
        **fields: str,
    ) -> bytes:
        """Return a mail as its author's program sends it. `answers` is the mail of ours that it continues."""
        message = EmailMessage()
        message["From"], message["Subject"] = author, subject
        message["To"] = "support@example.org"
        message["Date"] = format_datetime(datetime.now(UTC))
        message["Message-ID"] = f"<m{next(self._numbers)}@customer.example>"
        if answers is not None:
            message["In-Reply-To"] = message["References"] = str(answers["Message-ID"])
        for name, value in fields.items():
            message[name.replace("_", "-")] = value
        message.set_content(text)
        return message.as_bytes(policy=policy.SMTP)

    def write(
        self,
        subject: str,
        text: str = "It does not print.",
        *,
        to: str = "support-in@tickets.example.org",
        author: str = MARIE,
        answers: EmailMessage | None = None,
        **fields: str,
    ) -> None:
        """Let a mail come in, and be judged; what answers goes where the Reply-To of that mail points."""
        octets = self.message(subject, text, author=author, answers=answers, **fields)
        self.hand_over(octets, to if answers is None else reply_address(answers))

    def hand_over(self, octets: bytes, to: str) -> None:
        """Let octets come in by LMTP, and be judged."""
        sender = opened(octets)["From"].addresses[0].addr_spec
        with smtplib.LMTP("127.0.0.1", self.daemon.lmtp, local_hostname="mx.example.org", timeout=30) as client:
            client.sendmail(sender, [to], octets)
        self.daemon.until(self.daemon.settled)

    def pass_time(self, minutes: float) -> None:
        """Let our automatic mail be that much older than it is: people need a while to answer."""
        path = self.daemon.database.removeprefix("sqlite:///")
        with contextlib.closing(sqlite3.connect(path, timeout=10)) as database, database:
            moved = "UPDATE automatic_counts SET queued_at = queued_at - ?, sent_at = sent_at - ?"
            database.execute(moved, [int(minutes * 60_000_000)] * 2)

    def ticket(self, subject: str) -> int:
        """Return the number of the one ticket with this subject."""
        (number,) = [row["number"] for row in self.daemon.rows("tickets") if row["subject"] == subject]
        return int(number)

    def arrived(self, to: str, words: str, seconds: float = 60) -> EmailMessage:
        """Return the newest mail to an address that says these words, once it is there."""
        self.daemon.until(lambda: any(words in everything(item.content) for item in self.wire.sent(to)), seconds)
        return opened([item for item in self.wire.sent(to) if words in everything(item.content)][-1].content)


def reply_address(mail: EmailMessage) -> str:
    return str(mail["Reply-To"].addresses[0].addr_spec)


def opened(octets: bytes) -> EmailMessage:
    message = message_from_bytes(octets, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


@cache
def everything(octets: bytes) -> str:
    """Return all that a mail says to whoever looks closely: the octets, the header decoded, every part decoded."""
    message = opened(octets)
    parts = [octets.decode("utf-8", "replace"), *(f"{name}: {value}" for name, value in message.items())]
    for part in message.walk():
        content = part.get_payload(decode=True)
        if isinstance(content, bytes):
            parts.append(content.decode("utf-8", "replace"))
    return "\n".join(parts)
