"""docs/example.md, played: one desk, a forwarded and a direct inbox, and a queue that answers by another's account.

Customers' mails go through a real Postfix in front, to the daemon's LMTP or to a real Dovecot that the daemon fetches
from. Answers leave by a real Postfix as relay, or by a real submission server that wants a sign-in.
"""

from __future__ import annotations

import re
import smtplib
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parseaddr
from pathlib import Path
from typing import Any

import pytest

from gateway.mail import parse
from gateway.outbound import dkim
from gateway.outbound.dkim import SigningKey, generate, load_key
from tests.support.daemon import Daemon
from tests.support.drafts import records
from tests.support.opendkim import opendkim_results
from tests.support.postfix import Postfix, open_folder
from tests.support.provider import Provider, open_provider
from tests.support.signed_in import SignedIn

pytestmark = pytest.mark.xdist_group("whole-example")
PAGE = Path(__file__).parents[2] / "docs/example.md"
ACCOUNT = "it@abc.example"
ANN, BOB, CLEO = "ann@customer.test", "bob@office.test", "cleo@home.test"


@dataclass(frozen=True)
class Way:
    """What the page promises of one queue."""

    queue: str
    inbox: str
    customer: str
    from_: tuple[str, str]
    answers: str  # where Reply-To points, without its token
    signed_for: str
    by_account: bool


WAYS = (
    Way(
        "support", "support@example.org", ANN, ("Example Support", "support@example.org"),
        "support-in@tickets.example.org", "example.org", by_account=False,
    ),
    Way("it", ACCOUNT, BOB, ("ABC IT", ACCOUNT), ACCOUNT, "abc.example", by_account=True),
    Way(
        "xyz", "support@xyz.example", CLEO, ("XYZ Support", ACCOUNT),
        "xyz-in@tickets.example.org", "abc.example", by_account=True,
    ),
)  # fmt: skip
FORWARDED = "virtual_alias_domains = example.org, xyz.example\nvirtual_alias_maps = inline:{{ {table} }}"
ALIAS = re.compile(r"^(\S+@\S+)    (\S+@\S+)$", re.MULTILINE)


def written() -> str:
    """Return the configuration of the page."""
    return PAGE.read_text(encoding="utf-8").partition("```yaml\n")[2].partition("```")[0]


def put_in(text: str, places: dict[str, str]) -> str:
    """Put this machine's places in for those of the page. Each has to be there, once."""
    for there, here in places.items():
        assert text.count(there) == 1, there
        text = text.replace(there, here)
    return text


