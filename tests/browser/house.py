"""A daemon with agents, a relay that catches what leaves, and customers who write; all of it real, on this machine."""

from __future__ import annotations

import smtplib
import threading
import time
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import make_msgid
from pathlib import Path
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope

from tests.support.daemon import Daemon
from tests.support.ports import free_port

FIRST, PASSWORD = "first words for you", "tall ships sail at noon"
QUEUES = """
  support:
    name: Support
    colour: "#2f6fde"
    creation_addresses: [support@tickets.example.org]
    inboxes: [support@example.org]
    from: Example Support <support@example.org>
  billing:
    name: Billing
    colour: "#2e8b57"
    creation_addresses: [billing@tickets.example.org]
    inboxes: [billing@example.org]
    from: Example Billing <billing@example.org>
"""
AGENTS = (
    ("lea@example.org", "Léa Martin", "admin"),
    ("tom@example.org", "Tom Berger", "agent"),
)


@dataclass
class Caught:
    mail_from: str
    recipients: list[str]
    message: EmailMessage


class Relay:
    """Takes every mail and keeps it."""

    def __init__(self) -> None:
        self.mails: list[Caught] = []
        self._arrived = threading.Condition()
        self.port = free_port()
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, enable_SMTPUTF8=True)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=policy.default)
        with self._arrived:
            self.mails.append(Caught(envelope.mail_from or "", envelope.rcpt_tos, message))
            self._arrived.notify_all()
        return "250 2.0.0 caught"

    def wait_for(self, what: Any, seconds: float = 20) -> Caught:
        """Return the first mail for which `what` is true."""
        deadline = time.monotonic() + seconds
        with self._arrived:
            while True:
                found = next((mail for mail in self.mails if what(mail)), None)
                if found:
                    return found
                left = deadline - time.monotonic()
                assert left > 0, [str(mail.message["Subject"]) for mail in self.mails]
                self._arrived.wait(left)

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()


class House:
    """The daemon with its relay."""

    def __init__(self, folder: Path, relay: Relay) -> None:
        self.relay = relay
        self.cookies: dict[str, Any] = {}  # of agents who have signed in, for their next browsers
        self.daemon = Daemon(folder, relay=relay.port)
        before, _, after = self.daemon.text.partition("queues:")
        text = f"{before}queues:{QUEUES}channels:{after.partition('channels:')[2]}\nagents: {{undo_send: 3s}}\n"
        self.daemon.config.write_text(text)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.daemon.http}"

    def open(self) -> House:
        self.daemon.start()
        for address, name, role in AGENTS:
            done = self.daemon.command(
                "agent", "add", address, "--name", name, "--role", role, "--password-stdin", text=FIRST + "\n"
            )
            assert done.returncode == 0, done.stderr
        return self

    def mail(self, subject: str, text: str, *, queue: str = "support", **fields: str) -> EmailMessage:
        """Return a customer's mail, to be given to `deliver`."""
        message = EmailMessage()
        sender = fields.pop("From", "Marie Durand <marie.durand@customer.example>")
        message["From"] = sender
        message["To"] = f"{queue}@example.org"
        message["Subject"] = subject
        message["Message-ID"] = make_msgid(domain="customer.example")
        for name, value in fields.items():
            message[name.replace("_", "-")] = value
        message.set_content(text)
        return message

    def deliver(self, message: EmailMessage | bytes, rcpt_to: str = "support@tickets.example.org") -> None:
        """Hand a mail over by LMTP, as Postfix would."""
        content = message if isinstance(message, bytes) else message.as_bytes(policy=policy.SMTP)
        with smtplib.LMTP("127.0.0.1", self.daemon.lmtp, local_hostname="mx.example.org", timeout=30) as client:
            client.sendmail("marie.durand@customer.example", [rcpt_to], content)

    def settle(self) -> None:
        """Wait until every mail has its disposition."""
        self.daemon.until(self.daemon.settled)
