"""Every type of channel, built from settings as an operator writes them: where it connects, what it insists on."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from gateway.config.channels import Channel as Settings
from gateway.model import DeliveryResult, Outcome
from gateway.outbound.channels import CHANNELS, build_channel, gmail, office365
from gateway.outbound.channels.parts import Parts, trust
from gateway.outbound.session import OAuth, Password, Server
from tests.support.certificates import server_context, write_ca_file
from tests.support.drafts import make_message
from tests.support.smtp_server import SmtpServer

MESSAGE = make_message()


class Tokens:
    def access_token(self, *, renew: bool = False) -> str:
        return "fresh"


PARTS = Parts("tickets.example.org", "secret pass", Tokens())


def server_of(settings: Settings, parts: Parts = PARTS) -> Server:
    return build_channel(settings, parts)._server


def make(**values) -> Settings:
    return Settings.model_validate(values)


async def test_the_table_holds_every_type_that_the_settings_know() -> None:
    assert set(CHANNELS) == {"relay", "smtp", "gmail", "office365"}


async def test_a_relay_is_plain_and_local_by_default() -> None:
    server = server_of(make(type="relay"))

    assert (server.host, server.port, server.tls, server.auth) == ("127.0.0.1", 25, None, None)
    assert server.hostname == "tickets.example.org"


@pytest.mark.parametrize(
    ("values", "port", "implicit"),
    [
        ({}, 587, False),
        ({"port": 465}, 465, True),
        ({"port": 465, "tls": "starttls"}, 465, False),
        ({"tls": "implicit"}, 587, True),
    ],
)
async def test_smtp_is_secured_by_default(values, port, implicit) -> None:
    server = server_of(make(type="smtp", host="smtp.example.com", username="it", **values), Parts("t.example", "pw"))

    assert (server.port, server.implicit) == (port, implicit)
    assert server.tls is not None
    assert server.auth == Password("it", "pw")


async def test_gmail_takes_an_app_password_and_sends_as_the_account() -> None:
    channel = build_channel(make(type="gmail", account="support@example.com"), Parts("t.example", "abcd efgh ijkl"))

    assert channel._server.host == "smtp.gmail.com"
    assert channel._server.auth == Password("support@example.com", "abcdefghijkl")
    assert channel._sender == "support@example.com"
    assert channel._server.tls is not None


async def test_office365_signs_in_by_oauth_and_sends_as_the_account() -> None:
    channel = build_channel(make(type="office365", account="help@example.net", tenant="t", client_id="c"), PARTS)

    assert channel._server.host == "smtp.office365.com"
    assert isinstance(channel._server.auth, OAuth)
    assert channel._sender == "help@example.net"
    assert channel._server.tls is not None


@pytest.mark.parametrize(
    "values",
    [{"type": "smtp"}, {"type": "gmail"}, {"type": "office365"}, {"type": "relay", "username": "x"},
     {"type": "smtp", "host": "h.example", "username": "x", "tls": "none"}],
)  # fmt: skip
async def test_what_could_not_send_safely_is_refused(values) -> None:
    with pytest.raises(ValueError, match=r"needs|never sent in clear"):
        build_channel(make(**values), Parts("t.example", "pw"))


async def test_office365_without_a_sign_in_is_refused() -> None:
    with pytest.raises(ValueError, match="poterne connect"):
        build_channel(make(type="office365", account="help@example.net"), Parts("t.example"))


def test_trust_checks_certificate_and_name() -> None:
    context = trust(None)

    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize(
    ("kind", "outcome"), [("good", "sent"), ("wrong-name", "deferred"), ("self-signed", "deferred")]
)
@pytest.mark.parametrize("implicit", [False, True])
async def test_a_configured_authority_is_trusted_and_no_other(kind, outcome, implicit, tmp_path: Path) -> None:
    tls = "implicit" if implicit else "starttls"
    async with SmtpServer(tls=server_context(kind), implicit=implicit, users={"it": "pw"}) as server:
        settings = make(
            type="smtp", host="localhost", port=server.port, tls=tls, username="it", ca_file=write_ca_file(tmp_path)
        )
        channel = build_channel(settings, Parts("t.example", "pw"))
        (result,) = await channel.send("a@example.org", ["ada@example.com"], MESSAGE)
        await channel.close()

    assert result.outcome == outcome
    assert len(server.transactions) == (outcome == "sent")
    assert b"AUTH" not in server.clear


@pytest.mark.parametrize("quirk", [*gmail.QUIRKS, *office365.QUIRKS], ids=lambda quirk: quirk.status)
async def test_the_words_of_providers_hold_the_channel_and_say_why(quirk) -> None:
    kind = "gmail" if quirk in gmail.QUIRKS else "office365"
    settings = make(type=kind, account="help@example.net", host="127.0.0.1", tls="starttls")
    channel = build_channel(settings, PARTS)

    judged = channel._account_trouble(DeliveryResult(Outcome.FAILED, 550, f"550 {quirk.status} words"))

    assert (judged.outcome, judged.channel_down) == (Outcome.DEFERRED, True)
    assert judged.text.endswith(f"({quirk.meaning})")
