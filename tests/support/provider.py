"""A whole mail provider on loopback: Dovecot's IMAP and SASL, Postfix' submission, and an authorization server."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.certificates import write_ca_file, write_server_files
from tests.support.dovecot import Dovecot
from tests.support.microsoft import AuthorizationServer
from tests.support.postfix import Postfix, open_folder

CUSTOMER = "ada@local.test"
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


@dataclass
class Provider:
    """What a customer's and a desk's mail programs would see."""

    dovecot: Dovecot
    postfix: Postfix
    sign_in: AuthorizationServer
    ca_file: Path
    account: str

    def deliver(self, content: bytes, mail_from: str = CUSTOMER) -> None:
        """Put a mail into the account's mailbox, as the provider's own server would."""
        with smtplib.LMTP("127.0.0.1", self.dovecot.lmtp, local_hostname="mx.test", timeout=30) as client:
            assert client.sendmail(mail_from, [self.account], content) == {}

    def sent(self, to: str = CUSTOMER) -> list[bytes]:
        """Return what reached a customer's mailbox."""
        return self.postfix.mails(to)


@contextmanager
def open_provider(account: str, *, lifetime: int = 3600, customers: Sequence[str] = (CUSTOMER,)) -> Iterator[Provider]:
    """Start a provider with one account, and mailboxes for its customers; everything ends with the block."""
    with open_folder() as folder, AuthorizationServer(account, lifetime=lifetime) as sign_in:
        certificate = write_server_files(folder)
        socket = folder / "auth.sock"
        sasl = SASL.format(socket=socket, chain=certificate[0], key=certificate[1])
        postfix = Postfix(folder / "postfix", mailboxes=customers, more=sasl)
        with (folder / "postfix/etc/master.cf").open("a") as services:
            services.write("tlsmgr unix - - n 1000? 1 tlsmgr\n")
        dovecot = Dovecot(
            folder / "dovecot",
            introspection_url=sign_in.introspection_url,
            certificate=certificate,
            more=AUTH.format(socket=socket),
        )
        with dovecot, postfix:
            yield Provider(dovecot, postfix, sign_in, write_ca_file(folder), account)
