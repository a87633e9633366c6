"""`poterne replay`: what earlier mails would become under this configuration. Nothing is changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from gateway.cli.frame import command
from gateway.cli.opening import with_desk
from gateway.cli.output import cell, json_option, print_json

if TYPE_CHECKING:
    from gateway.console import Desk


@command()
@click.option("--diff", is_flag=True, help="Only the mails that would be judged otherwise.")
@click.option("--days", type=click.IntRange(min=1), default=7, show_default=True, help="How far back to look.")
@json_option
def replay(diff: bool, days: int, as_json: bool) -> None:
    """Judge the mails of the last days again, by the rules and the configuration at hand, without side effects.

    To try a change, name the changed file with -c. What had happened just before a mail (a burst, an answer at once, a
    muted address) does not come back: where that counted, only the mail's other verdicts are compared. Held mails are
    judged again for real by: poterne quarantine replay
    """

    async def work(desk: Desk) -> tuple[int, int, int]:
        from gateway.console.again import changes

        seen = changed = momentary = 0
        async for change in changes(desk, datetime.now(UTC) - timedelta(days=days)):
            seen += 1
            changed += bool(change.differences)
            momentary += change.momentary
            if diff and not change.differences:
                continue
            if as_json:
                print_json(
                    {
                        "intake": change.row.id,
                        "message_id": change.row.message_id,
                        "disposition": change.plan.disposition,
                        "would_acknowledge": change.plan.acknowledge,
                        "momentary": change.momentary,
                        "changes": {what: {"before": old, "after": new} for what, old, new in change.differences},
                    }
                )
                continue
            line = f"{change.row.id} {cell(change.row.message_id)}: {change.plan.disposition.value}"
            click.echo(
                line + "".join(f"\n  {what}: {cell(old)} -> {cell(new)}" for what, old, new in change.differences)
            )
        return seen, changed, momentary

    seen, changed, momentary = with_desk(work)
    if not as_json:
        apart = f"; {momentary} in part, for they were judged by their moment, too" if momentary else ""
        click.echo(f"{seen} mails judged again, {changed} of them otherwise{apart}")
