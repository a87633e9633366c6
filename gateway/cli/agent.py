"""`poterne agent`: the local accounts of agents and administrators."""

from __future__ import annotations

import asyncio
import sys

import click

from gateway.cli.frame import CommandError, group
from gateway.cli.opening import with_books
from gateway.cli.output import json_option, jsonable, print_rows
from gateway.cli.sysexits import DATAERR

COLUMNS = ("id", "address", "name", "role", "created_at", "disabled_at")
KEYS = COLUMNS
MEANINGS = {
    "off": "nothing by mail",
    "own": "mails on tickets of their own",
    "all": "mails on every ticket they may see",
}

password_option = click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")


@group()
def agent() -> None:
    """Who may sign in."""


@agent.command()
@click.argument("address")
@click.option("--name", required=True, metavar="TEXT", help="As customers see it.")
@click.option("--role", type=click.Choice(["agent", "admin"]), default="agent", show_default=True)
@click.option("--no-password", is_flag=True, help="An account that signs in elsewhere (OpenID Connect, proxy).")
@password_option
def add(address: str, name: str, role: str, no_password: bool, password_stdin: bool) -> None:
    """Create an account. The password is asked for; it is never an argument."""
    checked_address(address)
    if not name.isprintable() or not name.strip():
        raise CommandError("the name is empty or holds control characters", "write it in one line", DATAERR)
    hashed = None if no_password else hash_password(read_password(from_stdin=password_stdin))
    number = with_books(lambda books: books.add_agent(address, name.strip(), role, hashed))
    click.echo(f"{role} {address} has number {number}")


@agent.command("list")
@json_option
def list_agents(as_json: bool) -> None:
    """List the accounts. Passwords are not shown, not even hashed."""
    rows = with_books(lambda books: books.list_agents())
    shown = ({key: value for key, value in jsonable(row).items() if key in KEYS} for row in rows)
    print_rows(shown, COLUMNS, as_json=as_json)


@agent.command()
@click.argument("address")
@click.option("--undo", is_flag=True, help="Let the account sign in again.")
def disable(address: str, undo: bool) -> None:
    """Keep an account from signing in; what it did stays."""
    with_books(lambda books: books.change_agent(address, disabled=not undo))
    click.echo(f"{address} {'may sign in again' if undo else 'is disabled'}")


@agent.command()
@click.argument("address")
@password_option
def password(address: str, password_stdin: bool) -> None:
    """Set a new password."""
    hashed = hash_password(read_password(from_stdin=password_stdin))
    with_books(lambda books: books.change_agent(address, password=hashed))
    click.echo(f"{address} has a new password")


@agent.command()
@click.argument("address")
@click.argument("wish", type=click.Choice(list(MEANINGS)))
def alerts(address: str, wish: str) -> None:
    """Say of which new mails of customers an agent hears by mail: none, those on their own tickets, or all."""
    with_books(lambda books: books.set_alerts(address, wish))
    click.echo(f"{address} hears of {MEANINGS[wish]}")


def checked_address(address: str) -> None:
    """Refuse what is no address."""
    from pydantic_core import PydanticCustomError

    from gateway.config.units import address as check_address

    try:
        check_address(address)
    except PydanticCustomError as error:
        context = error.context or {}
        raise CommandError(str(context.get("problem")), str(context.get("cure")), DATAERR) from None


def read_password(*, from_stdin: bool) -> str:
    """Ask for a password twice, or read one line."""
    from gateway.desk.passwords import MAX_PASSWORD, MIN_PASSWORD

    if from_stdin:
        secret = sys.stdin.readline().rstrip("\r\n")
    else:
        secret = str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    if not MIN_PASSWORD <= len(secret) <= MAX_PASSWORD:
        raise CommandError(
            f"the password has {len(secret)} characters", f"use at least {MIN_PASSWORD}, as a few words", DATAERR
        )
    return secret


def hash_password(secret: str) -> str:
    """Return the hash to keep, as the pages make it."""
    from gateway.desk.passwords import Argon2

    return asyncio.run(Argon2().hash(secret))
