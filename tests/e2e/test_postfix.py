"""The whole way between two real Postfixes: mail in, ticket, signed acknowledgement and reply out, the answer back."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.message import Message
from email.utils import parseaddr

import dkim
import pytest

from tests.support.daemon import Daemon
from tests.support.opendkim import opendkim_results
from tests.support.postfix import Logged, Postfix, open_folder, swaks

pytestmark = pytest.mark.xdist_group("postfix")

CUSTOMERS = ("ann@customer.example", "joe@customer.example")
KEYS = """\
dkim:
  - {{domain: example.org, selector: rsa1, key: {{file: {folder}/rsa1.pem}}}}
  - {{domain: example.org, selector: ed1, key: {{file: {folder}/ed1.pem}}}}
"""
ALGORITHMS = {"rsa1": "rsa", "ed1": "ed25519"}


class Site:
    """A Postfix in front that takes mail for the tickets' domain, the daemon, and a Postfix with Maildirs behind."""

    def __init__(self, folder, way: str, keys: dict[str, tuple[bytes, str]]) -> None:
        self.folder = folder
        self.back = Postfix(folder / "back", host="mail.customer.example", mailboxes=CUSTOMERS)
        self.daemon = Daemon(
            folder / "daemon",
            relay=self.back.port,
            queues=("support", "sales"),
            more=KEYS.format(folder=folder / "daemon"),
        )
        address = f"127.0.0.1:{self.daemon.lmtp}"
        nexthop = f"inet:{address}"
        if way == "unix":
            nexthop = f"unix:{folder}/lmtp.sock"
            listen = f"{nexthop}\n  lmtp_socket_mode: '0666'"
            self.daemon.config.write_text(self.daemon.text.replace(f"lmtp: {address}", f"lmtp: {listen}"))
        self.front = Postfix(folder / "front", transports={"tickets.example.org": f"lmtp:{nexthop}"})
        self.records = {selector: record for selector, (_, record) in keys.items()}
        for selector, (pem, _) in keys.items():
            path = folder / "daemon" / f"{selector}.pem"
            path.touch(mode=0o600)
            path.write_bytes(pem)

    def send(self, sender: str, recipients: list[str], content: str) -> str:
        """Hand a mail to the Postfix in front, as a customer's server would; return its queue id."""
        done = swaks(self.front.port, sender, recipients, content.encode())
        queued = re.search(r"queued as (\w+)", done.stdout)
        assert done.returncode == 0, done.stdout
        assert queued, done.stdout
        return queued[1]

    def fates(self, queue_id: str, attempts: int) -> list[Logged]:
        """Wait until Postfix in front has tried that often, over all recipients; return the attempts."""
        self.daemon.until(
            lambda: len([entry for entry in self.front.logged() if entry.queue_id == queue_id]) >= attempts
        )
        return [entry for entry in self.front.logged() if entry.queue_id == queue_id]

    def arrived(self, customer: str, count: int) -> list[bytes]:
        """Wait until the customer has so many mails; return them."""
        self.daemon.until(lambda: len(self.back.mails(customer)) >= count)
        return self.back.mails(customer)

    def until_settled(self, intakes: int) -> None:
        """Wait until so many intakes have their disposition."""
        self.daemon.until(lambda: len(done := self.daemon.rows("intakes")) >= intakes and all(map(is_done, done)))


def is_done(intake) -> bool:
    return bool(intake["state"] == "done")


@pytest.fixture(scope="module")
def keys(tmp_path_factory) -> dict[str, tuple[bytes, str]]:
    """Make keys with the command that operators use; return each with its DNS record."""
    daemon = Daemon(tmp_path_factory.mktemp("keys"))
    made = {}
    for selector, algorithm in ALGORITHMS.items():
        path = daemon.folder / f"{selector}.pem"
        done = daemon.command("dkim", "generate", "--algorithm", algorithm, "--out", str(path))
        assert done.returncode == 0, done.stderr
        shown = daemon.command("dkim", "record", str(path), "--domain", "example.org", "--selector", selector)
        assert shown.returncode == 0, shown.stderr
        made[selector] = (path.read_bytes(), shown.stdout.strip())
    return made


@pytest.fixture(scope="module", params=["inet", "unix"])
def site(request, keys):
    with open_folder() as folder:
        site = Site(folder, request.param, keys)
        with site.back, site.daemon:
            site.daemon.start()
            with site.front:
                yield site


def verify(site: Site, mail: bytes) -> None:
    """Check both signatures with dkimpy and with OpenDKIM, as any receiver would."""
    raw = mail.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    names = {f"{selector}._domainkey.example.org": record for selector, record in site.records.items()}
    checker = dkim.DKIM(raw)
    count = raw.count(b"DKIM-Signature:")
    assert count == len(ALGORITHMS)
    for number in range(count):
        assert checker.verify(number, dnsfunc=lambda name, timeout=5: names[name.decode().rstrip(".")].encode())
    assert "rsa-sha256 pass" in opendkim_results(raw, names, site.folder)


def body(mail: Message) -> str:
    """Return the text part."""
    part = next(part for part in mail.walk() if part.get_content_type() == "text/plain")
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode()


