"""`poterne postfix maps`: what to tell Postfix."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.frame import group, invocation


@group()
def postfix() -> None:
    """What Postfix has to know."""


@postfix.command()
@click.argument("which", type=click.Choice(["transport", "recipients", "inboxes"]), required=False)
@click.option("--target", metavar="TRANSPORT:NEXTHOP", help="Instead of what listen.lmtp says.")
@click.option("--directory", type=click.Path(file_okay=False, exists=True, path_type=Path), help="Write files there.")
def maps(which: str | None, target: str | None, directory: Path | None) -> None:
    """Print the transport, recipient and inbox tables for this configuration.

    Name one to print its entries alone; `--directory /etc/postfix` makes the files, for postmap and main.cf.
    """
    from gateway.cli.postfix_tables import tables
    from gateway.config import load_without_secrets

    found = tables(load_without_secrets(invocation().settings_path()), target)
    if which is not None:
        found = tuple(table for table in found if table.name == f"poterne_{which}")
    for table in found:
        if directory is None:
            click.echo(table.text(), nl=which is None)
            continue
        path = directory / table.name
        path.write_text(table.text(), encoding="utf-8")
        click.echo(f"{path}: {len(table.entries)} entries; run: postmap {path}")
