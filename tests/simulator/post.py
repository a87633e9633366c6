"""Letters as counterparts write them, and the forwarders that stand between them and us."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.utils import format_datetime

from gateway.model import Mailbox, ParsedMail

INBOX = "support@example.org"
CREATION = "support-in@tickets.example.org"
BILLING = "billing-in@tickets.example.org"


@dataclass(frozen=True)
class Letter:
    """A mail on its way to us: header lines without From, To, Date; the body; and the envelope."""

    author: str  # From, as it stands in the header
    subject: str
    body: str
    message_id: str
    to: str = INBOX  # To, as it stands in the header
    headers: tuple[str, ...] = ()
    sender: str | None = None  # envelope sender; the author's address if None, "" is the null sender
    recipients: tuple[str, ...] = (INBOX,)  # envelope recipients; INBOX goes through the forwarder
    content_type: str = "text/plain; charset=utf-8"
    drop: frozenset[str] = field(default_factory=frozenset)  # names of lines that are left out

    @property
    def address(self) -> str:
        """The address in From."""
        return self.author.rpartition("<")[2].rstrip(">").strip()

    @property
    def mail_from(self) -> str:
        """The envelope sender."""
        return self.address if self.sender is None else self.sender

    def octets(self, now: datetime) -> bytes:
        """Return the mail."""
        names = {line.partition(":")[0].lower() for line in self.headers}
        lines = [
            "Received: from mail.example by mx.example.org (Postfix) with ESMTPS id 4ABC; " + format_datetime(now),
            *self.headers,
            f"From: {self.author}",
            f"To: {self.to}",
            f"Subject: {self.subject}",
            f"Date: {format_datetime(now)}",
            f"Message-ID: <{self.message_id}>",
            "MIME-Version: 1.0",
            f"Content-Type: {self.content_type}",
        ]
        kept = [line for n, line in enumerate(lines) if n <= len(self.headers) or _name(line) not in names]
        kept = [line for line in kept if _name(line) not in self.drop]
        return "\r\n".join([*kept, "", self.body.replace("\n", "\r\n"), ""]).encode()


def _name(line: str) -> str:
    return line.partition(":")[0].lower()


@dataclass(frozen=True)
class Message:
    """A mail of ours, as it lies in somebody's mailbox."""

    mail: ParsedMail
    raw: bytes
    sender: str  # envelope sender: a bounce address
    recipient: str
    automatic: bool
    at: datetime

    @property
    def reply_to(self) -> str:
        """Where a well-behaved program answers to."""
        boxes = self.mail.reply_to or self.mail.from_all
        return boxes[0].address

    @property
    def thread(self) -> tuple[str, ...]:
        """In-Reply-To and References of an answer."""
        older = " ".join(f"<{item}>" for item in reversed(self.mail.references))
        return (f"In-Reply-To: <{self.mail.message_id}>", f"References: {older} <{self.mail.message_id}>")


_ID = re.compile(r"<([^<>]+)>")


def read_ours(raw: bytes, text: str) -> ParsedMail:
    """Read a mail of ours as a counterpart does that needs little of it: our own reader is not what is watched here."""
    header = BytesHeaderParser(policy=policy.default).parsebytes(raw)
    to = tuple(Mailbox(box.display_name, box.addr_spec) for box in addresses(header, "Reply-To"))
    author = tuple(Mailbox(box.display_name, box.addr_spec) for box in addresses(header, "From"))
    return ParsedMail(
        message_id=_ID.findall(str(header["Message-ID"]))[0],
        subject=str(header["Subject"]),
        from_all=author,
        reply_to=to,
        references=tuple(reversed(_ID.findall(str(header["References"] or "")))),
        text=text,
    )


def addresses(header: EmailMessage, name: str) -> tuple[Address, ...]:
    """Return the addresses in a field."""
    value = header[name]
    return () if value is None else tuple(value.addresses)


# --- forwarders -----------------------------------------------------------------------------------------------

Forwarder = Callable[[Letter], Letter]


def gmail(letter: Letter) -> Letter:
    """F1: a Gmail account that forwards."""
    trace = (f"X-Forwarded-To: {CREATION}", f"X-Forwarded-For: {INBOX} {CREATION}", f"Delivered-To: {INBOX}")
    return replace(
        letter, headers=(*trace, *letter.headers), sender=f"support+caf_={CREATION.replace('@', '=')}@example.org"
    )


def microsoft_rule(letter: Letter) -> Letter:
    """F2: a rule of a Microsoft 365 inbox, which says that the mail was generated."""
    present = {_name(line) for line in letter.headers}
    stamps = (
        "Auto-Submitted: auto-generated",
        f"X-MS-Exchange-Inbox-Rules-Loop: {INBOX}",
        "X-MS-Exchange-Generated-Message-Source: Mailbox Rules Agent",
    )
    added = tuple(line for line in stamps if _name(line) not in present)
    return replace(letter, headers=(*added, *letter.headers), sender=INBOX)


def microsoft_mailbox(letter: Letter) -> Letter:
    """F3: forwarding of a Microsoft 365 mailbox, with SRS."""
    local, _, domain = (letter.mail_from or "nobody@example.org").rpartition("@")
    trace = (f"Resent-From: <{INBOX}>", f"X-MS-Exchange-ForwardingLoop: {INBOX};0f3c1f1e")
    sender = f"SRS0=ab12=XY={domain}={local}@example.org" if letter.mail_from else ""
    return replace(letter, headers=(*trace, *letter.headers), sender=sender)


def google_group(letter: Letter) -> Letter:
    """F4: a Google Group, which rewrites From where the author's domain has a strict DMARC policy: here, everywhere."""
    kept = (
        f"X-Original-From: {letter.author}",
        f"X-Original-Sender: {letter.address}",
        "Precedence: list",
        f"Mailing-list: list {INBOX}; contact support+owners@example.org",
        "List-ID: <support.example.org>",
        f"X-BeenThere: {INBOX}",
        "X-Google-Group-Id: 4711",
        "List-Unsubscribe: <mailto:googlegroups-manage+4711+unsubscribe@example.org>",
    )
    name = letter.author.partition("<")[0].strip() or letter.address
    reply_to = () if any(_name(line) == "reply-to" for line in letter.headers) else (f"Reply-To: {letter.author}",)
    return replace(
        letter,
        headers=(*kept, *reply_to, *letter.headers),
        author=f"\"'{name}' via Support\" <{INBOX}>",
        sender="support+bncBC4711@example.org",
    )


def exchange_list(letter: Letter) -> Letter:
    """F5: an Exchange distribution list, which asks for silence on everybody's behalf."""
    if any(_name(line) == "x-auto-response-suppress" for line in letter.headers):
        return letter
    return replace(letter, headers=("X-Auto-Response-Suppress: DR, OOF, AutoReply", *letter.headers))


def dot_forward(letter: Letter) -> Letter:
    """F6: a redirect that blanks the envelope sender."""
    return replace(letter, headers=(f"Delivered-To: {INBOX}", *letter.headers), sender="")


def straight(letter: Letter) -> Letter:
    """F7: no forwarder at all."""
    return letter


FORWARDERS: dict[str, Forwarder] = {
    "F1": gmail,
    "F2": microsoft_rule,
    "F3": microsoft_mailbox,
    "F4": google_group,
    "F5": exchange_list,
    "F6": dot_forward,
    "F7": straight,
}
