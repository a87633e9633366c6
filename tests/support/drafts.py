"""Drafts and keys for tests of the way out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

from gateway.mail.compose import compose
from gateway.mail.token import TokenKeys, loop_token, message_id
from gateway.model import Draft, Mailbox, OutgoingKind
from gateway.outbound.dkim import SigningKey, generate, load_key

KEYS = TokenKeys(b"k" * 32)
DATE = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def make_draft(number: int = 1, **changes) -> Draft:
    """Return an agent's reply on ticket 1042; `number` is the outgoing's."""
    kind = changes.get("kind", OutgoingKind.REPLY)
    plain = Draft(
        kind=kind,
        queue="support",
        channel="relay",
        from_=Mailbox("Example Support", "support@example.org"),
        to=(Mailbox("Ada Example", "ada@example.com"),),
        subject="[#1042] Re: The printer",
        text="Hello,\n\nit is mended.\n\n-- \nThe Example team\n",
        message_id=message_id(KEYS, "tickets.example.org", 1042, number, automatic=kind.automatic),
        loop_token=loop_token(KEYS, 1042, number, automatic=kind.automatic),
        html="<p>Hello,</p><p>it is mended.</p>",
    )
    return replace(plain, **changes)


def make_message(**changes) -> bytes:
    """Return a composed reply, not signed."""
    return compose(make_draft(**changes), DATE)


@cache
def signing_keys(domain: str = "example.org") -> tuple[SigningKey, SigningKey]:
    """Return an RSA and an Ed25519 key of the domain; the same ones during a run."""
    return load_key(domain, "r1", generate("rsa")), load_key(domain, "e1", generate("ed25519"))


def records(keys: tuple[SigningKey, ...]) -> dict[str, str]:
    """Return the DNS of these keys."""
    return {key.name: key.record for key in keys}
