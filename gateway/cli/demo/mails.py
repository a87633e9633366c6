"""The six mails of the demo, as their senders' programs would write them; answers to us quote what was caught."""

from __future__ import annotations

from base64 import encodebytes
from datetime import UTC, datetime
from email.utils import format_datetime, make_msgid
from textwrap import dedent

from gateway.cli.demo.catcher import Caught

CREATION_ADDRESS = "support-in@tickets.example.org"
INBOX = "support@example.org"
CUSTOMER = "marie.dubois@customer.example"


def _mail(fields: dict[str, str], body: str) -> bytes:
    """Put a mail together: fields, then body, with CRLF."""
    head = {"Date": format_datetime(datetime.now(UTC)), "Message-ID": make_msgid(domain="customer.example")}
    lines = [f"{name}: {value}" for name, value in (head | fields).items()]
    return "\r\n".join([*lines, "", *dedent(body).strip("\n").split("\n"), ""]).encode()


def customer_with_attachment() -> bytes:
    """Return a person's mail with a picture of the trouble."""
    picture = encodebytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4).decode().strip()
    fields = {
        "From": "Marie Dubois <marie.dubois@customer.example>",
        "To": "Support <support@example.org>",
        "Subject": "The printer on the second floor is offline",
        "MIME-Version": "1.0",
        "Content-Type": 'multipart/mixed; boundary="demo"',
    }
    text = "Hello,\n\nsince this morning the printer says it is offline. The display is on the picture.\n\nMarie\n"
    parts = (
        f"--demo\nContent-Type: text/plain; charset=utf-8\n\n{text}\n"
        f'--demo\nContent-Type: image/png\nContent-Disposition: attachment; filename="display.png"\n'
        f"Content-Transfer-Encoding: base64\n\n{picture}\n--demo--"
    )
    return _mail(fields, parts)


def reply_to(mail: Caught) -> bytes:
    """Return the customer's answer to a mail of ours, with the quotation that mail programs add."""
    fields = {
        "From": "Marie Dubois <marie.dubois@customer.example>",
        "To": str(mail.message.get("Reply-To", INBOX)),
        "Subject": f"Re: {mail.subject}",
        "In-Reply-To": str(mail.message["Message-ID"]),
        "References": str(mail.message["Message-ID"]),
    }
    body = """
        It is the one next to the kitchen, if that helps.

        On Monday, Example Support wrote:
        > We have received your message.
        """
    return _mail(fields, body)


def out_of_office(mail: Caught) -> bytes:
    """Return what the customer's responder says to a mail of ours."""
    fields = {
        "From": "Marie Dubois <marie.dubois@customer.example>",
        "To": str(mail.message.get("Reply-To", INBOX)),
        "Subject": f"Automatic reply: {mail.subject}",
        "In-Reply-To": str(mail.message["Message-ID"]),
        "Auto-Submitted": "auto-replied",
    }
    return _mail(fields, "I am out of the office until Monday and read no mail.")


def bounce_of(mail: Caught) -> bytes:
    """Return a delivery report (RFC 3464) of the customer's server about a mail of ours."""
    head = mail.content.partition(b"\r\n\r\n")[0].decode("ascii", "replace").replace("\r\n", "\n")
    fields = {
        "From": "Mail Delivery System <mailer-daemon@mx.customer.example>",
        "To": mail.mail_from,
        "Subject": "Undelivered Mail Returned to Sender",
        "Auto-Submitted": "auto-replied",
        "MIME-Version": "1.0",
        "Content-Type": 'multipart/report; report-type=delivery-status; boundary="demo"',
    }
    parts = (
        "--demo\nContent-Type: text/plain\n\nYour mail could not be delivered: the mailbox is full.\n\n"
        "--demo\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.customer.example\n\n"
        f"Final-Recipient: rfc822; {mail.rcpt_to}\nAction: failed\nStatus: 5.2.2\n"
        "Diagnostic-Code: smtp; 552 5.2.2 mailbox full\n\n"
        f"--demo\nContent-Type: text/rfc822-headers\n\n{head}\n--demo--"
    )
    return _mail(fields, parts)


def newsletter() -> bytes:
    """Return a list's mail, sent to an inbox that somebody once signed up."""
    fields = {
        "From": "Printer News <news@lists.vendor.example>",
        "To": "support@example.org",
        "Subject": "Ten new toners for the season",
        "List-Id": "Printer News <news.lists.vendor.example>",
        "List-Unsubscribe": "<mailto:leave@lists.vendor.example>",
        "Precedence": "bulk",
    }
    return _mail(fields, "This season brings ten new toners.")


def from_ourselves(mail: Caught) -> bytes:
    """Return a mail of ours as it comes back when a customer's address forwards to our own inbox."""
    return b"Received: from mx.customer.example by mx.example.org; " + (
        format_datetime(datetime.now(UTC)).encode() + b"\r\n" + mail.content
    )
