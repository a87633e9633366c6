"""Keyed tokens: what ties a mail that comes back to a mail that we sent (I5). Nothing else is ever trusted to do so.

A token is 25 octets in 40 lower-case base32 characters, an alphabet that survives providers which fold case:

======  =============================================================================================
octets  meaning
======  =============================================================================================
1       format (2 bits, always 1), purpose (2 bits), automatic (1 bit), key hint (3 bits)
4       subject: the ticket, or the delivery for bounce tokens
4       detail: the outgoing, or 0
16      HMAC-SHA256 over the nine octets above, truncated to 128 bits (RFC 2104 §5 asks for at least half)
======  =============================================================================================

The length is fixed, so that nothing shorter can ever be guessed, and 25 octets fill 40 characters exactly, so that a
token has one spelling only (but for its case).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

from gateway.errors import NotSendable
from gateway.mail import caps
from gateway.model import Envelope, ParsedMail, Token, TokenPurpose, Tokens

LENGTH = 40
"""Characters of a token."""
MAX_ID = (1 << 32) - 1
"""Largest ticket, outgoing or delivery that a token can name."""
LOOP_HEADER = "x-poterne-loop"
"""Header of our mails that carries a LOOP token."""
REF_HEADER = "x-poterne-ref"
"""Header of our mails that repeats the MESSAGE token, for relays that replace the Message-ID."""
BODY_MARKER = "ref:"
"""What stands before a REPLY token in the body of our mails, for programs that drop every threading header."""

_FORMAT = 1
_PURPOSES = (TokenPurpose.REPLY, TokenPurpose.BOUNCE, TokenPurpose.MESSAGE, TokenPurpose.LOOP)  # their two bits
_HEAD = struct.Struct(">BII")
_MAC_OCTETS = 16
_MIN_KEY_OCTETS = 32
_MAX_CANDIDATES = 64  # tokens looked at in one place of one mail; our own mails never carry more than a few

_BASE32 = "A-Za-z2-7"
_ANYWHERE = re.compile(rf"(?<![{_BASE32}])[{_BASE32}]{{{LENGTH}}}(?![{_BASE32}])")
_LONG_RUN = re.compile(rf"(?<![{_BASE32}])[{_BASE32}]{{{LENGTH},}}")  # a token, whatever letters adjoin it
_PLUS_TAG = re.compile(rf"\+([{_BASE32}]{{{LENGTH}}})\Z")
_MARKED = re.compile(rf"\b{BODY_MARKER}([{_BASE32}]{{{LENGTH}}})(?![{_BASE32}])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TokenKeys:
    """The keys of this instance: the current one mints, all of them verify (rotation)."""

    current: bytes = field(repr=False)
    previous: tuple[bytes, ...] = field(default=(), repr=False)
    _derived: tuple[tuple[int, hmac.HMAC], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        keys = (self.current, *self.previous)
        if any(len(key) < _MIN_KEY_OCTETS for key in keys):
            raise ValueError(f"a token key has at least {_MIN_KEY_OCTETS} octets")
        object.__setattr__(self, "_derived", tuple(_derive(key) for key in keys))

    def mint(self, purpose: TokenPurpose, subject: int, detail: int = 0, *, automatic: bool = False) -> str:
        """Return the token: 40 lower-case base32 characters. Raises NotSendable for ids that it cannot name."""
        if not (0 <= subject <= MAX_ID and 0 <= detail <= MAX_ID):
            raise NotSendable(f"token ids must lie in 0..{MAX_ID}")
        hint, mac = self._derived[0]
        first = _FORMAT << 6 | _PURPOSES.index(purpose) << 4 | automatic << 3 | hint
        head = _HEAD.pack(first, subject, detail)
        return base64.b32encode(head + _sign(mac, head)).decode("ascii").lower()

    def verify(self, text: str, purpose: TokenPurpose) -> Token | None:
        """Return what the token says, or None if it is not one of ours for this purpose. Total."""
        if len(text) != LENGTH or not text.isascii():
            return None
        try:
            raw = base64.b32decode(text, casefold=True)
        except binascii.Error:
            return None
        head, mac = raw[: _HEAD.size], raw[_HEAD.size :]
        first, subject, detail = _HEAD.unpack(head)
        if first >> 6 != _FORMAT or _PURPOSES[first >> 4 & 3] is not purpose:
            return None
        # The hint saves work after a rotation. It is under the MAC, too, and proves nothing by itself.
        candidates = [key for hint, key in self._derived if hint == first & 7]
        if not any(hmac.compare_digest(_sign(key, head), mac) for key in candidates):
            return None
        return Token(purpose, subject, detail, automatic=bool(first & 8))


def _derive(key: bytes) -> tuple[int, hmac.HMAC]:
    """Return the key's 3-bit hint and its keyed hash, separated from every other use of the instance's secret."""
    derived = hmac.digest(key, b"poterne token 1", "sha256")
    return hashlib.sha256(derived).digest()[0] & 7, hmac.new(derived, digestmod="sha256")


def _sign(mac: hmac.HMAC, head: bytes) -> bytes:
    state = mac.copy()
    state.update(head)
    return state.digest()[:_MAC_OCTETS]


# --- on the way out -------------------------------------------------------------------------------------------


def tagged(address: str, token: str) -> str:
    """Return `address` with the token as its plus-tag. Raises NotSendable if the local part grows beyond 64 octets."""
    if len(address) > caps.ADDRESS:
        raise NotSendable(f"an address has at most {caps.ADDRESS} octets")
    local, at, domain = address.rpartition("@")
    if not (local and at and domain):
        raise NotSendable("an address needs a local part and a domain")
    if len(local.encode()) + 1 + LENGTH > caps.LOCAL_PART:
        raise NotSendable(
            f"the local part of {address} is too long for a token; at most {caps.LOCAL_PART - 1 - LENGTH}"
        )
    return f"{local}+{token}@{domain}"


def fits(address: str) -> bool:
    """Tell whether `address` has room for a token."""
    return len(address) <= caps.ADDRESS and len(address.rpartition("@")[0].encode()) + 1 + LENGTH <= caps.LOCAL_PART


def reply_address(keys: TokenKeys, address: str, ticket: int, agent: int = 0) -> str:
    """Return the address that leads an answer to the ticket; `agent` names whose answer it will be, if an agent's."""
    return tagged(address, keys.mint(TokenPurpose.REPLY, ticket, agent))


