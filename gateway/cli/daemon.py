"""`poterne serve`: the daemon."""

from __future__ import annotations

import click

from gateway.cli.frame import command, invocation


@command()
@click.option("--page", is_flag=True, hidden=True, help="Show the demo's page of tickets.")
def serve(page: bool) -> None:
    """Run the daemon until SIGTERM or SIGINT. SIGHUP reads the configuration again; a bad file changes nothing."""
    from gateway.app import serve as run_daemon

    run_daemon(invocation().settings_path(), page=page)
