"""Worker tasks come back after a crash, are seen while they are down, and are drained at the end."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from gateway.daemon.supervisor import Supervisor, TaskDown
from gateway.telemetry import metrics

SHORT = timedelta(milliseconds=20)


async def test_a_crash_is_logged_counted_and_followed_by_a_new_start():
    runs = 0

    async def work():
        nonlocal runs
        runs += 1
        if runs < 3:
            raise RuntimeError("out of luck")
        await asyncio.Event().wait()

    before = metrics.REGISTRY.get_sample_value("poterne_task_crashes_total", {"task": "crashing"}) or 0
    supervisor = Supervisor(SHORT)
    with capture_logs() as events:
        supervisor.start("crashing", work)
        await asyncio.sleep(0.3)
    await supervisor.check_alive()
    cancelled = await supervisor.drain(timedelta(0))

    assert runs == 3
    assert metrics.REGISTRY.get_sample_value("poterne_task_crashes_total", {"task": "crashing"}) == before + 2
    assert [event["event"] for event in events] == ["task.crashed", "task.restarted"] * 2
    assert [event["pause_seconds"] for event in events if event["event"] == "task.crashed"] == [0.02, 0.04]
    assert cancelled == ("crashing",)


async def test_one_crash_leaves_the_other_tasks_alone_and_shows_in_the_check():
    beats = 0

    async def steady():
        nonlocal beats
        while True:
            beats += 1
            await asyncio.sleep(0.01)

    async def broken():
        raise ValueError("canary")

    supervisor = Supervisor(timedelta(seconds=60))
    supervisor.start("steady", steady)
    supervisor.start("broken", broken)
    await asyncio.sleep(0.1)
    with pytest.raises(TaskDown, match="broken: ValueError; starts again") as caught:
        await supervisor.check_alive()
    await supervisor.drain(timedelta(0))

    assert beats > 3
    assert "steady" not in str(caught.value)
    assert "canary" not in str(caught.value)


async def test_a_successor_may_start_before_its_predecessor_has_ended():
    stop = asyncio.Event()
    ended = []

    async def old():
        await stop.wait()
        ended.append("old")

    async def new():
        await asyncio.Event().wait()

    supervisor = Supervisor()
    supervisor.start("channel", old)
    supervisor.start("channel", new)
    await asyncio.sleep(0)
    stop.set()
    await asyncio.sleep(0.01)
    await supervisor.check_alive()

    assert ended == ["old"]
    assert await supervisor.drain(timedelta(0)) == ("channel",)


async def test_a_predecessor_that_starts_again_does_not_hide_its_successors_crash():
    crashes = 0

    async def old():
        nonlocal crashes
        crashes += 1
        if crashes == 1:
            raise RuntimeError("out of luck")

    async def new():
        raise ValueError("worse")

    supervisor = Supervisor(timedelta(seconds=0.1))
    supervisor.start("channel", old)
    await asyncio.sleep(0.05)
    supervisor.start("channel", new)
    await asyncio.sleep(0.07)  # the old one has come back, and ended for good
    with pytest.raises(TaskDown, match=r"^channel: ValueError"):
        await supervisor.check_alive()
    await supervisor.drain(timedelta(0))

    assert crashes == 2
    await supervisor.check_alive()  # nobody is down who is not there


async def test_draining_waits_for_what_ends_and_names_what_does_not():
    stop = asyncio.Event()

    async def obedient():
        await stop.wait()
        await asyncio.sleep(0.02)

    async def deaf():
        await asyncio.Event().wait()

    supervisor = Supervisor()
    supervisor.start("obedient", obedient)
    supervisor.start("deaf", deaf)
    await asyncio.sleep(0)
    stop.set()

    assert await supervisor.drain(timedelta(seconds=0.1)) == ("deaf",)
