"""`poterne blocklist`: addresses, domains and patterns that nothing of ours is ever sent to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from gateway.cli.frame import CommandError, group
from gateway.cli.opening import operator, read_settings, with_books
from gateway.cli.output import json_option, print_rows
from gateway.cli.sysexits import DATAERR, NOINPUT

if TYPE_CHECKING:
    from gateway.console import Books

COLUMNS = ("pattern", "source", "reason", "added_by", "added_at")


@group()
def blocklist() -> None:
    """The loop blocklist. Own addresses join by themselves."""


@blocklist.command("list")
@json_option
def list_patterns(as_json: bool) -> None:
    """List every pattern, and where it comes from: this list, the configuration, or our own addresses."""
    from gateway.policy import own_addresses

    settings = read_settings()

    async def work(books: Books) -> list[dict[str, Any]]:
        stored = await books.list_blocklist()
        return [entry(row.pattern, "stored", row.reason, row.added_by, row.added_at) for row in stored]

    rows = with_books(work)
    rows += [entry(pattern, "configuration") for pattern in settings.loop_protection.blocklist]
    rows += [entry(address, "own address") for address in sorted(own_addresses(settings))]
    print_rows(rows, COLUMNS, as_json=as_json)


@blocklist.command()
@click.argument("pattern")
@click.option("--reason", default="", metavar="TEXT", help="Why, for whoever looks.")
def add(pattern: str, reason: str) -> None:
    """Never send to PATTERN: an address, a domain (example.org, *.example.org) or a wildcard (noreply@*)."""
    from pydantic_core import PydanticCustomError

    from gateway.config.units import pattern as check_pattern

    try:
        check_pattern(pattern)
    except PydanticCustomError as error:
        context = error.context or {}
        raise CommandError(str(context.get("problem")), str(context.get("cure")), DATAERR) from None
    with_books(lambda books: books.block(pattern, reason, operator()))
    click.echo(f"nothing is sent to {pattern} any more")


@blocklist.command()
@click.argument("pattern")
def remove(pattern: str) -> None:
    """Take a stored pattern off the list."""
    if not with_books(lambda books: books.unblock(pattern)):
        raise CommandError(f"{pattern} is not stored", "see: poterne blocklist list", NOINPUT)
    click.echo(f"{pattern} is off the list")


def entry(pattern: str, source: str, reason: str = "", by: str | None = None, at: object = None) -> dict[str, Any]:
    """Return one row."""
    return {"pattern": pattern, "source": source, "reason": reason, "added_by": by, "added_at": at}
