"""`poterne audit`: does the ledger add up?"""

from __future__ import annotations

import click

from gateway.cli import sysexits
from gateway.cli.frame import command, complain
from gateway.cli.opening import with_books
from gateway.cli.output import json_option, print_json


@command()
@click.option("--fast", is_flag=True, help="Do not read the raw mails again.")
@json_option
def audit(fast: bool, as_json: bool) -> int:
    """Check that every mail that was answered 250 waits or has exactly one disposition, and is kept as it came.

    Exit code 1 if something does not add up.
    """
    found = with_books(lambda books: books.audit(octets=not fast))
    if as_json:
        print_json(found)
    else:
        click.echo(f"{found.intakes} intakes = {found.waiting} waiting + {sum(found.dispositions.values())} settled")
        for disposition, count in sorted(found.dispositions.items()):
            click.echo(f"  {disposition:<12} {count}")
        for state, count in sorted(found.deliveries.items()):
            click.echo(f"  deliveries {state:<12} {count}")
        click.echo(f"{found.raw_mails} raw mails read and hashed again")
        for problem in found.problems:
            complain(problem, 0)
    return sysexits.FOUND_PROBLEMS if found.problems else sysexits.OK
