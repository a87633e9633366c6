"""Every reply that the listener can make, in one table. Texts are fixed: causes go to the log, never to the wire.

The rule of the house: our own faults are 4xx. The only 5xx are those that will not get better by trying again: an
unknown recipient, a mail over the size limit, and commands that are no LMTP.
"""

from __future__ import annotations

from enum import Enum

from gateway.errors import Overloaded, StorageFull

PERMANENT = 500


class Reply(Enum):
    """One reply: code, enhanced status (RFC 3463; none in greetings and 354, RFC 2034 §4), text.

    `{}` in a text stands for the id under which the log knows more, `{host}` for our name.
    """

    GREETING = (220, "", "{host} LMTP Poterne")
    BYE = (221, "2.0.0", "Bye")
    OK = (250, "2.0.0", "OK")
    SENDER_OK = (250, "2.1.0", "Sender OK")
    RECIPIENT_OK = (250, "2.1.5", "Recipient OK")
    TAKEN = (250, "2.0.0", "Taken as {}")
    HELP = (214, "2.0.0", "LHLO MAIL RCPT DATA RSET NOOP QUIT; see RFC 2033")
    CANNOT_VERIFY = (252, "2.5.0", "Send some mail, it will be tried")
    START_DATA = (354, "", "End data with <CR><LF>.<CR><LF>")
    # The connection ends after these.
    STOPPING = (421, "4.3.2", "Service is shutting down, try again later")
    TOO_MANY_CONNECTIONS = (421, "4.3.2", "Too many connections, try again later")
    TOO_SLOW = (421, "4.4.2", "Timeout, try again later")
    OUT_OF_PATIENCE = (421, "4.7.0", "Too many commands without a mail")
    CONNECTION_FAULT = (421, "4.3.0", "Try again later ({})")
    # Our own faults and limits: the client keeps the mail and tries again.
    FAULT = (451, "4.3.0", "Try again later ({})")
    FULL = (452, "4.3.1", "Insufficient storage, try again later ({})")
    BUSY = (452, "4.3.1", "Too much mail in flight, try again later")
    TOO_MANY_RECIPIENTS = (452, "4.5.3", "Too many recipients, send the rest in another transaction")
    # What trying again will not cure.
    BAD_LINE = (500, "5.5.2", "Lines end with <CR><LF> and hold no other control character")
    LINE_TOO_LONG = (500, "5.5.2", "Line too long")
    NOT_LMTP = (500, "5.5.1", "This is LMTP: say LHLO")
    UNKNOWN_COMMAND = (500, "5.5.1", "Command not recognized")
    BAD_SYNTAX = (501, "5.5.4", "Syntax error in parameters or arguments")
    BAD_SENDER = (501, "5.1.7", "Syntax error in the sender's address")
    BAD_RECIPIENT = (501, "5.1.3", "Syntax error in the recipient's address")
    NOT_OFFERED = (502, "5.5.1", "Command not offered here")
    NEED_LHLO = (503, "5.5.1", "Say LHLO first")
    NEED_MAIL = (503, "5.5.1", "Say MAIL first")
    NEED_RCPT = (503, "5.5.1", "No valid recipients")
    NESTED_MAIL = (503, "5.5.1", "A transaction is open already")
    UNKNOWN_RECIPIENT = (550, "5.1.1", "No such address here")
    TOO_BIG = (552, "5.3.4", "Message exceeds the size limit")
    UNKNOWN_PARAMETER = (555, "5.5.4", "Parameter not recognized")

    def __init__(self, code: int, status: str, text: str) -> None:
        self.code = code
        self.status = status
        self.text = text
        self.permanent = code >= PERMANENT

    # Each is one of a kind, and is looked up several times for every mail: Enum hashes the name in Python.
    __hash__ = object.__hash__


# After these nothing more is said on the connection.
LAST_WORDS = frozenset(reply for reply in Reply if reply.code in {221, 421})


class Wording:
    """The table as octets: what one listener says, with its host name, and nothing permanent under `soft_bounce`."""

    def __init__(self, host: str, *, soft_bounce: bool = False) -> None:
        self._texts = {reply: _line(reply, host, soft_bounce) for reply in Reply}
        self._plain = {reply: f"{text}\r\n".encode() for reply, text in self._texts.items()}

    def line(self, reply: Reply, about: str = "") -> bytes:
        """Return the reply as one line, with the id that it is about."""
        return f"{self._texts[reply].format(about)}\r\n".encode() if about else self._plain[reply]

    def code(self, reply: Reply) -> int:
        """Return the code that goes out."""
        return int(self._plain[reply][:3])


def _line(reply: Reply, host: str, soft_bounce: bool) -> str:
    text = reply.text.replace("{host}", host)
    line = f"{reply.code} {reply.status} {text}" if reply.status else f"{reply.code} {text}"
    if soft_bounce and reply.permanent:
        # As Postfix's soft_bounce does: the first digits of code and status become 4, the rest still tells the cause.
        line = f"4{line[1:4]}4{line[5:]}"
    return line


def for_error(error: BaseException) -> Reply:
    """Return what an error after the end of data is on the wire. Never a 5xx: even a Permanent error is a bug here."""
    return Reply.FULL if isinstance(error, StorageFull | Overloaded) else Reply.FAULT
