"""A token is ours, whole and for its purpose, or it is nothing (I5)."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import NotSendable
from gateway.mail import token as tokens
from gateway.mail.token import TokenKeys, read_tokens
from gateway.model import Envelope, Field, Mailbox, ParsedMail, Report, ReportKind, Token, TokenPurpose, Tokens
from tests.support.forge_tokens import forge

KEYS = TokenKeys(b"k" * 32)
ids = st.integers(0, tokens.MAX_ID)


def envelope(rcpt_to: str = "support-in@tickets.example.org", source: str = "lmtp") -> Envelope:
    return Envelope("ada@example.com", rcpt_to, datetime(2026, 3, 1, tzinfo=UTC), source)


@given(st.sampled_from(TokenPurpose), ids, ids, st.booleans())
def test_a_token_comes_back_as_it_was_minted(purpose: TokenPurpose, subject: int, detail: int, automatic: bool) -> None:
    text = KEYS.mint(purpose, subject, detail, automatic=automatic)

    assert len(text) == 40
    assert set(text) <= set("abcdefghijklmnopqrstuvwxyz234567")
    assert KEYS.verify(text, purpose) == Token(purpose, subject, detail, automatic)
    assert KEYS.verify(text.upper(), purpose) == Token(purpose, subject, detail, automatic)


@pytest.mark.parametrize("minted", TokenPurpose)
def test_a_token_serves_one_purpose_only(minted: TokenPurpose) -> None:
    text = KEYS.mint(minted, 7)

    assert [purpose for purpose in TokenPurpose if KEYS.verify(text, purpose)] == [minted]


def test_every_single_changed_bit_is_refused() -> None:
    raw = base64.b32decode(KEYS.mint(TokenPurpose.MESSAGE, 7, 8).upper())
    for bit in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        text = base64.b32encode(bytes(changed)).decode().lower()
        assert [purpose for purpose in TokenPurpose if KEYS.verify(text, purpose)] == []


def test_old_keys_verify_and_the_new_one_mints() -> None:
    old, new = b"o" * 32, b"n" * 32
    before = TokenKeys(old).mint(TokenPurpose.REPLY, 5)
    rotated = TokenKeys(new, (old,))

    assert rotated.verify(before, TokenPurpose.REPLY) == Token(TokenPurpose.REPLY, 5)
    assert TokenKeys(new).verify(rotated.mint(TokenPurpose.REPLY, 6), TokenPurpose.REPLY) is not None
    assert TokenKeys(new).verify(before, TokenPurpose.REPLY) is None


def test_keys_with_the_same_hint_both_verify() -> None:
    many = [bytes([n]) * 32 for n in range(40)]
    rotated = TokenKeys(many[0], tuple(many[1:]))

    assert all(rotated.verify(TokenKeys(key).mint(TokenPurpose.LOOP, 1, 2), TokenPurpose.LOOP) for key in many)


@pytest.mark.parametrize("number", [-1, 1 << 32])
def test_ids_that_do_not_fit_are_refused(number: int) -> None:
    with pytest.raises(NotSendable):
        KEYS.mint(TokenPurpose.REPLY, number)
    with pytest.raises(NotSendable):
        KEYS.mint(TokenPurpose.MESSAGE, 1, number)


def test_short_keys_are_refused_and_keys_are_never_shown() -> None:
    with pytest.raises(ValueError, match="32 octets"):
        TokenKeys(b"short")
    with pytest.raises(ValueError, match="32 octets"):
        TokenKeys(b"k" * 32, (b"short",))

    assert "kkk" not in repr(KEYS)


@given(st.one_of(st.text(max_size=60), st.text("abcdefghijklmnopqrstuvwxyz234567=", min_size=38, max_size=42)))
def test_verify_is_total(text: str) -> None:
    assert all(KEYS.verify(text, purpose) is None for purpose in TokenPurpose)


def test_letters_that_only_fold_to_ascii_are_no_token() -> None:
    text = KEYS.mint(TokenPurpose.REPLY, 5)

    assert KEYS.verify(text.replace("s", "\u017f").replace("k", "\u212a"), TokenPurpose.REPLY) is None


def test_no_forged_token_verifies() -> None:
    assert forge(20_000, seed=1) == 0


# --- addresses ------------------------------------------------------------------------------------------------


def test_reply_and_bounce_addresses_come_back_as_recipients() -> None:
    home = "support-in@tickets.example.org"
    reply = tokens.reply_address(KEYS, home, 42)
    bounce = tokens.bounce_address(KEYS, home, 77, automatic=True)

    assert len(reply.rpartition("@")[0]) <= 64
    assert read_tokens(ParsedMail(), envelope(reply), KEYS).recipient == Token(TokenPurpose.REPLY, 42)
    assert read_tokens(ParsedMail(), envelope(bounce.upper()), KEYS).recipient == Token(
        TokenPurpose.BOUNCE, 77, automatic=True
    )


@pytest.mark.parametrize(("local", "fits"), [("x" * 23, True), ("x" * 24, False), ("é" * 12, False)])
def test_a_local_part_never_exceeds_64_octets(local: str, fits: bool) -> None:
    address = f"{local}@example.org"

    assert tokens.fits(address) is fits
    if fits:
        assert len(tokens.reply_address(KEYS, address, 1).rpartition("@")[0]) == 64
    else:
        with pytest.raises(NotSendable):
            tokens.reply_address(KEYS, address, 1)


@pytest.mark.parametrize("address", ["", "@example.org", "nobody", "nobody@"])
def test_an_address_without_its_parts_gets_no_token(address: str) -> None:
    with pytest.raises(NotSendable):
        tokens.tagged(address, "t")


# --- reading a mail -------------------------------------------------------------------------------------------


def test_references_are_read_nearest_first_whatever_the_domain_became() -> None:
    near, middle, far = (KEYS.mint(TokenPurpose.MESSAGE, 9, n) for n in (3, 2, 1))
    mail = ParsedMail(
        in_reply_to=(f"{near}@eu-west-1.amazonses.com",),
        references=(f"{near}@tickets.example.org", f"prefix.{middle.upper()}@x.example", "abc@example.com", far),
    )

    assert [token.detail for token in read_tokens(mail, envelope(), KEYS).references] == [3, 2, 1]


def test_every_place_of_a_mail_is_read() -> None:
    message = tokens.message_id(KEYS, "tickets.example.org", 9, 4)
    loop = tokens.loop_token(KEYS, 9, 4, automatic=True)
    mail = ParsedMail(
        message_id="rewritten@relay.example",
        fields=(Field("x-poterne-ref", message.partition("@")[0], 1), Field("x-poterne-loop", loop, 2)),
        text=f"Thanks!\n> {tokens.body_marker(KEYS, 9)}\n",
        report=Report(ReportKind.DELIVERY, message_ids=(message,)),
    )

    assert read_tokens(mail, envelope(), KEYS) == Tokens(
        message=Token(TokenPurpose.MESSAGE, 9, 4),
        loop=Token(TokenPurpose.LOOP, 9, 4, automatic=True),
        body=Token(TokenPurpose.REPLY, 9),
        reported=(Token(TokenPurpose.MESSAGE, 9, 4),),
    )


def test_a_hostile_mail_has_no_tokens_but_that_of_its_envelope() -> None:
    message = tokens.message_id(KEYS, "tickets.example.org", 9, 4)
    mail = ParsedMail(
        hostile=True,
        message_id=message,
        references=(message,),
        fields=(Field("x-poterne-loop", tokens.loop_token(KEYS, 9, 4), 1),),
        text=tokens.body_marker(KEYS, 9),
    )
    reply = tokens.reply_address(KEYS, "support-in@tickets.example.org", 42)

    assert read_tokens(mail, envelope(reply), KEYS) == Tokens(recipient=Token(TokenPurpose.REPLY, 42))


def test_only_a_fetched_mail_takes_its_recipient_from_the_headers() -> None:
    tagged = tokens.reply_address(KEYS, "help@example.net", 42)
    mail = ParsedMail(to=(Mailbox("", tagged),), fields=(Field("delivered-to", f"<{tagged}>", 1),))

    assert read_tokens(mail, envelope("help@example.net", "imap"), KEYS).recipient == Token(TokenPurpose.REPLY, 42)
    assert read_tokens(mail, envelope("help@example.net", "lmtp"), KEYS).recipient is None


def test_another_instance_reads_nothing() -> None:
    message = tokens.message_id(TokenKeys(b"x" * 32), "tickets.example.org", 9, 4)

    assert read_tokens(ParsedMail(message_id=message, references=(message,)), envelope(), KEYS) == Tokens()


def test_a_flood_of_candidates_is_cut_short() -> None:
    good = KEYS.mint(TokenPurpose.MESSAGE, 9)
    flood = tuple(KEYS.mint(TokenPurpose.LOOP, n) for n in range(1000))

    assert read_tokens(ParsedMail(references=(good, *flood)), envelope(), KEYS).references != ()
    assert read_tokens(ParsedMail(references=(*flood, good)), envelope(), KEYS).references == ()


@given(st.text(max_size=200), st.text(max_size=200))
def test_reading_is_total(text: str, rcpt_to: str) -> None:
    mail = ParsedMail(message_id=text, references=(text,), text=text, fields=(Field("x-poterne-loop", text, 1),))

    assert read_tokens(mail, envelope(rcpt_to, "imap"), KEYS) == Tokens()


@given(st.sampled_from(TokenPurpose), ids, st.sampled_from(["", "+", "ref:", "<a+", "%2B", "x", "0"]), st.booleans())
def test_a_masked_text_shows_no_token(purpose: TokenPurpose, subject: int, before: str, upper: bool) -> None:
    text = KEYS.mint(purpose, subject)
    shown = tokens.mask(f"See {before}{text.upper() if upper else text}@example.org, {'a' * 39}.")

    assert text not in shown.lower()
    assert shown.startswith("See ")
    assert shown.endswith(f"...@example.org, {'a' * 39}.")


@given(st.text(alphabet="aZ2701+@ .", max_size=300))
def test_masking_is_total_and_leaves_what_is_too_short(text: str) -> None:
    shown = tokens.mask(text)

    assert max(map(len, re.findall("[A-Za-z2-7]+", shown)), default=0) < tokens.LENGTH
    assert tokens.mask(shown) == shown
    assert re.search("[A-Za-z2-7]{40}", text) or shown == text
