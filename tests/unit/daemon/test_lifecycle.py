"""The service manager hears of every step, and signals do what they are for."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from gateway.daemon.lifecycle import Watchdog, live


class Cardboard:
    def __init__(self):
        self.steps = []
        self.ready = asyncio.Event()

    async def start(self):
        self.steps.append("start")
        self.ready.set()

    async def reload(self):
        self.steps.append("reload")

    async def stop(self):
        self.steps.append("stop")


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
async def test_a_whole_life(end):
    app, said = Cardboard(), []
    task = asyncio.create_task(live(app, lambda *lines: said.append(lines[0])))
    await until(lambda: said == ["READY=1"])
    os.kill(os.getpid(), signal.SIGHUP)
    await until(lambda: len(said) == 3)
    os.kill(os.getpid(), signal.SIGHUP)
    await until(lambda: len(said) == 5)
    os.kill(os.getpid(), end)
    await asyncio.wait_for(task, 5)

    assert app.steps == ["start", "reload", "reload", "stop"]
    assert said == ["READY=1", "RELOADING=1", "READY=1", "RELOADING=1", "READY=1", "STOPPING=1"]


async def test_a_signal_during_the_start_ends_it_afterwards(monkeypatch):
    app, gate, said = Cardboard(), asyncio.Event(), []

    async def slow_start():
        app.steps.append("start")
        await gate.wait()

    monkeypatch.setattr(app, "start", slow_start)
    task = asyncio.create_task(live(app, lambda *lines: said.append(lines[0])))
    await until(lambda: app.steps)
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.sleep(0.02)
    gate.set()
    await asyncio.wait_for(task, 5)

    assert app.steps == ["start", "stop"]


async def test_a_failing_start_is_not_reported_as_ready(monkeypatch):
    app, said = Cardboard(), []

    async def fail():
        raise OSError("port is taken")

    monkeypatch.setattr(app, "start", fail)
    with pytest.raises(OSError, match="port is taken"):
        await live(app, lambda *lines: said.append(lines))

    assert said == []


def test_the_watchdog_speaks_four_times_in_its_time_and_not_more_often(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    said = []
    watchdog = Watchdog(lambda *lines: said.append((now[0], *lines)), {"WATCHDOG_USEC": "20000000"})
    for _ in range(40):
        watchdog.pat()
        now[0] += 0.5

    assert [line for _, line in said] == ["WATCHDOG=1"] * 4
    assert [at for at, _ in said] == [100.0, 105.0, 110.0, 115.0]


@pytest.mark.parametrize("environment", [{}, {"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "1"}])
def test_without_a_watchdog_for_this_process_nothing_is_said(environment):
    said = []
    Watchdog(lambda *lines: said.append(lines), environment).pat()

    assert said == []
