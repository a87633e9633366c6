"""Load over LMTP: Postfix's smtp-source, written in C, for acceptance; mails of many authors for finished tickets."""

from __future__ import annotations

import selectors
import socket
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import cast

GENERATORS = 10  # processes at most; each keeps its connections, and writes to mailboxes of its own


def smtp_source(port: int, recipients: Sequence[str], concurrency: int, messages: int, size: int) -> float:
    """Send `messages` mails over `concurrency` kept connections; return how many a second were taken."""
    generators = min(concurrency, GENERATORS)
    shares = [recipients[number::generators] for number in range(generators)]
    each = messages // generators

    def run(share: Sequence[str]) -> int:
        sent = 0
        for recipient in share:
            count = each // len(share)
            command = ["smtp-source", "-L", "-d", "-s", str(concurrency // generators), "-m", str(count)]
            command += ["-l", str(size), "-f", f"a{sent}@example.com", "-t", recipient, f"127.0.0.1:{port}"]
            subprocess.run(command, check=True, capture_output=True)
            sent += count
        return sent

    with ThreadPoolExecutor(generators) as pool:
        started = time.monotonic()
        total = sum(pool.map(run, shares))
        return total / (time.monotonic() - started)


def mails(messages: int, size: int) -> list[bytes]:
    """Return mails as they go over the wire, each of an author of its own, with a Message-ID of its own."""
    line = b"All work and no play makes the postman a dull boy, said the gate.\r\n"
    text = line * max(1, (size - 300) // len(line)) if size <= 100_000 else b""
    found = []
    for number in range(messages):
        head = (
            f"From: Author {number} <author{number}@customer{number % 997}.example>\r\n"
            f"To: support@tickets.example.org\r\nSubject: Case {number}\r\n"
            f"Message-ID: <{number}.{size}@bench.example>\r\nDate: Mon, 02 Mar 2026 09:00:00 +0000\r\n"
            "MIME-Version: 1.0\r\n"
        ).encode()
        found.append(head + (_with_attachment(size) if not text else b"\r\n" + text) + b".\r\n")
    return found


def _with_attachment(size: int) -> bytes:
    """A text and one base64 attachment, as most big mails are."""
    base64 = b"TG9yZW0gaXBzdW0gZG9sb3Igc2l0IGFtZXQsIGNvbnNlY3RldHVyIGFkaXBpc2NpbmcgZWxpdCwg\r\n"
    return (
        b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nSee there.\r\n'
        b'--b\r\nContent-Type: application/octet-stream; name="a.bin"\r\nContent-Transfer-Encoding: base64\r\n'
        b'Content-Disposition: attachment; filename="a.bin"\r\n\r\n' + base64 * (size // len(base64)) + b"--b--\r\n"
    )


def authors(port: int, recipients: Sequence[str], concurrency: int, contents: Sequence[bytes]) -> None:
    """Send all mails over `concurrency` kept, pipelining connections; return when the last one is taken."""
    waiting = iter(enumerate(contents))
    selector = selectors.DefaultSelector()
    for _ in range(concurrency):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _expect(connection, 1)
        connection.sendall(b"LHLO bench.example\r\n")
        _expect(connection, 1)
        selector.register(connection, selectors.EVENT_READ)
        _next(connection, selector, waiting, recipients)
    while selector.get_map():
        for key, _ in selector.select():
            connection = cast("socket.socket", key.fileobj)
            _expect(connection, 1)
            _next(connection, selector, waiting, recipients)


def _next(connection, selector, waiting, recipients) -> None:
    """Send one more mail, or end."""
    number, content = next(waiting, (0, None))
    if content is None:
        selector.unregister(connection)
        connection.close()
        return
    recipient = recipients[number % len(recipients)]
    connection.sendall(f"MAIL FROM:<author{number}@example.com>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n".encode())
    _expect(connection, 3)
    connection.sendall(content)


def _expect(connection: socket.socket, replies: int) -> None:
    """Read so many final reply lines, all of them 2xx or 3xx."""
    text = b""
    while True:
        octets = connection.recv(65536)
        assert octets, "the server closed"
        text += octets
        if text.endswith(b"\n"):
            final = [line for line in text.splitlines() if line[3:4] != b"-"]
            assert all(line[:1] in b"23" for line in final), text
            if len(final) >= replies:
                return
