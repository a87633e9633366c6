"""`poterne outbox`: what leaves, what waits, and the operator's hand on it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.frame import CommandError, group
from gateway.cli.listings import limit_option, listed
from gateway.cli.opening import known, operator, read_settings, with_books
from gateway.cli.output import json_option, jsonable, print_rows
from gateway.errors import PoterneError

if TYPE_CHECKING:
    from gateway.console import Books

KEYS = (
    "id", "outgoing", "ticket", "kind", "channel", "recipient", "message_id", "state", "attempts", "queued_at",
    "next_attempt_at", "code", "text",
)  # fmt: skip
COLUMNS = ("id", "ticket", "kind", "channel", "recipient", "state", "attempts", "queued_at", "next_attempt_at", "text")
ATTEMPT_COLUMNS = ("number", "started_at", "ended_at", "outcome", "code", "text")


@group()
def outbox() -> None:
    """Messages of ours: one delivery for each recipient, and the attempts under it."""


@outbox.command("list")
@limit_option
@json_option
def list_deliveries(limit: int | None, as_json: bool) -> None:
    """List deliveries, newest first."""
    listed(lambda books: books.list_outbox, "id", KEYS, COLUMNS, limit=limit, as_json=as_json)


@outbox.command()
@click.argument("delivery", type=int)
@json_option
def attempts(delivery: int, as_json: bool) -> None:
    """List the attempts under a delivery, with the server's words."""
    rows = with_books(lambda books: books.attempts(delivery))
    print_rows((jsonable(row) for row in rows), ATTEMPT_COLUMNS, as_json=as_json)


@outbox.command()
@click.argument("deliveries", type=int, nargs=-1, required=True)
def retry(deliveries: tuple[int, ...]) -> None:
    """Send again at once what failed, is held, was cancelled, or waits for its next attempt."""
    by_hand(deliveries, lambda books, number: books.retry_delivery(number, operator()), "will be sent now")


@outbox.command()
@click.argument("deliveries", type=int, nargs=-1, required=True)
def cancel(deliveries: tuple[int, ...]) -> None:
    """Never send what waits or is held."""
    by_hand(deliveries, lambda books, number: books.cancel_delivery(number, operator()), "is cancelled")


@outbox.command()
@click.argument("deliveries", type=int, nargs=-1, required=True)
def hold(deliveries: tuple[int, ...]) -> None:
    """Keep what waits until it is retried or cancelled."""
    by_hand(deliveries, lambda books, number: books.hold_delivery(number, operator()), "is held")


@outbox.command()
@click.argument("channel")
@click.option("--because", default="", metavar="TEXT", help="Why, for whoever looks.")
def pause(channel: str, because: str) -> None:
    """Hand out nothing of a channel any more; what is queued waits."""
    known("channel", channel, read_settings().ways_out)
    with_books(lambda books: books.pause_channel(channel, because or f"paused by {operator()}"))
    click.echo(f"channel {channel} is paused")


@outbox.command()
@click.argument("channel")
def resume(channel: str) -> None:
    """End a pause. The bound on automatic mail is checked again for what waited."""
    known("channel", channel, read_settings().ways_out)
    ended = with_books(lambda books: books.resume_channel(channel))
    click.echo(f"channel {channel} {'sends again' if ended else 'was not paused'}")


def by_hand(numbers: tuple[int, ...], act: Callable[[Books, int], Awaitable[Any]], done: str) -> None:
    """Do one thing to each number; what cannot be done does not stop the others."""

    async def work(books: Books) -> list[PoterneError]:
        errors: list[PoterneError] = []
        for number in numbers:
            try:
                await act(books, number)
            except PoterneError as error:
                click.echo(f"poterne: {number}: {error}", err=True)
                errors.append(error)
            else:
                click.echo(f"{number} {done}")
        return errors

    errors = with_books(work)
    if errors:
        raise CommandError(f"{len(errors)} of {len(numbers)} could not be done", "see above", code_of_first(errors))


def code_of_first(errors: list[PoterneError]) -> int:
    """Return the exit code for what went wrong first."""
    from gateway.cli.sysexits import code_of

    return code_of(errors[0])
