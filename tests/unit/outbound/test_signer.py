"""Signing off the event loop: the same octets by thread and by process, more cores in a rush, and nothing lost."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from gateway.errors import NotSendable
from gateway.outbound import dkim
from gateway.outbound import signer as signer_module
from gateway.outbound.signer import RUSH, Signer
from tests.support.drafts import DATE, make_draft, records, signing_keys

KEYS = signing_keys()
TICK = os.sysconf("SC_CLK_TCK")
pytestmark = pytest.mark.xdist_group("signer")


@pytest.fixture
async def signer() -> AsyncIterator[Signer]:
    made = Signer(KEYS, processes=2)
    yield made
    made.close()
    await until(lambda: not made.processes)
    await until(lambda: not made._tasks)  # each has waited for its process by then


async def until(condition: Callable[[], object], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


async def rush(signer: Signer, first: int, count: int = RUSH) -> list[bytes]:
    return list(
        await asyncio.gather(*(signer.write(make_draft(number), DATE, DATE) for number in range(first, first + count)))
    )


def seconds_used(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def alive(process: int) -> bool:
    return Path(f"/proc/{process}").exists()


async def test_a_trickle_needs_no_process(signer: Signer) -> None:
    made = [await signer.write(make_draft(number), DATE, DATE) for number in range(5)]

    assert made == [signer.write_now(make_draft(number), DATE, DATE) for number in range(5)]
    assert signer.processes == []


async def test_a_rush_is_signed_on_every_core_with_the_same_octets(signer: Signer) -> None:
    await rush(signer, 0)
    await until(lambda: len(signer.processes) == 2)
    before = {process: seconds_used(process) for process in signer.processes}
    made = await rush(signer, 1000, 400)
    used = {process: seconds_used(process) - before[process] for process in before}

    assert made == [signer.write_now(make_draft(number), DATE, DATE) for number in range(1000, 1400)]
    assert all(line.endswith("pass") for line in dkim.verify(made[-1], records(KEYS).get))
    assert os.getpid() not in used
    assert all(seconds > 0 for seconds in used.values()), used


async def test_the_event_loop_turns_while_processes_sign(signer: Signer) -> None:
    await rush(signer, 0)
    await until(lambda: len(signer.processes) == 2)
    ours = time.process_time()
    await rush(signer, 1000, 400)
    ours = time.process_time() - ours
    began = time.process_time()
    for number in range(1000, 1400):
        signer.write_now(make_draft(number), DATE, DATE)

    assert ours < (time.process_time() - began) / 2  # the arithmetic was done elsewhere


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_process_that_dies_or_hangs_takes_no_mail_along(
    signer: Signer, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signer_module, "PATIENCE", signer_module.PATIENCE / 200)
    await rush(signer, 0)
    await until(lambda: len(signer.processes) == 2)
    victim = signer.processes[0]
    waiting = asyncio.create_task(rush(signer, 1000, 300))
    await asyncio.sleep(0.02)
    os.kill(victim, number)
    made = await waiting

    assert made == [signer.write_now(make_draft(number), DATE, DATE) for number in range(1000, 1300)]
    await until(lambda: not alive(victim))


async def test_a_process_that_cannot_start_costs_nothing_but_speed(
    signer: Signer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    made = [*await rush(signer, 0), *await rush(signer, 1000)]

    assert len({*made}) == 2 * RUSH
    await until(lambda: "outbound.signing-process" in capsys.readouterr().err)
    await rush(signer, 2000)
    await asyncio.sleep(0.1)
    assert capsys.readouterr().err.count("outbound.signing-process") <= 1  # it does not hammer


async def test_a_draft_that_cannot_become_a_mail_says_so_from_a_process_too(signer: Signer) -> None:
    await rush(signer, 0)
    await until(lambda: len(signer.processes) == 2)
    with pytest.raises(NotSendable, match="Message-ID is none"):
        await signer.write(make_draft(message_id="no id"), DATE, DATE)


async def test_a_fault_of_ours_is_told_by_its_name(signer: Signer) -> None:
    await rush(signer, 0)
    await until(lambda: len(signer.processes) == 2)
    broken = signer.write(make_draft(subject=None), DATE, DATE)
    around = [signer.write(make_draft(number), DATE, DATE) for number in range(20)]
    outcomes = await asyncio.gather(broken, *around, return_exceptions=True)

    assert isinstance(outcomes[0], AttributeError | TypeError)
    assert outcomes[1:] == [signer.write_now(make_draft(number), DATE, DATE) for number in range(20)]


async def test_processes_end_when_the_rush_is_over(signer: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signer_module, "CALM", signer_module.CALM / 100)
    await rush(signer, 0)
    await until(lambda: len(signer.processes) == 2)
    processes = signer.processes
    await until(lambda: not signer.processes)
    await until(lambda: not any(map(alive, processes)))

    assert len(await signer.write(make_draft(1), DATE, DATE)) > 0


async def test_no_key_shows_in_the_process_list(signer: Signer) -> None:
    await rush(signer, 0)
    await until(lambda: len(signer.processes) == 2)
    folder = Path(f"/proc/{signer.processes[0]}")

    assert b"PRIVATE" not in (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
    assert (folder / "environ").read_bytes() == b""


async def test_after_the_end_nobody_waits_for_ever() -> None:
    signer = Signer(KEYS)
    signer.close()

    with pytest.raises(RuntimeError):
        await asyncio.wait_for(signer.write(make_draft(1), DATE, DATE), 5)