def bounce_address(keys: TokenKeys, address: str, delivery: int, *, automatic: bool = False) -> str:
    """Return the envelope sender that leads a bounce to the delivery it is about."""
    return tagged(address, keys.mint(TokenPurpose.BOUNCE, delivery, automatic=automatic))


def message_id(keys: TokenKeys, hostname: str, ticket: int, outgoing: int, *, automatic: bool = False) -> str:
    """Return the Message-ID of an outgoing, without angle brackets."""
    return f"{keys.mint(TokenPurpose.MESSAGE, ticket, outgoing, automatic=automatic)}@{hostname}"


def loop_token(keys: TokenKeys, ticket: int, outgoing: int, *, automatic: bool = False) -> str:
    """Return the value of X-Poterne-Loop of an outgoing."""
    return keys.mint(TokenPurpose.LOOP, ticket, outgoing, automatic=automatic)


def body_marker(keys: TokenKeys, ticket: int) -> str:
    """Return the marker that our mails carry in their body."""
    return BODY_MARKER + keys.mint(TokenPurpose.REPLY, ticket)


def mask(text: str) -> str:
    """Return `text` with `...` for everything that may hold a token, for readers whom no token is for. Total."""
    return _LONG_RUN.sub("...", text)


# --- on the way in --------------------------------------------------------------------------------------------


def read_tokens(mail: ParsedMail, envelope: Envelope, keys: TokenKeys) -> Tokens:
    """Return every verified token that the mail carries, by where it stood. Total; forged tokens are absent.

    A hostile mail's headers vouch for nothing, so of such a mail only the envelope counts.
    """
    recipient = _of_addresses((envelope.rcpt_to,), keys)
    if mail.hostile:
        return Tokens(recipient=recipient)
    if recipient is None and envelope.source == "imap":
        # A fetched mail has no envelope of its own: what the server noted and what the headers show stand in for it.
        shown = (box.address for box in (*mail.to, *mail.cc))
        noted = (*mail.values("delivered-to"), *mail.values("x-original-to"), *mail.values("envelope-to"))
        recipient = _of_addresses((*(value.strip(" <>") for value in noted), *shown), keys)
    message = _every((mail.message_id, *mail.values(REF_HEADER)), TokenPurpose.MESSAGE, keys)
    loop = _every(mail.values(LOOP_HEADER), TokenPurpose.LOOP, keys)
    # To look for a plain word first is ten times as fast, and few mails have it
    marked = (match[1] for match in _MARKED.finditer(mail.text)) if BODY_MARKER in mail.text.lower() else ()
    body = _every(marked, TokenPurpose.REPLY, keys)
    return Tokens(
        recipient=recipient,
        # Providers replace the domain of our ids, or set something before or after them: the left part is ours.
        references=_every((*mail.in_reply_to, *mail.references), TokenPurpose.MESSAGE, keys),
        reported=_every(mail.report.message_ids if mail.report else (), TokenPurpose.MESSAGE, keys),
        message=message[0] if message else None,
        loop=loop[0] if loop else None,
        body=body[0] if body else None,
    )


def _of_addresses(addresses: Iterable[str], keys: TokenKeys) -> Token | None:
    """Return the first verified plus-tag: a bounce token before a reply token."""
    tags = [match[1] for address in addresses if (match := _PLUS_TAG.search(address.rpartition("@")[0]))]
    for purpose in (TokenPurpose.BOUNCE, TokenPurpose.REPLY):
        for tag in tags[:_MAX_CANDIDATES]:
            if token := keys.verify(tag, purpose):
                return token
    return None


def _every(texts: Iterable[str], purpose: TokenPurpose, keys: TokenKeys) -> tuple[Token, ...]:
    """Return the verified tokens in `texts`, each once, in order."""
    found: dict[Token, None] = {}
    looked_at = 0
    for text in texts:
        for match in _ANYWHERE.finditer(text):
            looked_at += 1
            if looked_at > _MAX_CANDIDATES:
                return tuple(found)
            if token := keys.verify(match[0], purpose):
                found.setdefault(token)
    return tuple(found)