class Stage:
    """Everything of the page, running."""

    def __init__(self, folder: Path, provider: Provider) -> None:
        self.provider = provider
        self.daemon = Daemon(folder / "desk")
        self.keys = {
            domain: load_key(domain, "p2026", self._secret(f"{domain}.pem", generate("rsa")))
            for domain in ("example.org", "abc.example")
        }
        table = ", ".join(f"{{{there} = {here}}}" for there, here in ALIAS.findall(PAGE.read_text(encoding="utf-8")))
        self.front = Postfix(
            folder / "front",
            transports={
                "tickets.example.org": f"lmtp:inet:127.0.0.1:{self.daemon.lmtp}",
                "abc.example": f"lmtp:inet:127.0.0.1:{provider.dovecot.lmtp}",
            },
            more=FORWARDED.format(table=table),
        )
        self.relay = Postfix(folder / "relay", host="relay.example.org", mailboxes=[ANN, BOB, CLEO])
        self._secret("it-password", b"app-pass")
        self.text = put_in(
            written(),
            {
                "127.0.0.1:8024": f"127.0.0.1:{self.daemon.lmtp}",
                "127.0.0.1:8025": f"127.0.0.1:{self.daemon.http}",
                "sqlite:////var/lib/poterne/poterne.db": self.daemon.database,
                "/etc/poterne/secret": str(self.daemon.folder / "secret"),
                "port: 25}": f"port: {self.relay.port}}}",
                "/etc/poterne/it-password": str(self.daemon.folder / "it-password"),
                "    host: imap.abc.example": f"    host: localhost\n    port: {provider.dovecot.imaps}",
                "    smtp_host: smtp.abc.example": f"    smtp_host: localhost\n    smtp_port: {provider.postfix.port}\n"
                f"    ca_file: {provider.ca_file}\n    poll: 2s",
                "/etc/poterne/dkim/example.org.pem": str(self.daemon.folder / "example.org.pem"),
                "/etc/poterne/dkim/abc.example.pem": str(self.daemon.folder / "abc.example.pem"),
            },
        )
        self.daemon.config.write_text(f"{self.text}agents: {{undo_send: 0s}}\n")

    def _secret(self, name: str, content: bytes) -> bytes:
        path = self.daemon.folder / name
        path.touch(mode=0o600)
        path.write_bytes(content)
        return content

    def write(self, sender: str, to: str, subject: str, text: str, answered: EmailMessage | None = None) -> None:
        """Let a customer write, from outside, to whatever address."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = sender, to, subject
        message["Message-ID"] = f"<{subject.casefold().replace(' ', '-').replace('#', '')}-{len(text)}@{sender[-9:]}>"
        if answered is not None:
            message["In-Reply-To"] = answered["Message-ID"]
            message["References"] = f"{answered['References'] or ''} {answered['Message-ID']}".strip()
        message.set_content(text)
        octets = message.as_bytes(policy=policy.SMTP)
        with smtplib.SMTP("127.0.0.1", self.front.port, local_hostname="client.test", timeout=30) as client:
            client.sendmail(sender, [to], octets)

    def received(self, way: Way) -> list[bytes]:
        """Return what reached a customer over the way out that the page names, and see that nothing came otherwise."""
        right, wrong = self.provider.postfix, self.relay
        if not way.by_account:
            right, wrong = wrong, right
        assert wrong.mails(way.customer) == []
        return right.mails(way.customer)

    def next_mail(self, way: Way, count: int) -> bytes:
        """Return the newest mail of a customer, once there are so many."""
        self.daemon.until(lambda: len(self.received(way)) >= count, 60)
        assert len(self.received(way)) == count
        return self.received(way)[-1]

    def ticket(self, queue: str) -> dict[str, Any]:
        """Return the one ticket of a queue, once all mail is judged."""
        self.daemon.until(self.daemon.settled)
        (row,) = [row for row in self.daemon.rows("tickets") if row["queue"] == queue]
        return row


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with open_folder() as folder, open_provider(ACCOUNT, customers=[ANN, BOB, CLEO]) as provider:
        stage = Stage(folder, provider)
        with stage.daemon, stage.front, stage.relay:
            checked = stage.daemon.command("check")
            assert checked.returncode == 0, checked.stderr
            assert checked.stderr == ""
            stage.daemon.start(seconds=60)
            stage.daemon.until(lambda: "health=ok" in stage.daemon.log.read_text(), 60)
            yield stage


def check_signed(octets: bytes, keys: dict[str, SigningKey], domain: str, folder: Path) -> None:
    """Two implementations verify the signature, and it aligns with From (RFC 7489 §3.1.1)."""
    dns = records(tuple(keys.values()))
    author = parseaddr(str(message_from_bytes(octets, policy=policy.default)["From"]))[1]
    assert author.endswith(f"@{domain}")
    assert dkim.verify(octets, dns.get) == (f"{domain} p2026 pass",)
    assert opendkim_results(octets, dns, folder) == ("rsa-sha256 pass",)


def as_mail(octets: bytes) -> EmailMessage:
    message = message_from_bytes(octets, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def test_three_ways_in_and_out_of_one_desk(stage: Stage, tmp_path: Path) -> None:
    with SignedIn(stage.daemon, "lea@desk.example") as lea:
        for way in WAYS:
            stage.write(way.customer, way.inbox, f"Question to {way.queue}", "It does not print.")
        answers = {}
        for way in WAYS:
            acknowledged = as_mail(stage.next_mail(way, 1))
            number = stage.ticket(way.queue)["number"]
            check_letter(acknowledged, way, number)
            assert acknowledged["Auto-Submitted"] == "auto-replied"
            check_signed(stage.next_mail(way, 1), stage.keys, way.signed_for, tmp_path)

            lea.reply(number, f"Pour water over it, says {way.queue}.")
            answer = answers[way.queue] = as_mail(stage.next_mail(way, 2))
            check_letter(answer, way, number)
            assert answer["Auto-Submitted"] is None
            assert f"says {way.queue}" in parse(stage.next_mail(way, 2)).text
            check_signed(stage.next_mail(way, 2), stage.keys, way.signed_for, tmp_path)

        for way in WAYS:  # by the address that Reply-To names
            answer = answers[way.queue]
            to = parseaddr(str(answer["Reply-To"]))[1]
            stage.write(way.customer, to, f"Re: {answer['Subject']}", f"Thank you, {way.queue}.", answer)
        stage.daemon.until(lambda: len(stage.daemon.rows("intakes")) == 6, 60)
        for way in WAYS:
            assert stage.ticket(way.queue)["entries"] >= 3
            check_thread(lea, stage.ticket(way.queue)["number"], way, "Thank you")

        # Cleo's mail program knows no Reply-To: her answer goes to ABC's account, and still to her ticket with XYZ.
        way = WAYS[2]
        stage.write(way.customer, ACCOUNT, f"Re: {answers['xyz']['Subject']}", "One more thing.", answers["xyz"])
        stage.daemon.until(lambda: len(stage.daemon.rows("intakes")) == 7, 60)
        check_thread(lea, stage.ticket("xyz")["number"], way, "One more thing.")

        assert len(stage.daemon.rows("tickets")) == 3
        for way in WAYS:
            assert len(stage.received(way)) == 2
    log = stage.provider.postfix.log()
    assert log.count(f"sasl_method=PLAIN, sasl_username={ACCOUNT}") >= 1
    assert all(name not in log for name in (f"to=<{ANN}>", "to=<support"))
    assert stage.daemon.command("audit").returncode == 0


def check_letter(mail: EmailMessage, way: Way, number: int) -> None:
    """What a customer sees of us: who writes, where answers go, which ticket it is."""
    name, address = parseaddr(str(mail["From"]))
    local, _, domain = parseaddr(str(mail["Reply-To"]))[1].partition("@")

    assert (name, address) == way.from_
    assert f"{local.partition('+')[0]}@{domain}" == way.answers
    assert "+" in local
    assert mail["To"] == way.customer
    assert f"[#{number}]" in str(mail["Subject"])


def check_thread(lea: SignedIn, number: int, way: Way, words: str) -> None:
    """The customer's answer is the last entry of the one conversation."""
    page = lea.ask("GET", f"/tickets/{number}")
    customer = [entry for entry in page["entries"] if entry["kind"] == "customer"]

    assert words in customer[-1]["text"]
    assert way.customer in customer[-1]["author"]
    assert page["ticket"]["queue"] == way.queue
    assert page["ticket"]["status"] == "open"


@pytest.mark.parametrize(
    ("line", "instead", "problem"),
    [
        (
            "    name: XYZ Support\n",
            "    name: XYZ Support\n    from: XYZ Support <support@xyz.example>\n",
            "queues.xyz.from: it signs for abc.example, which does not align with From in xyz.example",
        ),
        (
            "    type: imap\n",
            "    type: office365\n    tenant: t\n    client_id: c\n    smtp_tls: starttls\n",
            "",
        ),
    ],
)
def test_check_refuses_a_from_that_its_channel_cannot_sign_for(
    stage: Stage, line: str, instead: str, problem: str
) -> None:
    config = stage.daemon.folder / "other.yaml"
    config.write_text(put_in(stage.text, {line: instead}))
    checked = stage.daemon.command("check", "-c", str(config))

    assert checked.returncode == (78 if problem else 0), checked.stderr
    assert problem in checked.stderr
