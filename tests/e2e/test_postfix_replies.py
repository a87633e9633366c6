"""A real Postfix in front of the listener: three recipients, three answers, and its log says the same."""

from __future__ import annotations

import asyncio
import itertools
import smtplib
import socket

import pytest

from gateway.errors import StorageFull, StorageUnavailable
from gateway.lmtp import open_sockets
from gateway.model import Route
from tests.support.lmtp_listener import Listener, by_table
from tests.support.ports import free_port
from tests.support.postfix import Logged, Postfix, open_folder

pytestmark = pytest.mark.xdist_group("postfix")

THREE = ["support@example.org", "sales@example.org", "it@example.org"]
MAIL = b"From: Ann <ann@example.com>\r\nSubject: Printer\r\n\r\nIt is on fire.\r\n"


@pytest.fixture(scope="module")
def ports():
    return {"inet": free_port()}


@pytest.fixture(scope="module")
def front(ports):
    """One Postfix for all tests here: example.org goes over TCP, the same as unix.example over a unix socket."""
    with open_folder() as folder:
        transports = {
            "example.org": f"lmtp:inet:127.0.0.1:{ports['inet']}",
            "unix.example": f"lmtp:unix:{folder}/lmtp.sock",
        }
        with Postfix(folder / "front", transports=transports) as postfix:
            yield postfix


@pytest.fixture
async def listener(front, ports):
    """The real listener with a taker that the test may break, on TCP and on a unix socket."""
    listener = Listener(limits={"message_size": 60 << 20}, route=known)
    sockets = open_sockets(f"127.0.0.1:{ports['inet']}")
    sockets += open_sockets(f"unix:{front.folder.parent}/lmtp.sock", 0o666)
    await listener.server.start(sockets)
    yield listener
    assert await listener.server.stop()


def known(recipient: str) -> Route | None:
    return by_table(recipient.replace("@unix.example", "@example.org"))


async def send(front: Postfix, recipients: list[str], content: bytes = MAIL) -> str:
    """Hand Postfix a mail; return its queue id."""

    def over_smtp() -> str:
        with smtplib.SMTP("127.0.0.1", front.port, local_hostname="client.example.com", timeout=30) as client:
            client.ehlo()
            assert client.mail("ann@example.com")[0] == 250
            assert [client.rcpt(recipient)[0] for recipient in recipients] == [250] * len(recipients)
            code, text = client.data(content)
            assert code == 250
            return text.decode().split()[-1]

    return await asyncio.to_thread(over_smtp)


async def fates(front: Postfix, queue_id: str, attempts: int) -> list[Logged]:
    """Wait until Postfix has tried that often, over all recipients; return all attempts in order of the log."""
    found: list[Logged] = []
    for _ in range(400):
        found = [entry for entry in front.logged() if entry.queue_id == queue_id]
        if len(found) >= attempts:
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(f"{len(found)} of {attempts} attempts:\n{front.log()[-3000:]}")


@pytest.mark.parametrize("domain", ["example.org", "unix.example"])
async def test_mixed_results_give_each_recipient_its_own_fate(front, listener, domain: str):
    recipients = [address.replace("example.org", domain) for address in [*THREE, "nobody@example.org"]]
    results = iter([[17, StorageUnavailable("no answer"), StorageFull("disk")]])
    # What was deferred comes again by itself, and only that.
    listener.taker.respond = lambda count: next(results, [18] * count)
    queue_id = await send(front, recipients)
    first = {entry.to: entry for entry in (await fates(front, queue_id, 4))[:4]}

    # Postfix sorts the recipients of a mail: the results are those of its order.
    taken = [envelope.rcpt_to for envelope in listener.taker.envelopes[:3]]
    one, two, three = (first[recipient] for recipient in taken)
    assert (one.dsn, one.status) == ("2.0.0", "sent")
    assert "250 2.0.0 Taken as 17" in one.text
    assert (two.dsn, two.status) == ("4.3.0", "deferred")
    assert "451 4.3.0 Try again later" in two.text
    assert (three.dsn, three.status) == ("4.3.1", "deferred")
    assert "452 4.3.1 Insufficient storage" in three.text
    unknown = first[recipients[3]]
    assert (unknown.dsn, unknown.status) == ("5.1.1", "bounced")

    front.flush()
    second = (await fates(front, queue_id, 6))[4:]
    assert {entry.to: entry.status for entry in second} == {taken[1]: "sent", taken[2]: "sent"}
    assert {envelope.rcpt_to for envelope in listener.taker.envelopes[3:]} == {taken[1], taken[2]}


