"""What must hold for every octet string that is read: the promises that a fuzzer can check without knowing the mail."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime

from gateway.mail import address, content, parse, wire
from gateway.mail.describe import describe
from gateway.mail.token import TokenKeys, read_tokens
from gateway.model import Envelope, ParsedMail, Tokens
from tests.fuzz.shapes import KEYS

_HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_ACTIVE = re.compile(
    r"<(?:script|iframe|object|embed|form|meta|link|base|svg|style|input|video)\b|<[a-z][^>]*\son\w+=", re.IGNORECASE
)
_LOADS = re.compile(r'<[a-z][^>]*\s(?:src|srcset|background|poster)="(?!cid:|data:image/)', re.IGNORECASE)
_VALUE = re.compile(r'="(cid:|data:image/|)[^"]*"', re.IGNORECASE)
_STRANGERS_KEYS = TokenKeys(b"nobody mints with this one: any token that verifies is forged")
_NAME = re.compile(r"[^\x00-\x1f/\\:\u202a-\u202e]+")


class BrokenPromiseError(AssertionError):
    """A promise that does not hold, in words."""


def check(raw: bytes, *, thorough: bool = True) -> ParsedMail:
    """Read `raw` and check every promise; return the mail."""
    mail = parse(raw)
    _require(mail.size == len(raw), "size")
    _require(bool(mail.message_id), "no message id")
    failed = [defect for defect in mail.defects if defect.startswith("failed.")]
    _require(not failed, f"a step failed: {failed}")
    for shown in (
        mail.subject,
        mail.text,
        mail.reply_text,
        mail.signature or "",
        mail.html or "",
        mail.reply_html or "",
    ):
        found = _HIDDEN.search(shown)
        _require(found is None, f"unshown character {found and found[0]!r}")
    for markup in (mail.html, mail.reply_html):
        bare = _VALUE.sub(r'="\1"', markup or "")
        _require(not _ACTIVE.search(bare), "active HTML")
        _require(not _LOADS.search(bare), "HTML that loads something")
    boxes = (*mail.from_all, *mail.reply_to, *mail.to, *mail.cc)
    _require(all(address.is_valid(box.address) for box in boxes), "an address that is none")
    _require(not mail.hostile or "header.bare-cr-lf-nul" in mail.defects, "hostile without a defect")
    for item in mail.attachments:
        _require(bool(_NAME.fullmatch(item.filename)) and len(item.filename.encode()) <= 150, f"name {item.filename!r}")
        _require(not item.filename.startswith("."), "hidden file")
    check_tokens(mail)
    if thorough:
        _require(wire.loads(wire.dumps(mail)) == mail, "the wire changes the mail")
        _require(isinstance(describe(mail), dict), "not described")
        _require(parse(raw) == mail, "read twice, it is not the same")
        for item in mail.attachments[:3]:
            _require(hashlib.sha256(content(raw, item.part)).hexdigest() == item.sha256, f"content of {item.part}")
    return mail


def check_tokens(mail: ParsedMail) -> None:
    """Look for tokens wherever mails carry them: reading never raises, and nobody forges one (I5)."""
    recipient = mail.to[0].address if mail.to else "support@example.org"
    for source in ("lmtp", "imap"):
        envelope = Envelope("a@example.org", recipient, datetime(2026, 3, 2, tzinfo=UTC), source=source)
        found = read_tokens(mail, envelope, KEYS)
        told = (found.message, found.loop, found.body, *found.references, *found.reported)
        _require(not mail.hostile or not any(told), "a hostile header vouches for something")
        _require(read_tokens(mail, envelope, _STRANGERS_KEYS) == Tokens(), "a token that nobody minted")


def _require(holds: bool, promise: str) -> None:
    if not holds:
        raise BrokenPromiseError(promise)
