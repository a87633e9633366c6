"""`poterne connect`: sign an account of Office 365 in, by device code."""

from __future__ import annotations

import click

from gateway.cli.frame import CommandError, command
from gateway.cli.opening import read_settings
from gateway.cli.sysexits import NOINPUT


@command()
@click.argument("name")
def connect(name: str) -> None:
    """Sign in for the inbox or channel NAME; a web page asks for the code that is shown here."""
    import asyncio

    from gateway.console.accounts import office365_names, sign_in

    settings = read_settings()
    names = office365_names(settings)
    if name not in names:
        cure = f"use one of {', '.join(names)}" if names else "add one of type office365 under connections"
        raise CommandError(f"{name} is no account that is signed in by code", cure, NOINPUT)
    account = asyncio.run(sign_in(settings, name, lambda text: click.echo(text, err=True)))
    click.echo(f"{name} is signed in as {account}")
