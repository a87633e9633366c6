"""`poterne migrate`: the database of an older Poterne becomes that of this one."""

from __future__ import annotations

import click

from gateway.cli.frame import command
from gateway.cli.opening import keep_private, read_settings


@command()
def migrate() -> None:
    """Bring the database up to the present schema.

    SQLite does that by itself when the daemon starts; PostgreSQL waits for this command. Repeating it changes nothing.
    """
    from gateway.console import upgrade

    keep_private()
    upgrade(read_settings())
    click.echo("the database has the present schema")
