"""`poterne quarantine`: what is held, why, and what to do with it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from gateway.cli.frame import CommandError, group
from gateway.cli.listings import INTAKE_KEYS, ON_SCREEN, every, limit_option
from gateway.cli.opening import with_books
from gateway.cli.output import json_option, print_rows
from gateway.cli.sysexits import USAGE

if TYPE_CHECKING:
    from gateway.console import Books

KEYS = (*INTAKE_KEYS, "queue", "because")
COLUMNS = ("id", "received_at", "queue", "mail_from", "rcpt_to", "size", "attempts", "because")


@group()
def quarantine() -> None:
    """Mails that are held: kept whole, seen here, and judged again when you say so."""


@quarantine.command("list")
@limit_option
@json_option
def list_held(limit: int | None, as_json: bool) -> None:
    """List what is held, newest first."""
    most = limit if limit is not None or as_json else ON_SCREEN
    rows = with_books(lambda books: every(books.list_quarantine, "id", most))
    print_rows(({key: row[key] for key in KEYS} for row in rows), COLUMNS, as_json=as_json)


@quarantine.command()
@click.argument("intakes", type=int, nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All that is held.")
def replay(intakes: tuple[int, ...], everything: bool) -> None:
    """Judge held mails again, as after a change of the configuration; what still holds them counts."""
    again(intakes, everything=everything, release=False)


@quarantine.command()
@click.argument("intakes", type=int, nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All that is held.")
def release(intakes: tuple[int, ...], everything: bool) -> None:
    """Let held mails through: whatever held them counts no more. Repeating it changes nothing."""
    again(intakes, everything=everything, release=True)


@quarantine.command()
@click.argument("intake", type=int)
def raw(intake: int) -> None:
    """Write the octets of an intake, as they came, to standard output."""
    sys.stdout.buffer.write(with_books(lambda books: books.raw(intake)))


def again(intakes: tuple[int, ...], *, everything: bool, release: bool) -> None:
    """Give intakes back to the daemon."""
    if everything == bool(intakes):
        raise CommandError("give numbers of intakes, or --all", "see: poterne quarantine list", USAGE)

    async def work(books: Books) -> None:
        chosen = [row["id"] for row in await every(books.list_quarantine, "id", None)] if everything else intakes
        for number in chosen:
            held = await books.replay_intake(number, release=release)
            done = "will be judged again" if held else "is not held"
            click.echo(f"{number} {'is released' if held and release else done}")

    with_books(work)
