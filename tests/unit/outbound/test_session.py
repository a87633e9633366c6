"""The conversation with a server: what each answer means for each recipient, and what never goes over the wire."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import SignInRefused
from gateway.model import DeliveryResult, Outcome
from gateway.outbound.channels.kept import KeptChannel, Quirk
from gateway.outbound.session import OAuth, Password, Server
from tests.support.certificates import client_context, server_context
from tests.support.drafts import make_message
from tests.support.smtp_server import CUT, EXTENSIONS, HANG, SmtpServer

SENDER = "support@example.org"
ADA, BOB, EVE = "ada@example.com", "bob@example.com", "eve@example.net"
MESSAGE = make_message()
NO_PIPELINING = tuple(word for word in EXTENSIONS if word != "PIPELINING")
BOTH = pytest.mark.parametrize("extensions", [EXTENSIONS, NO_PIPELINING], ids=["pipelining", "in-turn"])


class Tokens:
    """A token source that counts, and can be told to give a stale token first."""

    def __init__(self, *tokens: str, refusal: str = "") -> None:
        self.tokens, self.refusal, self.renewals = list(tokens), refusal, 0

    def access_token(self, *, renew: bool = False) -> str:
        if self.refusal:
            raise SignInRefused(self.refusal)
        self.renewals += renew
        return self.tokens.pop(0) if len(self.tokens) > 1 else self.tokens[0]


@contextmanager
def channel(
    server: SmtpServer,
    *,
    connections: int = 2,
    timeout: float = 2.0,
    tls: ssl.SSLContext | None = None,
    implicit: bool = False,
    auth: Password | OAuth | None = None,
    quirks: tuple[Quirk, ...] = (),
    sender: str | None = None,
) -> Iterator[KeptChannel]:
    where = Server("127.0.0.1", server.port, "tickets.example.org", tls, implicit, auth, timeout)
    yield KeptChannel(where, connections, quirks=quirks, sender=sender)


async def send(server: SmtpServer, *recipients: str, content: bytes = MESSAGE, sender: str = SENDER, **options):
    with channel(server, **options) as way:
        results = await way.send(sender, recipients or (ADA,), content)
        await way.close()
    assert server.violations == []
    return results


def outcomes(results) -> list[str]:
    return [f"{result.outcome} {result.code}" for result in results]


# --- taking mail ----------------------------------------------------------------------------------------------


@BOTH
async def test_the_server_gets_the_very_octets(extensions) -> None:
    tricky = MESSAGE.replace(b"it is mended.", b".\r\n..\r\n.a")
    async with SmtpServer(extensions=extensions) as server:
        results = await send(server, ADA, BOB, content=tricky)

    assert outcomes(results) == ["sent 250", "sent 250"]
    assert [(t.mail_from, t.recipients, t.content) for t in server.transactions] == [(SENDER, [ADA, BOB], tricky)]
    assert server.transactions[0].mail_parameters == f"SIZE={len(tricky)}"
    assert all(result.dot_sent for result in results)


async def test_a_large_mail_goes_in_pieces_unchanged() -> None:
    large = MESSAGE + b".dot\r\n" + b"x" * 70 + (b"\r\n.y" + b"z" * 73) * 40_000 + b"\r\n"
    async with SmtpServer() as server:
        assert outcomes(await send(server, content=large)) == ["sent 250"]

    assert server.transactions[0].content == large


@BOTH
async def test_each_recipient_has_its_own_result(extensions) -> None:
    script = {f"rcpt:{BOB}": "550 5.1.1 no such user", f"rcpt:{EVE}": "451 4.7.1 later"}
    async with SmtpServer(script, extensions=extensions) as server:
        results = await send(server, ADA, BOB, EVE)

    assert outcomes(results) == ["sent 250", "failed 550", "deferred 451"]
    assert server.transactions[0].recipients == [ADA]
    assert "no such user" in results[1].text


@BOTH
async def test_refused_recipients_are_remembered_although_data_fails(extensions) -> None:
    script = {f"rcpt:{BOB}": "550 5.1.1 no such user", "dot": "452 4.3.1 full"}
    async with SmtpServer(script, extensions=extensions) as server:
        results = await send(server, ADA, BOB)

    assert outcomes(results) == ["deferred 452", "failed 550"]


@BOTH
@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ({"mail": "451 4.7.1 later"}, "deferred 451"),
        ({"mail": "550 5.7.1 not you"}, "failed 550"),
        ({"rcpt": "450 4.2.1 greylisted"}, "deferred 450"),
        ({"rcpt": "553 5.1.3 bad"}, "failed 553"),
        ({"data": "451 4.3.0 no"}, "deferred 451"),
        ({"data": "554 5.5.1 no"}, "failed 554"),
        ({"dot": "451 4.3.0 no"}, "deferred 451"),
        ({"dot": "554 5.7.1 spam"}, "failed 554"),
        ({"dot": "354 again"}, "deferred 354"),
        ({"rcpt": "550 5.1.1 no", "empty": "354 go on"}, "failed 550"),
    ],
)
async def test_the_first_digit_decides(extensions, script, expected) -> None:
    async with SmtpServer(script, extensions=extensions) as server:
        results = await send(server, ADA, BOB)

    assert outcomes(results) == [expected, expected]
    assert not any(result.channel_down for result in results)
    assert server.transactions == []


@BOTH
@pytest.mark.parametrize("step", ["greeting", "ehlo", "mail", "rcpt", "data", "dot"])
async def test_421_at_any_step_is_the_channels_trouble(extensions, step) -> None:
    async with SmtpServer({step: "421 4.3.2 closing"}, extensions=extensions) as server:
        results = await send(server, ADA, BOB)

    assert outcomes(results) == ["deferred 421", "deferred 421"]
    assert all(result.channel_down for result in results)
    assert "closing" in results[0].text


@BOTH
@pytest.mark.parametrize("word", [HANG, CUT])
@pytest.mark.parametrize("step", ["greeting", "ehlo", "mail", "rcpt", "data"])
async def test_silence_or_a_cut_before_the_dot_sends_nothing(extensions, step, word) -> None:
    async with SmtpServer({step: word}, extensions=extensions) as server:
        results = await send(server, ADA, BOB, timeout=0.2)

    assert outcomes(results) == ["deferred 0", "deferred 0"]
    assert all(result.channel_down and not result.dot_sent for result in results)
    assert server.transactions == []


@BOTH
@pytest.mark.parametrize("word", [HANG, CUT])
async def test_silence_or_a_cut_after_the_dot_is_unknown(extensions, word, monkeypatch) -> None:
    monkeypatch.setattr("gateway.outbound.session.DOT_PATIENCE", 1)
    async with SmtpServer({"dot": word, f"rcpt:{BOB}": "550 5.1.1 no"}, extensions=extensions) as server:
        results = await send(server, ADA, BOB, timeout=0.2)

    assert outcomes(results) == ["unknown 0", "failed 550"]
    assert results[0].dot_sent
    assert len(server.transactions) == 1


async def test_the_answer_to_the_dot_is_waited_for_longer() -> None:
    async with SmtpServer({"dot": HANG}) as server:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(send(server, timeout=0.2), 1.0)


@pytest.mark.parametrize("greeting", ["554 5.3.2 no service", "450 later", "SSH-2.0-OpenSSH_9", "\x16\x03\x01", "220"])
async def test_whatever_greets_instead_of_a_mail_server_is_the_channels_trouble(greeting) -> None:
    async with SmtpServer({"greeting": greeting}) as server:
        (result,) = await send(server)

    assert result.outcome is (Outcome.SENT if greeting == "220" else Outcome.DEFERRED)
    assert result.channel_down is (greeting != "220")


async def test_an_endless_answer_is_cut_short() -> None:
    async with SmtpServer({"greeting": "220-" + "\r\n220-x" * 1000}) as server:
        (result,) = await send(server)
    async with SmtpServer({"greeting": "2" * 10_000}) as other:
        (second,) = await send(other)

    assert "no end" in result.text
    assert result.channel_down
    assert second.channel_down


async def test_nobody_listens() -> None:
    async with SmtpServer() as server:
        pass
    (result,) = await send(server)

    assert outcomes([result]) == ["deferred 0"]
    assert result.channel_down


async def test_a_servers_words_are_shown_without_tricks() -> None:
    async with SmtpServer({"rcpt": "550-5.1.1 no\x1b[31m\u202e\r\n550 really " + "x" * 2000}) as server:
        (result,) = await send(server)

    assert result.text.startswith("550 5.1.1 no [31m really xxx")
    assert len(result.text) <= 400


# --- what the server can do -----------------------------------------------------------------------------------


async def test_a_null_sender_asks_for_no_reports() -> None:
    async with SmtpServer() as server:
        await send(server, ADA, sender="")
    async with SmtpServer(extensions=()) as plain:
        await send(plain, ADA, sender="")

    assert (server.transactions[0].mail_from, server.transactions[0].rcpt_parameters) == ("", ["NOTIFY=NEVER"])
    assert (plain.transactions[0].mail_from, plain.transactions[0].rcpt_parameters) == ("", [""])
    assert plain.transactions[0].mail_parameters == ""


async def test_a_mail_beyond_the_servers_size_is_not_even_tried() -> None:
    async with SmtpServer(extensions=("SIZE 100",)) as server:
        (result,) = await send(server)

    assert outcomes([result]) == ["failed 552"]
    assert "MAIL" not in " ".join(server.commands)


async def test_internationalised_addresses_go_where_they_are_known() -> None:
    async with SmtpServer() as server:
        assert outcomes(await send(server, "zoë@exämple.example")) == ["sent 250"]
    async with SmtpServer(extensions=("8BITMIME",)) as old:
        assert outcomes(await send(old, "zoë@example.com")) == ["failed 553"]
        assert outcomes(await send(old, "zoë@example.com", "zoe@exämple.example")) == ["failed 553", "sent 250"]

    assert server.transactions[0].recipients == ["zoë@xn--exmple-cua.example"]
    assert "SMTPUTF8" in server.transactions[0].mail_parameters
    assert old.transactions[0].recipients == ["zoe@xn--exmple-cua.example"]


async def test_a_header_with_an_internationalised_address_needs_the_extension_too() -> None:
    eight = MESSAGE.replace(b"To: Ada Example <ada@example.com>", "To: zoë@example.com".encode())
    async with SmtpServer() as server:
        await send(server, ADA, content=eight)
    async with SmtpServer(extensions=()) as old:
        assert outcomes(await send(old, ADA, content=eight)) == ["failed 553"]

    assert server.transactions[0].mail_parameters.split(" ")[1:] == ["BODY=8BITMIME", "SMTPUTF8"]


# --- kept connections -----------------------------------------------------------------------------------------


async def test_a_connection_is_kept_and_said_good_bye_to() -> None:
    async with SmtpServer() as server:
        with channel(server) as way:
            for _ in range(3):
                await way.send(SENDER, [ADA], MESSAGE)
            await way.close()
            await asyncio.sleep(0.05)

    assert server.connections == 1
    assert server.commands[-1] == "QUIT"
    assert len(server.transactions) == 3


async def test_a_closed_channel_can_be_used_again() -> None:
    async with SmtpServer() as server:
        with channel(server) as way:
            for _ in range(2):
                await way.send(SENDER, [ADA], MESSAGE)
                await way.send(SENDER, [ADA], MESSAGE)
                await way.close()

    assert server.connections == 2


async def test_a_kept_connection_that_died_is_replaced_without_a_word() -> None:
    async with SmtpServer() as server:
        with channel(server) as way:
            await way.send(SENDER, [ADA], MESSAGE)
            server.script["mail"] = [CUT]
            (result,) = await way.send(SENDER, [BOB], MESSAGE)
            await way.close()

    assert result.outcome is Outcome.SENT
    assert server.connections == 2
    assert [t.recipients for t in server.transactions] == [[ADA], [BOB]]


async def test_a_server_that_speaks_unasked_is_not_used_again() -> None:
    async with SmtpServer({"dot": "250 taken\r\n250 taken again"}) as server:
        with channel(server) as way:
            await way.send(SENDER, [ADA], MESSAGE)
            await asyncio.sleep(0.02)
            await way.send(SENDER, [BOB], MESSAGE)
            await way.close()

    assert server.connections == 2


async def test_a_refused_mail_leaves_the_connection_usable() -> None:
    async with SmtpServer({"data": ["451 4.3.0 no"], "mail": ["250 ok", "451 4.3.0 no"]}) as server:
        with channel(server) as way:
            results = [(await way.send(SENDER, [ADA], MESSAGE))[0].code for _ in range(3)]
            await way.close()

    assert results == [451, 451, 250]
    assert server.connections == 1


async def test_connections_are_bounded() -> None:
    async with SmtpServer() as server:
        with channel(server, connections=3) as way:
            await asyncio.gather(*(way.send(SENDER, [ADA], MESSAGE) for _ in range(40)))
            await way.close()

    assert server.most_open <= 3
    assert len(server.transactions) == 40


async def test_a_connection_is_renewed_after_many_mails(monkeypatch) -> None:
    monkeypatch.setattr("gateway.outbound.channels.kept.MAX_MAILS", 2)
    async with SmtpServer() as server:
        with channel(server) as way:
            for _ in range(5):
                await way.send(SENDER, [ADA], MESSAGE)
            await way.close()

    assert server.connections == 3


async def test_an_idle_connection_is_closed(monkeypatch) -> None:
    monkeypatch.setattr("gateway.outbound.channels.kept.IDLE", 0.01)
    async with SmtpServer() as server:
        with channel(server) as way:
            await way.send(SENDER, [ADA], MESSAGE)
            await asyncio.sleep(0.1)

            assert server.open == 0
            await way.close()


async def test_a_cancelled_send_leaves_no_half_mail_behind() -> None:
    async with SmtpServer({"dot": [HANG]}) as server:
        with channel(server, timeout=30) as way:
            task = asyncio.create_task(way.send(SENDER, [ADA], MESSAGE))
            await asyncio.sleep(0.1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            (result,) = await way.send(SENDER, [BOB], MESSAGE)
            await way.close()

    assert result.outcome is Outcome.SENT
    assert server.connections == 2


# --- injection (T2) -------------------------------------------------------------------------------------------

CRAFTED = [
    "a@b.example>\r\nRCPT TO:<evil@example.net", "a@b.example\r\nRSET", "a@b.example> SIZE=1", "Name <n@o.example>",
    "<a@b.example>", "<a@b.example> c@d.example", "a@b.example\n", "a@b.example\0", "", "a", "@", "a b@example.com",
    '"a>b"@example.com', "a@b.example\x85", "a@[127.0.0.1]\r\nDATA", "\udc80@example.com", "a@b..example",
    "a@b.example ",
]  # fmt: skip


@pytest.mark.parametrize("address", CRAFTED)
async def test_a_crafted_address_never_reaches_the_wire(address: str) -> None:
    async with SmtpServer() as server:
        results = await send(server, ADA, address)
        refused = await send(server, ADA, sender=address) if address else []

    assert outcomes(results) == ["sent 250", "failed 0"]
    assert [t.recipients for t in server.transactions] == [[ADA]]
    assert outcomes(refused) in (["failed 0"], [])


@pytest.mark.parametrize("end", [b"\n.\n", b"\r.\r", b"\n.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r.\r\n", b"\n", b"x"])
async def test_a_mail_with_bare_line_ends_never_reaches_the_wire(end: bytes) -> None:
    smuggled = MESSAGE + end + b"MAIL FROM:<evil@example.net>\r\nRCPT TO:<x@example.com>\r\nDATA\r\nx\r\n.\r\n" + end
    async with SmtpServer() as server:
        results = await send(server, content=smuggled)

    assert outcomes(results) == ["failed 0"]
    assert server.transactions == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=30) | st.sampled_from(CRAFTED), min_size=1, max_size=4), st.binary(max_size=200))
def test_any_addresses_and_octets_make_at_most_the_one_transaction_that_was_meant(addresses, octets) -> None:
    async def play() -> tuple[SmtpServer, list[DeliveryResult]]:
        async with SmtpServer() as server:
            with channel(server) as way:
                results = await way.send(SENDER, [*addresses, ADA], octets)
                await way.close()
        return server, list(results)

    server, results = asyncio.run(play())
    taken = [address for address, result in zip([*addresses, ADA], results, strict=True) if result.code == 250]

    assert server.violations == []
    assert len(results) == len(addresses) + 1
    assert len(server.transactions) == bool(taken)
    if taken:
        assert server.transactions[0].mail_from == SENDER
        assert len(server.transactions[0].recipients) == len(taken)
        assert server.transactions[0].content == octets


# --- TLS and sign-in (T3) -------------------------------------------------------------------------------------

LOGIN = Password("ada", "correct horse")
USERS = {"ada": "correct horse"}


@pytest.mark.parametrize("implicit", [False, True], ids=["starttls", "implicit"])
@pytest.mark.parametrize("mechanisms", ["PLAIN LOGIN", "LOGIN"])
async def test_a_sign_in_happens_under_tls_alone(implicit: bool, mechanisms: str) -> None:
    async with SmtpServer(
        tls=server_context(), implicit=implicit, users=USERS, mechanisms=mechanisms, auth_in_clear=True
    ) as server:
        (result,) = await send(server, tls=client_context(), implicit=implicit, auth=LOGIN)

    assert result.outcome is Outcome.SENT
    assert server.transactions[0].secure
    assert server.transactions[0].user == "ada"
    assert not re.search(rb"AUTH|MAIL", server.clear)


EVIL: dict[str, dict[str, Any]] = {
    "stripped": {"tls": "good", "offer_starttls": False, "auth_in_clear": True},
    "refused": {"tls": "good", "script": {"starttls": "454 4.7.0 not now"}, "auth_in_clear": True},
    "injected": {"tls": "good", "inject": b"250 sink.test\r\n250 AUTH PLAIN\r\n"},
    "injected-half": {"tls": "good", "inject": b"250-sink"},
    "self-signed": {"tls": "self-signed"},
    "wrong-name": {"tls": "wrong-name"},
    "expired": {"tls": "expired"},
    "no-tls-at-all": {"tls": None, "auth_in_clear": True},
}


@pytest.mark.parametrize("kind", EVIL)
async def test_an_evil_relay_gets_no_credential_and_no_mail(kind: str) -> None:
    options = dict(EVIL[kind])
    certificate = options.pop("tls")
    context = server_context(str(certificate)) if certificate else None
    async with SmtpServer(tls=context, users=USERS, **options) as server:
        (result,) = await send(server, tls=client_context(), auth=LOGIN)

    assert outcomes([result])[0].startswith("deferred")
    assert result.channel_down
    assert server.transactions == []
    assert not re.search(rb"AUTH|MAIL|horse|YWRh", bytes(server.clear))
    assert [command for command in server.commands if command.startswith(("AUTH", "MAIL"))] == []


@pytest.mark.parametrize("kind", ["self-signed", "wrong-name", "expired"])
async def test_an_evil_relay_with_tls_first_gets_nothing_either(kind: str) -> None:
    async with SmtpServer(tls=server_context(kind), implicit=True, users=USERS) as server:
        (result,) = await send(server, tls=client_context(), implicit=True, auth=LOGIN)

    assert result.channel_down
    assert "certificate" in result.text
    assert server.commands == []


def test_credentials_without_tls_cannot_even_be_configured() -> None:
    with pytest.raises(ValueError, match="never sent in clear"):
        Server("127.0.0.1", 25, "tickets.example.org", auth=LOGIN)


async def test_a_wrong_password_is_the_channels_trouble_and_never_shown() -> None:
    async with SmtpServer(tls=server_context(), users={"ada": "other"}) as server:
        (result,) = await send(server, tls=client_context(), auth=LOGIN)

    assert outcomes([result]) == ["deferred 535"]
    assert result.channel_down
    assert "horse" not in repr(result) + repr(LOGIN)


async def test_a_server_without_a_sign_in_is_told_so() -> None:
    async with SmtpServer(tls=server_context()) as server:
        (result,) = await send(server, tls=client_context(), auth=LOGIN)

    assert "offers neither AUTH PLAIN nor LOGIN (no AUTH)" in result.text
    assert result.channel_down


async def test_a_stale_token_is_renewed_once() -> None:
    tokens = Tokens("stale", "fresh")
    async with SmtpServer(tls=server_context(), token=lambda: "fresh") as server:
        (result,) = await send(server, tls=client_context(), auth=OAuth("help@example.net", tokens))

    assert result.outcome is Outcome.SENT
    assert tokens.renewals == 1
    assert server.transactions[0].user == "help@example.net"


async def test_a_token_that_stays_refused_is_the_channels_trouble() -> None:
    tokens = Tokens("stale")
    async with SmtpServer(tls=server_context(), token=lambda: "fresh") as server:
        (result,) = await send(server, tls=client_context(), auth=OAuth("help@example.net", tokens))

    assert outcomes([result]) == ["deferred 535"]
    assert result.channel_down
    assert tokens.renewals == 1


async def test_the_administrators_next_step_reaches_the_operator() -> None:
    tokens = Tokens(refusal="consent is missing: an administrator grants it")
    async with SmtpServer(tls=server_context(), token=lambda: "x") as server:
        (result,) = await send(server, tls=client_context(), auth=OAuth("help@example.net", tokens))
    async with SmtpServer(tls=server_context(), token=lambda: "x", mechanisms="PLAIN") as other:
        (second,) = await send(other, tls=client_context(), auth=OAuth("help@example.net", tokens))

    assert "consent is missing" in result.text
    assert "no AUTH XOAUTH2" in second.text
    assert result.channel_down
    assert second.channel_down


# --- providers ------------------------------------------------------------------------------------------------


async def test_a_limit_of_the_account_is_no_failure_of_the_recipient() -> None:
    quirks = (Quirk("5.4.5", "the daily limit is reached"),)
    async with SmtpServer({"rcpt": "550 5.4.5 Daily user sending limit exceeded"}) as server:
        (result,) = await send(server, quirks=quirks)
        (plain,) = await send(server)

    assert outcomes([result, plain]) == ["deferred 550", "failed 550"]
    assert result.channel_down
    assert "the daily limit is reached" in result.text


async def test_a_provider_that_sends_as_the_account_alone_gets_it_as_envelope_sender() -> None:
    async with SmtpServer() as server:
        await send(server, sender="")
        with channel(server, sender="help@example.net") as way:
            await way.send("", [ADA], MESSAGE)
            await way.send("bounce+x@example.org", [ADA], MESSAGE)
            await way.close()

    assert [t.mail_from for t in server.transactions] == ["", "help@example.net", "help@example.net"]