def ticket_of(site: Site, subject: str):
    return [ticket for ticket in site.daemon.rows("tickets") if ticket["subject"] == subject]


def test_a_question_is_acknowledged_answered_and_continued(site):
    daemon = site.daemon
    question = site.send(
        CUSTOMERS[0],
        ["support@tickets.example.org"],
        f"From: Ann <{CUSTOMERS[0]}>\nTo: support@example.org\nSubject: The printer is on fire\n"
        "Message-ID: <q1@customer.example>\nDate: Mon, 04 May 2026 10:00:00 +0200\n\nPlease help.\n",
    )
    (acknowledgement,) = site.arrived(CUSTOMERS[0], 1)
    (ticket,) = ticket_of(site, "The printer is on fire")
    assert site.fates(question, 1)[0].status == "sent"
    verify(site, acknowledgement)

    answered = daemon.command("reply", str(ticket["number"]), text="Throw sand on it.\n")
    assert answered.returncode == 0, answered.stderr
    reply = site.arrived(CUSTOMERS[0], 2)[1]
    verify(site, reply)
    said = message_from_bytes(reply)
    assert "Throw sand on it." in body(said)
    assert "support@example.org" in said["From"]

    # The customer's server rewrote the Message-ID; the customer changed the subject. The token leads home.
    where = parseaddr(said["Reply-To"] or said["From"])[1]
    assert where.endswith("@tickets.example.org")
    settled = len(daemon.rows("intakes"))
    site.send(
        CUSTOMERS[0],
        [where],
        f"From: Ann <{CUSTOMERS[0]}>\nTo: {where}\nSubject: It worked, thank you\n"
        "Message-ID: <rewritten@gateway.customer.example>\nIn-Reply-To: <unknown@elsewhere.example>\n"
        "Date: Mon, 04 May 2026 11:00:00 +0200\n\nThe fire is out.\n",
    )
    # Another mail program keeps only References, and writes to the public address that is forwarded to us.
    site.send(
        CUSTOMERS[0],
        ["support@tickets.example.org"],
        f"From: Ann <{CUSTOMERS[0]}>\nTo: support@example.org\nSubject: AW: something else entirely\n"
        f"Message-ID: <r2@customer.example>\nReferences: <q1@customer.example> {said['Message-ID']}\n"
        "Date: Mon, 04 May 2026 12:00:00 +0200\n\nStill out.\n",
    )
    site.until_settled(settled + 2)
    newest = daemon.rows("intakes")[:2]
    assert [(intake["disposition"], intake["ticket"]) for intake in newest] == [("append", ticket["number"])] * 2
    assert len(daemon.rows("tickets")) == 1
    # One acknowledgement and one reply, and nothing more.
    assert len(site.back.mails(CUSTOMERS[0])) == 2


def test_three_recipients_with_mixed_results(site):
    recipients = ["support@tickets.example.org", "Sales+x@Tickets.Example.org", "nobody@tickets.example.org"]
    queue_id = site.send(
        CUSTOMERS[1],
        recipients,
        f"From: Joe <{CUSTOMERS[1]}>\nTo: support@example.org, sales@example.org\nSubject: Toner\n"
        "Message-ID: <t1@customer.example>\nDate: Mon, 04 May 2026 10:00:00 +0200\n\nWe need some.\n",
    )
    fates = {entry.to.lower(): (entry.dsn, entry.status) for entry in site.fates(queue_id, 3)}

    assert fates == {
        "support@tickets.example.org": ("2.0.0", "sent"),
        "sales+x@tickets.example.org": ("2.0.0", "sent"),
        "nobody@tickets.example.org": ("5.1.1", "bounced"),
    }
    site.daemon.until(lambda: len(ticket_of(site, "Toner")) == 2)
    assert sorted(ticket["queue"] for ticket in ticket_of(site, "Toner")) == ["sales", "support"]


def test_an_exception_inside_the_daemon_defers_everybody(site):
    daemon = site.daemon
    daemon.stop()
    daemon.environment = {"POTERNE_FAILPOINT": "accept.before-commit:raise"}
    daemon.start()
    recipients = ["support@tickets.example.org", "sales@tickets.example.org"]
    queue_id = site.send(
        CUSTOMERS[1],
        recipients,
        f"From: Joe <{CUSTOMERS[1]}>\nTo: support@example.org\nSubject: Deferred first\n"
        "Message-ID: <d1@customer.example>\nDate: Mon, 04 May 2026 10:00:00 +0200\n\nHello.\n",
    )
    first = site.fates(queue_id, 2)[:2]
    assert {(entry.to, entry.dsn, entry.status) for entry in first} == {(to, "4.3.0", "deferred") for to in recipients}
    assert "fail-point" not in site.front.log()
    assert ticket_of(site, "Deferred first") == []

    daemon.stop()
    daemon.environment = {}
    daemon.start()
    site.front.flush()
    daemon.until(lambda: len(ticket_of(site, "Deferred first")) == 2, 30)
    daemon.until(lambda: not site.front.queue())
    assert sorted(ticket["queue"] for ticket in ticket_of(site, "Deferred first")) == ["sales", "support"]
    assert {entry.status for entry in site.fates(queue_id, 4)} == {"deferred", "sent"}
