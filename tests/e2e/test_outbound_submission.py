"""Sign-in at a real Postfix submission server with Dovecot's SASL: app password, and OAuth by token introspection."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from gateway.config.channels import Channel as Settings
from gateway.model import DeliveryResult
from gateway.outbound.channels import build_channel
from gateway.outbound.channels.parts import Parts
from tests.support.certificates import write_ca_file, write_server_files
from tests.support.dovecot import Dovecot
from tests.support.drafts import make_message
from tests.support.ports import free_port
from tests.support.postfix import Postfix, open_folder

pytestmark = pytest.mark.xdist_group("outbound-submission")
ACCOUNT = "help@example.net"
SASL = """\
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {socket}
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_tls_chain_files = {key}, {chain}
smtpd_recipient_restrictions = permit_sasl_authenticated, reject
smtpd_error_sleep_time = 0
"""
# Dovecot answers a failed sign-in late, and later each time; tests need not wait for that.
AUTH = """\
auth_failure_delay = 0
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service auth {{
  unix_listener {socket} {{
    mode = 0666
  }}
}}
"""


class Introspection:
    """The authorization server's side: says which tokens are good."""

    def __init__(self) -> None:
        self.good: set[str] = set()
        self.port = free_port()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                token = parse_qs(self.rfile.read(length).decode()).get("token", [""])[0]
                known = f'{{"active": true, "username": "{ACCOUNT}"}}'
                body = (known if token in outer.good else '{"active": false}').encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                """Stay quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Submission:
    """The whole provider."""

    def __init__(self, postfix: Postfix, tokens: Introspection, ca_file: Path) -> None:
        self.postfix, self.tokens, self.ca_file = postfix, tokens, ca_file


@pytest.fixture(scope="module")
def provider() -> Iterator[Submission]:
    tokens = Introspection()
    with open_folder() as folder:
        chain, key = write_server_files(folder)
        socket = folder / "auth.sock"
        url = f"http://127.0.0.1:{tokens.port}/introspect"
        sasl = SASL.format(socket=socket, chain=chain, key=key)
        postfix = Postfix(folder / "postfix", mailboxes=["ada@local.test"], more=sasl)
        with (folder / "postfix/etc/master.cf").open("a") as services:
            services.write("tlsmgr unix - - n 1000? 1 tlsmgr\n")
        sasl_server = Dovecot(folder / "dovecot", imap=False, introspection_url=url, more=AUTH.format(socket=socket))
        with sasl_server, postfix:
            yield Submission(postfix, tokens, write_ca_file(folder))
    tokens.close()


class Tokens:
    def __init__(self, *tokens: str) -> None:
        self.tokens, self.renewals = list(tokens), 0

    def access_token(self, *, renew: bool = False) -> str:
        self.renewals += renew
        return self.tokens.pop(0) if len(self.tokens) > 1 else self.tokens[0]


async def send(provider: Submission, kind: str, password: str = "", tokens: Tokens | None = None) -> DeliveryResult:
    where = {"host": "localhost", "port": provider.postfix.port, "ca_file": provider.ca_file, "timeout": "10s"}
    channel = build_channel(
        Settings.model_validate({"type": kind, "account": ACCOUNT, "tls": "starttls", **where}),
        Parts("tickets.example.org", password, tokens),
    )
    (result,) = await channel.send("in+token@example.org", ["ada@local.test"], make_message())
    await channel.close()
    return result


async def test_an_app_password_with_googles_blanks_signs_in(provider: Submission) -> None:
    result = await send(provider, "gmail", "app -pass")

    assert result.code == 250, result.text
    assert f"sasl_method=PLAIN, sasl_username={ACCOUNT}" in provider.postfix.log()
    for _ in range(100):  # the queue manager notes the sender a little later
        if f"from=<{ACCOUNT}>" in provider.postfix.log():
            break
        await asyncio.sleep(0.05)
    assert f"from=<{ACCOUNT}>" in provider.postfix.log()


async def test_a_wrong_password_holds_the_channel_and_fails_no_mail(provider: Submission) -> None:
    result = await send(provider, "gmail", "wrong")

    assert (str(result.outcome), result.channel_down) == ("deferred", True)
    assert "refuses the sign-in: 535 5.7.8" in result.text


async def test_a_token_signs_in_and_an_expired_one_is_renewed(provider: Submission) -> None:
    provider.tokens.good = {"fresh"}
    good, renewed = Tokens("fresh"), Tokens("expired", "fresh")

    assert (await send(provider, "office365", tokens=good)).code == 250
    assert (await send(provider, "office365", tokens=renewed)).code == 250
    assert (good.renewals, renewed.renewals) == (0, 1)
    assert f"sasl_method=XOAUTH2, sasl_username={ACCOUNT}" in provider.postfix.log()


async def test_a_revoked_token_holds_the_channel_and_fails_no_mail(provider: Submission) -> None:
    provider.tokens.good = set()
    result = await send(provider, "office365", tokens=Tokens("revoked"))

    assert (str(result.outcome), result.channel_down) == ("deferred", True)
    assert "535" in result.text
