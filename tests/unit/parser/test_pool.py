"""The parser pool: one bad mail fails alone, whatever it does to its process; nothing outlives the daemon."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.errors import ParserDied, Transient
from gateway.mail import parse
from gateway.mail.folded import indexed
from gateway.parser import ParserPool
from gateway.rules.behaviour import fingerprint
from gateway.telemetry.child import NICENESS


@dataclass
class Limits:
    parser_processes: int = 1
    parser_timeout: timedelta = timedelta(seconds=1)
    parser_memory: int = 768 << 20


def mail(number: int = 0, *, poison: str = "", filler: int = 0) -> bytes:
    head = f"X-Poterne-Test-Poison: {poison}\r\n" if poison else ""
    return (
        f"{head}From: Jane <jane@example.org>\r\nSubject: number {number}\r\nMessage-ID: <{number}@example.org>\r\n\r\n"
        f"Hello {number}\r\n{'x' * filler}"
    ).encode()


@pytest.fixture
async def pool() -> AsyncIterator[ParserPool]:
    found = ParserPool(Limits(), poison_for_tests=True)
    await found.start()
    yield found
    await found.close()


async def test_answers_what_parse_answers(pool: ParserPool) -> None:
    raw = mail(7)
    assert await pool.parse(raw) == parse(raw)


async def test_words_and_fingerprint_are_worked_out_beside_the_daemon(pool: ParserPool) -> None:
    raw = mail(7, filler=30_000)

    read = await pool.parse(raw)

    assert read.words == indexed([read.reply_text or read.text])
    assert read.words
    assert read.fingerprint == fingerprint(parse(raw))


async def test_many_at_once_get_their_own_answers(pool: ParserPool) -> None:
    mails = await asyncio.gather(*(pool.parse(mail(number)) for number in range(200)))
    assert [item.subject for item in mails] == [f"number {number}" for number in range(200)]


@pytest.mark.parametrize(
    ("poison", "how"),
    [("crash", "signal 9"), ("exit", "exit 0"), ("hang", "no answer within 1 s"), ("eat", "exit 1")],
)
async def test_a_bad_mail_fails_alone(pool: ParserPool, poison: str, how: str) -> None:
    """The mails that shared its batch, before and behind it, are read all the same."""
    mails = [mail(number) for number in range(12)]
    mails[5] = mail(5, poison=poison)
    begun = time.monotonic()
    answers = await asyncio.gather(*(pool.parse(raw) for raw in mails), return_exceptions=True)
    assert time.monotonic() - begun < 10
    failed = [number for number, answer in enumerate(answers) if isinstance(answer, BaseException)]
    assert failed == [5]
    assert isinstance(answers[5], ParserDied)
    assert how in str(answers[5])


async def test_a_hanging_mail_does_not_hold_up_another_process() -> None:
    pool = ParserPool(Limits(parser_processes=2, parser_timeout=timedelta(seconds=8)), poison_for_tests=True)
    await pool.start()
    try:
        stuck = asyncio.create_task(pool.parse(mail(poison="hang")))
        await asyncio.sleep(0.2)
        answers = await asyncio.wait_for(asyncio.gather(*(pool.parse(mail(number)) for number in range(20))), 6)
        assert len(answers) == 20
        assert not stuck.done()
    finally:
        await pool.close()
    with pytest.raises(ParserDied):
        await stuck


async def test_a_process_killed_while_idle_is_replaced(pool: ParserPool) -> None:
    await pool.parse(mail())
    for _ in range(3):
        before = pool.processes
        os.kill(before[0], signal.SIGKILL)
        answers = await asyncio.gather(pool.parse(mail(1)), pool.parse(mail(2)), return_exceptions=True)
        # The death may be seen only by the mail that was just handed over; the next one has a new process
        assert sum(isinstance(answer, BaseException) for answer in answers) <= 1
        assert (await pool.parse(mail(3))).subject == "number 3"
        assert pool.processes != before


async def test_a_process_that_grew_is_replaced_without_a_loss(pool: ParserPool) -> None:
    before = pool.processes or [0]
    answers = await asyncio.gather(
        pool.parse(mail(1, poison="grow")), *(pool.parse(mail(number)) for number in range(2, 10))
    )
    assert [item.subject for item in answers] == [f"number {number}" for number in range(1, 10)]
    assert (await pool.parse(mail(10))).subject == "number 10"
    assert pool.processes != before


async def test_poison_is_only_text_in_a_pool_that_is_not_for_tests() -> None:
    pool = ParserPool(Limits())
    await pool.start()
    try:
        assert (await pool.parse(mail(1, poison="crash"))).subject == "number 1"
    finally:
        await pool.close()


async def test_memory_is_limited_and_the_mail_says_so() -> None:
    """What does not fit is a defect of the mail or a dead process, never memory of the daemon's."""
    pool = ParserPool(Limits(parser_memory=160 << 20, parser_timeout=timedelta(seconds=20)))
    await pool.start()
    try:
        with pytest.raises(ParserDied):
            await pool.parse(mail(filler=120 << 20))
        assert (await pool.parse(mail(1))).subject == "number 1"
    finally:
        await pool.close()


