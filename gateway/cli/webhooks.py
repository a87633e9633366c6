"""`poterne webhooks`: how webhooks go, what was told to whom, and the operator's hand on it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.frame import CommandError, group
from gateway.cli.listings import every, limit_option
from gateway.cli.opening import known, operator, read_settings, with_books
from gateway.cli.outbox import by_hand
from gateway.cli.output import cell, json_option, jsonable, print_json, print_rows
from gateway.cli.sysexits import UNAVAILABLE

if TYPE_CHECKING:
    from gateway.console import Books
    from gateway.model import WebhookTrace

ON_SCREEN = 100
LOOK = 0.2  # seconds between looks for an answer
COLUMNS = ("name", "health", "waiting", "oldest", "sent_24h", "failed_24h", "url", "because")
DELIVERY_COLUMNS = (
    "id", "webhook", "type", "ticket", "state", "attempts", "queued_at", "next_attempt_at", "text",
)  # fmt: skip
ATTEMPT_COLUMNS = ("number", "started_at", "ended_at", "outcome", "code", "text")


@group()
def webhooks() -> None:
    """Webhooks of the configuration: one delivery for each event and webhook, and the attempts under it."""


@webhooks.command("list")
@json_option
def list_webhooks(as_json: bool) -> None:
    """List the webhooks with what waits for them."""
    from gateway.desk.webhooks import states_of

    configured = read_settings().webhooks
    rows = states_of(configured, with_books(lambda books: books.webhook_depths()))
    shown = [jsonable(row) for row in rows]
    for row in [] if as_json else shown:
        row["because"] = row["because"] or row["trouble"]
    print_rows(shown, COLUMNS, as_json=as_json)


@webhooks.command()
@click.option("--webhook", metavar="NAME", help="Only those of one webhook.")
@click.option("--state", type=click.Choice(["queued", "sent", "failed", "cancelled"]), help="Only those in one state.")
@limit_option
@json_option
def deliveries(webhook: str | None, state: str | None, limit: int | None, as_json: bool) -> None:
    """List deliveries, newest first."""
    most = limit if limit is not None or as_json else ON_SCREEN

    async def work(books: Books) -> list[dict[str, Any]]:
        async def lister(limit: int = 100, before: int | None = None, /) -> Any:
            return await books.list_webhook_deliveries(limit, before, webhook=webhook, state=state)

        return await every(lister, "id", most)

    print_rows(with_books(work), DELIVERY_COLUMNS, as_json=as_json)


@webhooks.command()
@click.argument("delivery", type=int)
@json_option
def show(delivery: int, as_json: bool) -> None:
    """Show what is sent, and every attempt with the receiver's words."""
    trace = with_books(lambda books: books.trace_webhook_delivery(delivery))
    if as_json:
        print_json(trace)
        return
    click.echo(f"{trace.delivery.type} {trace.delivery.event}\n{cell(trace.payload)}")
    print_rows([jsonable(row) for row in trace.attempts], ATTEMPT_COLUMNS, as_json=False)


@webhooks.command()
@click.argument("numbers", metavar="DELIVERIES...", type=int, nargs=-1, required=True)
def retry(numbers: tuple[int, ...]) -> None:
    """Send events again at once, whatever became of them."""
    by_hand(numbers, lambda books, number: books.retry_webhook_delivery(number), "will be sent now")


@webhooks.command()
@click.argument("numbers", metavar="DELIVERIES...", type=int, nargs=-1, required=True)
def cancel(numbers: tuple[int, ...]) -> None:
    """Never send what waits."""
    by_hand(numbers, lambda books, number: books.cancel_webhook_delivery(number), "is cancelled")


@webhooks.command()
@click.argument("name")
@click.option("--because", default="", metavar="TEXT", help="Why, for whoever looks.")
def pause(name: str, because: str) -> None:
    """Hand out nothing of a webhook any more; its events wait."""
    known("webhook", name, read_settings().webhooks)
    with_books(lambda books: books.pause_webhook(name, because or f"paused by {operator()}"))
    click.echo(f"webhook {name} is paused")


@webhooks.command()
@click.argument("name")
def resume(name: str) -> None:
    """End a pause, or believe that a receiver that was gone (410) is back."""
    known("webhook", name, read_settings().webhooks)
    ended = with_books(lambda books: books.resume_webhook(name))
    click.echo(f"webhook {name} {'is told again' if ended else 'was not stopped'}")


@webhooks.command()
@click.argument("name")
@click.option("--wait", default=10.0, show_default=True, metavar="SECONDS", help="Longest wait for the answer.")
@json_option
def test(name: str, wait: float, as_json: bool) -> None:
    """Send a `ping` to one webhook by the running daemon, and show what the receiver answers."""
    known("webhook", name, read_settings().webhooks)
    trace = with_books(lambda books: ping(books, name, wait))
    if as_json:
        print_json(trace)
    elif trace.attempts:
        click.echo(f"delivery {trace.delivery.id}: {trace.delivery.state}, {cell(trace.attempts[-1].text)}")
    if trace.delivery.state != "sent":
        if tried(trace):
            cure = f"see: poterne webhooks show {trace.delivery.id}"
            raise CommandError(f"webhook {name} did not take it", cure, UNAVAILABLE)
        cure = "is the daemon running, the webhook paused?"
        raise CommandError(f"nobody sent it within {wait:g} s", cure, UNAVAILABLE)


async def ping(books: Books, name: str, wait: float) -> WebhookTrace:
    """Queue a `ping` and look until it was tried, or for so long."""
    number = await books.ping_webhook(name)
    deadline = asyncio.get_running_loop().time() + wait
    while True:
        trace = await books.trace_webhook_delivery(number)
        if tried(trace) or trace.delivery.state != "queued" or asyncio.get_running_loop().time() >= deadline:
            return trace
        await asyncio.sleep(LOOK)


def tried(trace: WebhookTrace) -> bool:
    """Tell whether the last attempt has ended."""
    return bool(trace.attempts and trace.attempts[-1].outcome)
