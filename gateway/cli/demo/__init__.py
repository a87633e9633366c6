"""`poterne demo`: the whole way of a mail, for real, on this machine, in a folder of its own."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from pathlib import Path

import click

from gateway.cli.demo.catcher import Catcher
from gateway.cli.demo.play import Play
from gateway.cli.demo.stage import Daemon, Stage, poterne, prepare

SELECTOR, DOMAIN = b"demo._domainkey.example.org.", "example.org"


def play_demo(folder: Path, *, once: bool) -> None:
    """Make a stage under `folder` and play on it. Raises RuntimeError or TimeoutError if something does not work."""
    asyncio.run(perform(prepare(folder), once=once))


async def perform(stage: Stage, *, once: bool) -> None:
    """Play the demo on a stage; unless `once`, stay until a signal asks for the end."""
    key = await make_key(stage)
    catcher, daemon = Catcher(stage.folder / "mailbox"), Daemon(stage)
    await catcher.start(stage.relay)
    try:
        await daemon.start()
        click.echo(f"The daemon runs; everything of this run is in {stage.folder}\n")
        play = Play(stage, catcher)
        await play.run()
        await play.settle()
        click.echo(await play.report(lambda mail: verified(mail, key)))
        click.echo(f"\nTickets and health: {stage.page}")
        if not once:
            click.echo(f"More: POTERNE_CONFIG={stage.config} poterne tickets\nCtrl-C ends the demo.")
            await until_signal(daemon)
        code = await daemon.stop()
        if code:
            raise RuntimeError(f"the daemon ended with exit code {code}")
    finally:
        await daemon.stop()
        await catcher.stop()


async def make_key(stage: Stage) -> bytes:
    """Make the DKIM key as an operator would; return the record that would stand in DNS."""
    path = str(stage.folder / "dkim.pem")
    await poterne(stage, "dkim", "generate", "--domain", DOMAIN, "--selector", "demo", "--out", path)
    return (await poterne(stage, "dkim", "record", "--domain", DOMAIN, "--selector", "demo", path)).encode()


def verified(mail: bytes, record: bytes) -> str:
    """Tell what the signature of a caught mail is worth, with the key that would stand in DNS."""
    import dkim

    def lookup(name: bytes, timeout: int = 5) -> bytes:
        del timeout
        return record if name == SELECTOR else b""

    if b"dkim-signature:" not in mail.lower():
        return "none"
    return "good" if dkim.verify(mail, dnsfunc=lookup) else "bad"


async def until_signal(daemon: Daemon) -> None:
    """Wait for Ctrl-C, SIGTERM, or the daemon's own end."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked.set)
    waiting = [asyncio.ensure_future(asked.wait()), asyncio.ensure_future(daemon.wait())]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(*waiting)