async def test_an_answer_that_is_no_mail_is_a_death(pool: ParserPool, monkeypatch: pytest.MonkeyPatch) -> None:
    def garbled(_data: bytes) -> None:
        raise ValueError("not a ParsedMail")

    monkeypatch.setattr("gateway.parser.pool.wire.loads", garbled)
    with pytest.raises(ParserDied, match="answered no mail"):
        await pool.parse(mail())
    monkeypatch.undo()
    assert (await pool.parse(mail(1))).subject == "number 1"


async def test_a_pool_that_cannot_start_says_so_and_blames_no_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.parser.pool.sys.executable", "/nonexistent/python")
    pool = ParserPool(Limits())
    with pytest.raises(Transient) as caught:
        await pool.parse(mail())
    assert not isinstance(caught.value, ParserDied)
    with pytest.raises(Transient):
        await pool.check_alive()
    await pool.close()


async def test_close_ends_every_process(pool: ParserPool) -> None:
    await pool.parse(mail())
    await pool.check_alive()
    [pid] = pool.processes
    await pool.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(Transient):
        await pool.check_alive()


async def test_the_process_has_no_environment_and_no_open_files(pool: ParserPool) -> None:
    os.environ["POTERNE_TEST_SECRET"] = "not for parsers"
    try:
        other = ParserPool(Limits())
        await other.start()
        await other.parse(mail())
        [pid] = other.processes
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        descriptors = sorted(int(item.name) for item in Path(f"/proc/{pid}/fd").iterdir())
        await other.close()
    finally:
        del os.environ["POTERNE_TEST_SECRET"]
    assert b"POTERNE_TEST_SECRET" not in environment
    assert descriptors == [0, 1, 2]


async def test_stop_signals_are_the_daemons_business(pool: ParserPool) -> None:
    """Ctrl-C and the service manager reach the whole group; a mail that is being read is finished all the same."""
    await pool.parse(mail())
    [pid] = pool.processes
    assert os.getpgid(pid) != os.getpgid(0)
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(pid, name)
    assert (await pool.parse(mail(1))).subject == "number 1"
    assert pool.processes == [pid]


async def test_the_daemon_goes_first(pool: ParserPool) -> None:
    """A niceness counts only within a session, where Linux shares processors out among sessions (autogroup)."""
    await pool.parse(mail())
    [pid] = pool.processes

    assert os.getsid(pid) == os.getsid(0)
    assert os.getpriority(os.PRIO_PROCESS, pid) == min(19, os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)


DAEMON = """
import asyncio, sys
from datetime import timedelta
from types import SimpleNamespace
from gateway.parser import ParserPool
from gateway.rules.behaviour import fingerprint

async def main():
    limits = SimpleNamespace(parser_processes=2, parser_timeout=timedelta(seconds=60), parser_memory=768 << 20)
    pool = ParserPool(limits, poison_for_tests=True)
    await pool.start()
    while len(pool.processes) < 2:
        await asyncio.sleep(0.01)
    stuck = asyncio.create_task(pool.parse(b"X-Poterne-Test-Poison: hang\\r\\n\\r\\n"))
    await asyncio.sleep(0.1)
    print(*pool.processes, flush=True)
    await stuck

asyncio.run(main())
"""


def test_the_processes_die_with_the_daemon_even_by_kill_9() -> None:
    daemon = subprocess.Popen([sys.executable, "-c", DAEMON], stdout=subprocess.PIPE, text=True)
    assert daemon.stdout is not None
    pids = [int(word) for word in daemon.stdout.readline().split()]
    daemon.kill()
    daemon.wait()
    daemon.stdout.close()
    assert len(pids) == 2
    deadline = time.monotonic() + 5
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