@pytest.mark.parametrize("domain", ["example.org", "unix.example"])
async def test_an_exception_inside_the_handler_defers_all(front, listener, domain: str):
    def broken(_count: int):
        raise RuntimeError("db gone secret=hunter2")

    recipients = [address.replace("example.org", domain) for address in THREE]
    listener.taker.respond = broken
    queue_id = await send(front, recipients)
    first = await fates(front, queue_id, 3)

    assert {entry.to for entry in first} == set(recipients)
    assert {(entry.dsn, entry.status) for entry in first} == {("4.3.0", "deferred")}
    assert "hunter2" not in front.log()

    listener.taker.respond = lambda count: [19] * count
    front.flush()
    while not all(sent(front, queue_id, recipient) for recipient in recipients):
        await asyncio.sleep(0.05)
    assert all(entry.status != "bounced" for entry in front.logged() if entry.queue_id == queue_id)


def sent(front: Postfix, queue_id: str, recipient: str) -> bool:
    return any(entry.status == "sent" for entry in front.logged(recipient) if entry.queue_id == queue_id)


async def test_a_huge_line_comes_through(front, listener):
    queue_id = await send(front, [THREE[0]], MAIL + b"x" * 1_500_000 + b"\r\n")
    (fate,) = await fates(front, queue_id, 1)

    assert fate.status == "sent"
    assert listener.taker.mails[0].endswith(b"x" * 100_000 + b"\r\n")


BREAKS = {"CR": b"\r", "LF": b"\n", "CRLF": b"\r\n", "CRCRLF": b"\r\r\n", "NUL": b"\0"}


async def test_no_mail_is_smuggled_through_both(front, listener):
    """T1: every pair around a dot, sent as it is over a socket: one mail per DATA arrives at the taker."""
    pairs = [pair for pair in itertools.product(BREAKS, BREAKS) if pair != ("CRLF", "CRLF")]
    smuggled = b"MAIL FROM:<eve@example.net>\r\nRCPT TO:<it@example.org>\r\nDATA\r\nSubject: smuggled\r\n\r\nx"

    def smuggle(before: str, after: str) -> None:
        with socket.create_connection(("127.0.0.1", front.port), timeout=30) as client:
            stream = client.makefile("rb")
            stream.readline()
            mail = f"Subject: {before} {after}\r\n\r\nx".encode() + BREAKS[before] + b"." + BREAKS[after] + smuggled
            for line in (b"HELO c", b"MAIL FROM:<ann@example.com>", b"RCPT TO:<support@example.org>", b"DATA"):
                client.sendall(line + b"\r\n")
                assert stream.readline()[:1] in b"23"
            client.sendall(mail + b"\r\n.\r\n")
            assert stream.readline()[:3] in {b"250", b"521", b"550"}

    for before, after in pairs:
        # "CRCRLF" ends in CRLF and "CRLF" starts with it: that is an end of data by the letter
        if before.endswith("CRLF") and after == "CRLF":
            continue
        await asyncio.to_thread(smuggle, before, after)
    expected = sum(not (before.endswith("CRLF") and after == "CRLF") for before, after in pairs)
    async with asyncio.timeout(20):
        while len(listener.taker.mails) < expected or front.queue():
            await asyncio.sleep(0.05)

    assert {envelope.rcpt_to for envelope in listener.taker.envelopes} == {"support@example.org"}
    assert {envelope.mail_from for envelope in listener.taker.envelopes} == {"ann@example.com"}
    assert len(listener.taker.mails) == expected
