"""`poterne demo`: the whole way of a mail, for real, on this machine, in a folder of its own."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli import sysexits
from gateway.cli.frame import CommandError, command

if TYPE_CHECKING:
    from gateway.cli.demo.stage import Daemon, Stage

AGENT = "lea@example.org"
SELECTOR, DOMAIN = b"demo._domainkey.example.org.", "example.org"


@command()
@click.option("--once", is_flag=True, help="End after the tables, for scripts.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("var/demo"),
    show_default=True,
    help="Where each run makes its own folder.",
)
def demo(once: bool, folder: Path) -> None:
    """Play six mails in, one agent's reply out, and show what became of each.

    Starts the daemon on free ports of the loopback, and a catcher that plays the relay and the customer's mailbox.
    """
    from gateway.cli.demo.stage import prepare

    try:
        asyncio.run(perform(prepare(folder), once=once))
    except (RuntimeError, TimeoutError) as error:
        raise CommandError(str(error), f"see daemon.log in {folder}", sysexits.SOFTWARE) from None


async def perform(stage: Stage, *, once: bool) -> None:
    """Play the demo on a stage; unless `once`, stay until a signal asks for the end."""
    from gateway.cli.demo.catcher import Catcher
    from gateway.cli.demo.play import Play
    from gateway.cli.demo.stage import Daemon

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
        password = await make_account(stage)
        click.echo(f"\nThe agents' desk: {stage.page}")
        click.echo(f"Sign in as {AGENT} with {password}; then choose a password of your own.")
        if not once:
            click.echo(f"More: POTERNE_CONFIG={stage.config} poterne tickets\nCtrl-C ends the demo.")
            await until_signal(daemon)
        code = await daemon.stop()
        if code:
            raise RuntimeError(f"the daemon ended with exit code {code}")
    finally:
        await daemon.stop()
        await catcher.stop()


async def make_account(stage: Stage) -> str:
    """Make an administrator's account as an operator would; return its first password."""
    from gateway.cli.demo.stage import poterne

    password = secrets.token_urlsafe(9)
    words = ("agent", "add", AGENT, "--name", "Léa Martin", "--role", "admin", "--password-stdin")
    await poterne(stage, *words, text=password + "\n")
    return password


async def make_key(stage: Stage) -> bytes:
    """Make the DKIM key as an operator would; return the record that would stand in DNS."""
    from gateway.cli.demo.stage import poterne

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
