"""Our mail through a real Postfix with its defaults: still signed, refused per recipient, back after an outage."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.mail import letters, parse
from gateway.mail.compose import compose
from gateway.mail.preview import KINDS, LOCALES, preview
from gateway.model import Draft, Mailbox, OutgoingFile, OutgoingId, ParsedMail, TicketId
from gateway.outbound import dkim
from gateway.outbound.channels.kept import KeptChannel
from gateway.outbound.session import Server
from tests.support.drafts import DATE, KEYS, make_message, records, signing_keys
from tests.support.letterheads import make_letterhead
from tests.support.opendkim import opendkim_results
from tests.support.ports import free_port
from tests.support.postfix import Postfix, open_folder
from tests.support.smtp_server import EXTENSIONS, SmtpServer

pytestmark = pytest.mark.xdist_group("outbound-postfix")
KEYRING = signing_keys()
ADA = Mailbox("Ada", "ada@example.com")
TICKET = TicketId(1042)
SIGNED_AT = int(DATE.timestamp())


@pytest.fixture(scope="module")
def onward() -> int:
    """Return the port of the next server, behind the relay."""
    return free_port()


@pytest.fixture(scope="module")
def relay(onward: int) -> Iterator[Postfix]:
    with open_folder() as folder:
        running = Postfix(
            folder,
            host="relay.example.org",
            mailboxes=["ada@local.test", "bob@local.test", "zoe@local.test"],
            transports={"far.test": f"smtp:[127.0.0.1]:{onward}"},
        )
        with running:
            yield running


def channel(relay: Postfix) -> KeptChannel:
    return KeptChannel(Server("127.0.0.1", relay.port, "tickets.example.org", timeout=10), 2)


# What a relay might be tempted to change: long lines, dots, blanks at the end, mbox' From, octets beyond ASCII.
TEXT = "From here on:\n.\n..\n" + "x" * 1500 + "\n\ttabs and blanks  \n\n\nÉté, 夏\n\n[image: été.png]\n"
LOGO = OutgoingFile("logo.png", "image/png", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9, "logo@tickets.example.org")
PICTURE = OutgoingFile("été.png", "image/png", LOGO.content)  # shown inside the reply, where the text names it
FILES = (
    OutgoingFile("plan été.pdf", "application/pdf", bytes(range(256)) * 30),
    OutgoingFile("lines.txt", "text/plain", b"From here\n.\nbare\r\rCR  \n" + b"y" * 2000),
    OutgoingFile("mail.eml", "message/rfc822", b"Subject: inside\n\nFrom a mail in a mail\n"),
    PICTURE,
)


def letters_of(locale: str, logo: OutgoingFile | None, files: tuple[OutgoingFile, ...]) -> list[Draft]:
    """Return one letter of each kind, with text that tempts a relay to change it."""
    look = letters.Look(signature="L’équipe", header="Example", footer="1 rue de l'Exemple", locale=locale, logo=logo)
    head = make_letterhead(look, from_=Mailbox("Équipe Exemple, « soutien »", "support@example.org"))
    mail = ParsedMail(message_id="a1@example.com", subject="L’été à l’école " * 8, text=TEXT, from_=ADA)
    reply = letters.reply(
        head, [ADA], mail.subject, TEXT, ticket=TICKET, outgoing=OutgoingId(2), keys=KEYS, files=files,
        cc=[Mailbox("Zoé", "zoe@example.com")], history=[letters.Quoted("Ada", DATE, TEXT)],
    )  # fmt: skip
    return [reply, *(preview(kind, head, mail, ADA) for kind in KINDS)]


async def until(condition, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


# What the next server behind the Postfix offers: everything of today, or nothing since RFC 821.
NEXT = {"modern": EXTENSIONS, "old": ("SIZE 50000000",)}


@pytest.mark.parametrize("server", NEXT)
async def test_every_letter_verifies_after_a_postfix_with_its_defaults(
    relay: Postfix, onward: int, tmp_path: Path, server: str
) -> None:
    sent = [
        dkim.sign(compose(draft, DATE), KEYRING, SIGNED_AT)
        for locale in LOCALES
        for logo, files in ((None, ()), (LOGO, FILES))
        for draft in letters_of(locale, logo, files)
    ]
    far = SmtpServer(extensions=NEXT[server])
    far.port = onward
    async with far:
        way = channel(relay)
        for octets in sent:
            (result,) = await way.send("in+x@example.org", ["ada@far.test"], octets)
            assert result.code == 250
        await way.close()
        await until(lambda: len(far.transactions) == len(sent))
    arrived = [transaction.content for transaction in far.transactions]

    assert far.violations == []
    assert sorted(octets.partition(b"DKIM-Signature:")[2] for octets in arrived) == sorted(
        octets.partition(b"DKIM-Signature:")[2] for octets in sent
    )
    for octets in arrived:
        assert octets.isascii()
        assert max(map(len, octets.split(b"\r\n"))) <= 998  # RFC 5322 §2.1.1
        assert octets.startswith(b"Received: ")
        assert dkim.verify(octets, records(KEYRING).get) == ("example.org r1 pass", "example.org e1 pass")
        assert opendkim_results(octets, records(KEYRING), tmp_path) == ("rsa-sha256 pass", "ed25519-sha256 pass")


async def test_letters_in_a_mailbox_still_verify_and_hold_what_was_put_in(relay: Postfix, tmp_path: Path) -> None:
    way = channel(relay)
    for draft in letters_of("fr", LOGO, FILES):
        octets = dkim.sign(compose(draft, DATE), KEYRING, SIGNED_AT)
        assert (await way.send("in+x@example.org", ["zoe@local.test"], octets))[0].code == 250
    await way.close()
    await until(lambda: len(relay.mails("zoe@local.test")) == len(KINDS) + 1)
    delivered = [octets.replace(b"\n", b"\r\n") for octets in relay.mails("zoe@local.test")]

    for octets in delivered:
        assert dkim.verify(octets, records(KEYRING).get) == ("example.org r1 pass", "example.org e1 pass")
        assert opendkim_results(octets, records(KEYRING), tmp_path) == ("rsa-sha256 pass", "ed25519-sha256 pass")
    (reply,) = [mail for octets in delivered if (mail := parse(octets)).attachments and len(mail.attachments) > 1]
    sizes = {item.filename: item.size for item in reply.attachments}
    assert sizes == {file.filename: len(file.content) for file in (*FILES, LOGO)}
    shown = {item.filename: item.content_id for item in reply.attachments if item.inline}
    assert shown == {"été.png": "picture4.2@tickets.example.org", "logo.png": LOGO.content_id}
    assert "x" * 1500 in reply.text


async def test_an_octet_that_changes_on_the_way_fails_the_signature(tmp_path: Path) -> None:
    for draft in letters_of("en", LOGO, FILES):
        octets = bytearray(dkim.sign(compose(draft, DATE), KEYRING, SIGNED_AT))
        octets[-60] ^= 1
        assert not any("pass" in item for item in dkim.verify(bytes(octets), records(KEYRING).get))
        assert not any("pass" in item for item in opendkim_results(bytes(octets), records(KEYRING), tmp_path))


async def test_postfix_refuses_one_recipient_and_takes_the_others(relay) -> None:
    way = channel(relay)
    results = await way.send(
        "in@example.org", ["ada@local.test", "nobody@local.test", "bob@local.test"], make_message()
    )
    await way.close()
    await until(lambda: relay.mails("ada@local.test") and relay.mails("bob@local.test"))

    assert [str(result.outcome) for result in results] == ["sent", "failed", "sent"]
    assert "550 5.1.1 <nobody@local.test>: Recipient address rejected" in results[1].text


async def test_postfix_takes_the_null_sender_and_asks_nobody_for_a_report(relay) -> None:
    way = channel(relay)
    (result,) = await way.send("", ["bob@local.test"], make_message(subject="null sender"))
    await way.close()
    await until(lambda: any(b"null sender" in mail for mail in relay.mails("bob@local.test")))

    assert result.code == 250
    assert "from=<>" in relay.log()


async def test_postfix_takes_internationalised_addresses(relay) -> None:
    way = channel(relay)
    results = await way.send("in@example.org", ["zoë@local.test", "ada@local.test"], make_message())
    await way.close()

    assert "550 5.1.1" in results[0].text
    assert results[1].code == 250


async def test_an_outage_is_the_channels_and_ends_by_itself() -> None:
    with open_folder() as folder:
        relay = Postfix(folder, host="relay.example.org")
        way = channel(relay)
        (away,) = await way.send("in@example.org", ["ada@far.test"], make_message())
        with relay:
            (back,) = await way.send("in@example.org", ["ada@far.test"], make_message())
        (gone,) = await way.send("in@example.org", ["ada@far.test"], make_message())
        await way.close()

    assert [str(result.outcome) for result in (away, back, gone)] == ["deferred", "sent", "deferred"]
    assert [result.channel_down for result in (away, back, gone)] == [True, False, True]
