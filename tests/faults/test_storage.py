"""No space, a locked or a vanished database: 451 or 452 in time, a red /readyz, a green /healthz, and nothing lost."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import time
from contextlib import closing, contextmanager
from pathlib import Path

from tests.faults.kills import settled
from tests.faults.load import Load, make_mail, reply, resend_all, send
from tests.faults.oracle import differences
from tests.support.daemon import Daemon
from tests.support.postgres import postgres_server
from tests.support.recorder import Recorder

IN_TIME = 11  # seconds until a refusal: limits.commit_timeout and a little for a busy machine
QUICKLY = "commit_timeout: 4s"  # where the default would only make the test longer
SOON = 5  # seconds until mail is taken again


async def probe(port: int, number: int) -> tuple[str, float]:
    """Send one mail of our own; return the reply and the seconds that it took."""
    started = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        await reply(reader)
        writer.write(b"LHLO probe.test\r\n")
        await reply(reader)
        answer = await send(reader, writer, make_mail(number, "support"))
    finally:
        writer.close()
    return answer, time.monotonic() - started


async def play(daemon: Daemon, break_it, mend_it) -> tuple[Load, list[str]]:
    """Send mail all the time while something is broken and mended again; return the load and what was wrong."""
    wrong: list[str] = []
    load, over = Load(daemon.lmtp, ("support",), pause=0.02), asyncio.Event()
    clients = asyncio.create_task(load.run(3, over))
    await asyncio.sleep(0.5)
    await asyncio.to_thread(break_it)
    await asyncio.sleep(0.3)
    answer, seconds = await probe(daemon.lmtp, 900_001)
    # A full disk is felt once the room inside the database's own files is used up: until then a 250 is true.
    for _ in range(100):
        if not answer.startswith("250") and daemon.get("/readyz")[0] == 503:
            break
        if answer.startswith("250"):
            load.ledger.promised[900_001] = make_mail(900_001, "support")
        await asyncio.sleep(0.1)
        answer, seconds = await probe(daemon.lmtp, 900_001)
    if answer[:3] not in {"451", "452"} or seconds > IN_TIME:
        wrong.append(f"while broken: {answer!r} after {seconds:.1f} s")
    ready, health = daemon.get("/readyz"), daemon.get("/healthz")
    if (ready[0], health[0]) != (503, 200):
        wrong.append(f"while broken: readyz {ready}, healthz {health}")
    await asyncio.to_thread(mend_it)
    mended = time.monotonic()
    while True:
        answer, _ = await probe(daemon.lmtp, 900_002)
        if answer.startswith("250") or time.monotonic() - mended > 60:
            break
    if time.monotonic() - mended > SOON:
        wrong.append(f"taken again only {time.monotonic() - mended:.1f} s after it was mended")
    load.ledger.sent[900_001] = make_mail(900_001, "support")
    load.ledger.sent[900_002] = load.ledger.promised[900_002] = make_mail(900_002, "support")
    await asyncio.sleep(0.5)
    over.set()
    await clients
    await resend_all(load)
    await asyncio.to_thread(daemon.until, lambda: daemon.get("/readyz")[0] == 200)
    await asyncio.to_thread(daemon.until, lambda: settled(daemon, deliveries=False), 60)
    if permanent := {code: count for code, count in load.ledger.replies.items() if code.startswith("5")}:
        wrong.append(f"permanent replies: {permanent}")
    return load, wrong


@contextmanager
def small_disk(folder: Path, megabytes: int):
    """Mount a file system of that size."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "poterne-test", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


async def test_a_full_disk(tmp_path):
    disk = tmp_path / "disk"
    filler = disk / "filler"

    def fill():
        with filler.open("wb") as file:
            try:
                while True:
                    os.write(file.fileno(), b"x" * 4096)
            except OSError:
                return

    with (
        small_disk(disk, 32),
        Recorder() as relay,
        Daemon(tmp_path / "etc", database=f"sqlite:///{disk}/poterne.db", relay=relay.port) as daemon,
    ):
        await asyncio.to_thread(daemon.start)
        load, wrong = await play(daemon, fill, filler.unlink)
        daemon.stop()
        found = differences(daemon.database, load.ledger)

    assert wrong + found == []
    assert load.ledger.replies["452"] > 0


async def test_a_locked_sqlite_database(tmp_path):
    with Recorder() as relay, Daemon(tmp_path, relay=relay.port) as daemon:
        await asyncio.to_thread(daemon.start)
        with closing(sqlite3.connect(tmp_path / "poterne.db", isolation_level=None, check_same_thread=False)) as other:
            load, wrong = await play(
                daemon, lambda: other.execute("BEGIN EXCLUSIVE"), lambda: other.execute("ROLLBACK")
            )
        daemon.stop()
        found = differences(daemon.database, load.ledger)

    assert wrong + found == []
    assert load.ledger.replies["451"] > 0


async def test_a_postgresql_server_that_is_gone(tmp_path):
    with postgres_server() as server, Recorder() as relay:
        with Daemon(tmp_path, database=server.new_database(), relay=relay.port, limits=QUICKLY) as daemon:
            assert daemon.command("migrate").returncode == 0
            await asyncio.to_thread(daemon.start)
            load, wrong = await play(daemon, server.stop, server.start)
            daemon.stop()
        found = differences(daemon.database, load.ledger)

    assert wrong + found == []
    assert load.ledger.replies["451"] > 0


async def test_a_postgresql_server_that_hangs(tmp_path):
    with postgres_server() as server, Recorder() as relay:
        with Daemon(tmp_path, database=server.new_database(), relay=relay.port, limits=QUICKLY) as daemon:
            assert daemon.command("migrate").returncode == 0
            await asyncio.to_thread(daemon.start)
            load, wrong = await play(
                daemon, lambda: server.signal_all(signal.SIGSTOP), lambda: server.signal_all(signal.SIGCONT)
            )
            daemon.stop()
        found = differences(daemon.database, load.ledger)

    assert wrong + found == []
