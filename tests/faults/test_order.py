"""Commit first, 250 afterwards: seen in the system calls, and a build that does it the other way round is found out."""

from __future__ import annotations

import asyncio
import time

from tests.faults.load import Mail, reply, send
from tests.faults.trace import hasty_promises, read_calls
from tests.support.daemon import Daemon

MARKERS = [f"marker-{number}-of-the-order-test" for number in range(5)]


def strace(path) -> tuple[str, ...]:
    calls = "trace=fdatasync,fsync,pwrite64,pwritev,write,writev,sendto,sendmsg"
    return ("strace", "-f", "-s", "6000", "-e", calls, "-o", str(path))


async def send_markers(port: int) -> list[str]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await reply(reader)
    writer.write(b"LHLO order.test\r\n")
    await reply(reader)
    answers = []
    for number, marker in enumerate(MARKERS):
        text = f"From: <a@n{number}.test>\r\nSubject: {marker}\r\n\r\n{marker}\r\n"
        answers.append(await send(reader, writer, Mail(number, "support", text.encode())))
        await asyncio.sleep(0.3)
    writer.close()
    return answers


def traced(tmp_path, *, module: str) -> list[str]:
    trace = tmp_path / "trace"
    with Daemon(tmp_path, wrapper=strace(trace)) as daemon:
        daemon.module = module
        daemon.start(seconds=90)
        answers = asyncio.run(send_markers(daemon.lmtp))
        time.sleep(0.5)
        daemon.stop()
    assert [answer[:3] for answer in answers] == ["250"] * len(MARKERS)
    return hasty_promises(read_calls(trace), MARKERS)


def test_no_250_before_the_flush_that_covers_its_mail(tmp_path):
    assert traced(tmp_path, module="gateway") == []


def test_a_daemon_that_promises_first_is_found_out(tmp_path):
    faults = traced(tmp_path, module="tests.faults.hasty_daemon")

    assert len(faults) == len(MARKERS)
