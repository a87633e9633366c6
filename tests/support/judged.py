"""Builds mails and facts for judging: from `.eml` files with a `.json` beside them, or from header lines in a test.

`@@PURPOSE:SUBJECT:DETAIL:auto@@` in a file stands for a token of the tests' own instance (detail and auto optional).
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.mail import parse
from gateway.mail.token import TokenKeys, read_tokens
from gateway.model import (
    Arrival,
    Envelope,
    Facts,
    Judgement,
    Mailbox,
    Override,
    ParsedMail,
    Route,
    Stored,
    TokenPurpose,
)
from gateway.rules import classify
from gateway.rules.behaviour import fingerprint

KEYS = TokenKeys(b"the key of the instance in the tests")
NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
CREATION = "support-in@tickets.example.org"
OWN = frozenset({CREATION, "billing-in@tickets.example.org", "support@example.org", "billing@example.org"})
FACTS = Facts(
    envelope=Envelope("ann.lee@customer.example", CREATION, NOW),
    route=Route("support", CREATION),
    now=NOW,
    own_addresses=OWN,
    blocklist=("mailer-daemon@*",),
    forwarders=("support@example.org",),
    authserv_ids=("mx.example.org",),
)
PERSON = (
    "From: Ann Lee <ann.lee@customer.example>",
    "To: support@example.org",
    "Subject: The invoice of May is wrong",
    "Date: Mon, 5 Jan 2026 08:59:58 +0000",
    "Message-ID: <5f21@mail.customer.example>",
)
_TOKEN = re.compile(r"@@(\w+):(\d+)(?::(\d+))?(:auto)?@@")


def fill(text: str) -> str:
    """Put tokens of the tests' instance where the text asks for them."""
    return _TOKEN.sub(
        lambda m: KEYS.mint(TokenPurpose[m[1].upper()], int(m[2]), int(m[3] or 0), automatic=bool(m[4])), text
    )


def mail_of(*headers: str, body: str = "Hello,\n\nplease have a look.\n\nAnn") -> ParsedMail:
    """Read a person's mail with these header lines on top; a line of the same name replaces the person's."""
    names = {line.partition(":")[0].lower() for line in headers}
    lines = [*headers, *(line for line in PERSON if line.partition(":")[0].lower() not in names)]
    return parse(fill("\r\n".join([*lines, "", body])).encode())


def facts_for(mail: ParsedMail, mail_from: str | None = None, rcpt_to: str | None = None, **changes: Any) -> Facts:
    """Return the facts of the tests' instance for this mail, its tokens verified, with changes."""
    facts = replace(FACTS, **changes)
    envelope = replace(
        facts.envelope,
        mail_from=facts.envelope.mail_from if mail_from is None else mail_from,
        rcpt_to=fill(rcpt_to or facts.envelope.rcpt_to),
    )
    return replace(facts, envelope=envelope, tokens=read_tokens(mail, envelope, KEYS))


def judge(*headers: str, body: str = "Hello,\n\nplease have a look.\n\nAnn", **changes: Any) -> Judgement:
    """Judge a person's mail with these header lines on top."""
    mail = mail_of(*headers, body=body)
    return classify(mail, facts_for(mail, **changes))


def person(box: Mailbox | None) -> Mailbox:
    """Return the mailbox that must be there."""
    assert box is not None
    return box


def read_case(path: Path) -> tuple[ParsedMail, Facts]:
    """Read a mail of `tests/rules` with the facts that stand beside it."""
    mail = parse(fill(path.read_bytes().decode()).encode())
    beside = path.with_suffix(".json")
    changes = json.loads(beside.read_text()) if beside.exists() else {}
    return mail, facts_for(mail, **{key: _value(key, value, mail) for key, value in changes.items()})


def _value(key: str, value: Any, mail: ParsedMail) -> Any:
    match key:
        case "overrides":
            return tuple(Override(*entry) for entry in value)
        case "stored":
            return Stored(**{name: _stored(name, content, mail) for name, content in value.items()})
        case "forwarders" | "blocklist" | "authserv_ids":
            return tuple(value)
        case _:
            return value


def _stored(name: str, value: Any, mail: ParsedMail) -> Any:
    match name:
        case "agents":
            return frozenset(value)
        case "suspect_until":
            return datetime.fromisoformat(value)
        case "arrivals":
            own = fingerprint(mail)
            return tuple(
                Arrival(datetime.fromisoformat(at), own if mark == "@self@" else mark, after)
                for at, mark, after in value
            )
        case _:
            return value
