"""`poterne intakes` and `poterne tickets`: what came in, and what became of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import click

from gateway.cli.frame import CommandError, command, group
from gateway.cli.opening import with_books
from gateway.cli.output import cell, json_option, jsonable, print_json, print_rows
from gateway.cli.sysexits import NOINPUT

if TYPE_CHECKING:
    from gateway.console import Books
    from gateway.model import IntakeTrace

PAGE = 500
ON_SCREEN = 100

Row_co = TypeVar("Row_co", covariant=True)

# The keys of a JSON line, in order: a contract.
INTAKE_KEYS = (
    "id", "received_at", "mail_from", "rcpt_to", "message_id", "sha256", "size", "state", "disposition", "ticket",
    "verdicts", "attempts",
)  # fmt: skip
TICKET_KEYS = (
    "number", "queue", "type", "subject", "status", "requester", "assignee", "created_at", "updated_at", "entries",
)  # fmt: skip
INTAKE_COLUMNS = ("id", "received_at", "mail_from", "rcpt_to", "size", "state", "disposition", "ticket", "message_id")
TICKET_COLUMNS = ("number", "queue", "status", "updated_at", "requester", "assignee", "entries", "subject")

limit_option = click.option(
    "-n", "--limit", type=click.IntRange(min=1), help=f"Most rows to print [default: all as JSON, else {ON_SCREEN}]."
)


class Lister(Protocol[Row_co]):
    """Returns rows, newest first, at most `limit`, older than `before`."""

    def __call__(self, limit: int = ..., before: int | None = ..., /) -> Awaitable[Sequence[Row_co]]: ...


async def every(lister: Lister[Any], key: str, most: int | None) -> list[dict[str, Any]]:
    """Return all rows as objects, page by page, up to `most`."""
    found: list[dict[str, Any]] = []
    before: int | None = None
    while most is None or len(found) < most:
        page = await lister(PAGE if most is None else min(PAGE, most - len(found)), before)
        if not page:
            break
        found.extend(jsonable(row) for row in page)
        before = getattr(page[-1], key)
    return found


def listed(
    choose: Callable[[Books], Lister[Any]],
    key: str,
    keys: Sequence[str],
    columns: Sequence[str],
    *,
    limit: int | None,
    as_json: bool,
) -> None:
    """Print one listing."""
    most = limit if limit is not None or as_json else ON_SCREEN
    rows = with_books(lambda books: every(choose(books), key, most))
    print_rows(({name: row[name] for name in keys} for row in rows), columns, as_json=as_json)


@group(invoke_without_command=True)
@limit_option
@json_option
@click.pass_context
def intakes(context: click.Context, limit: int | None, as_json: bool) -> None:
    """List accepted mails, newest first: one line for each recipient that was answered 250."""
    if context.invoked_subcommand is None:
        listed(lambda books: books.list_intakes, "id", INTAKE_KEYS, INTAKE_COLUMNS, limit=limit, as_json=as_json)


@intakes.command()
@click.argument("what", metavar="ID")
@json_option
def trace(what: str, as_json: bool) -> None:
    """Tell everything about one mail: ID is its number, its Message-ID, or an address."""
    found = with_books(lambda books: books.trace(what))
    if not found:
        raise CommandError(f"no intake has {what}", "give a number, a Message-ID or an address", NOINPUT)
    for item in found:
        if as_json:
            print_json(item)
        else:
            click.echo("\n".join(described(item)) + "\n")


@command()
@limit_option
@json_option
def tickets(limit: int | None, as_json: bool) -> None:
    """List tickets, newest first."""
    listed(lambda books: books.list_tickets, "number", TICKET_KEYS, TICKET_COLUMNS, limit=limit, as_json=as_json)


def described(item: IntakeTrace) -> list[str]:
    """Return what people read about one intake."""
    row = item.row
    ticket = f" on ticket {row.ticket}" if row.ticket else ""
    lines = [
        f"intake {row.id}: {row.disposition or row.state}{ticket} in queue {row.queue}",
        f"  received    {cell(row.received_at)} from <{cell(row.mail_from).strip('-')}> for {cell(row.rcpt_to)}",
        f"  message     {cell(row.message_id)} ({row.size} octets, sha256 {row.sha256})",
        f"  author      {cell(item.author)}",
        f"  subject     {cell(item.subject)}",
        f"  kind        {cell(item.kind)}, settled {cell(item.settled_at)}, tries {row.attempts}",
    ]
    if row.because:
        lines.append(f"  because     {cell(row.because)}")
    lines += [
        f"  {verdict.effect.value:<11} {verdict.rule}: {cell(verdict.because)} ({cell(verdict.where)})"
        for verdict in row.verdicts
    ]
    lines += [f"  not sent    {refusal.rule}: {cell(refusal.because)}" for refusal in item.refusals]
    lines += [
        f"  sent        {delivery.kind} to {cell(delivery.recipient)}: {delivery.state} {cell(delivery.text)}"
        for delivery in item.deliveries
    ]
    return lines
