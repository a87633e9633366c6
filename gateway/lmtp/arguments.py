"""Reads the arguments of MAIL and RCPT. Pure, linear, and strict about what could inject; lenient about the rest.

The client is our own Postfix, which has judged the addresses; refusing an odd one here would bounce a customer's mail.
So any printable address passes, but no control character, no lone angle bracket, no second line ever does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from gateway.lmtp.replies import Reply

# C0, DEL, C1, line separators, bidi controls, and the surrogates that stand for octets which are not UTF-8.
_UNSAFE: Final = "\\x00-\\x1f\\x7f-\\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\\ud800-\\udfff"
_ATOMS: Final = rf'[^{_UNSAFE} "<>@\\]*'
_QUOTED: Final = rf'"(?:[^{_UNSAFE}"\\]|\\[\x20-\x7e])*"'
_DOMAIN: Final = rf'(?:[^{_UNSAFE} "<>@\\\[\](),:;]+|\[[0-9A-Za-z:.-]+\])'
# RFC 5321 §4.1.2 Path. A source route must be accepted and should be ignored (RFC 5321 §4.1.1.3, appendix C). No piece
# can end in two ways, so nothing is tried twice; possessive groups, which say so, Python gets wrong before 3.11.5.
_ROUTE: Final = rf"(?:@{_DOMAIN}(?:,@{_DOMAIN})*:)?"
_PATH: Final = rf"<(?:{_ROUTE}(?P<address>(?=[^@>]){_ATOMS}(?:{_QUOTED}{_ATOMS})*(?:@{_DOMAIN})?))?>"
# RFC 5321 §4.1.1.2: no space before the path. Deviation: real clients put one there, and nothing depends on it.
_MAIL: Final = re.compile(rf"FROM: *{_PATH}(?P<parameters>(?: .*)?)", re.IGNORECASE)
_RCPT: Final = re.compile(rf"TO: *{_PATH}(?P<parameters>(?: .*)?)", re.IGNORECASE)


_SIZE_DIGITS: Final = 20  # RFC 1870 §4


@dataclass(frozen=True, slots=True)
class Sender:
    """What MAIL said: the reverse path (empty: the null sender) and the size that the client announced."""

    address: str
    size: int = 0


def read_mail(argument: str) -> Sender | Reply:
    """Read what follows `MAIL `, or return the reply that refuses it."""
    match = _MAIL.fullmatch(argument)
    if match is None:
        return Reply.BAD_SENDER if argument[:5].upper() == "FROM:" else Reply.BAD_SYNTAX
    address = match["address"] or ""
    parameters = match["parameters"]
    return _with_parameters(address, parameters) if parameters else Sender(address)


def _with_parameters(address: str, parameters: str) -> Sender | Reply:
    size = 0
    seen = set()
    for parameter in parameters.split(" "):
        keyword, _, value = parameter.upper().partition("=")
        if not keyword and not value:
            continue
        if keyword in seen:
            return Reply.BAD_SYNTAX
        seen.add(keyword)
        match keyword:
            case "SIZE":
                if not (value.isascii() and value.isdigit() and len(value) <= _SIZE_DIGITS):
                    return Reply.BAD_SYNTAX
                size = int(value)
            case "BODY":  # RFC 6152 §2
                if value not in {"7BIT", "8BITMIME"}:
                    return Reply.BAD_SYNTAX
            case "SMTPUTF8":
                # Deviation: RFC 6531 §3.4 wants it before UTF-8 addresses are used. Postfix with smtputf8_enable=no
                # passes them on without, so it is allowed and changes nothing.
                if "=" in parameter:
                    return Reply.BAD_SYNTAX
            case _:
                return Reply.UNKNOWN_PARAMETER
    return Sender(address, size)


def read_rcpt(argument: str) -> str | Reply:
    """Read what follows `RCPT ` and return the recipient, or the reply that refuses it."""
    match = _RCPT.fullmatch(argument)
    if match is None:
        return Reply.BAD_RECIPIENT if argument[:3].upper() == "TO:" else Reply.BAD_SYNTAX
    if not match["address"]:
        return Reply.BAD_RECIPIENT
    # We offer no extension that has parameters here (no DSN, RFC 3461).
    return Reply.UNKNOWN_PARAMETER if match["parameters"].strip() else match["address"]
