"""`poterne doctor`: is everything around poterne as it should be?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli import sysexits
from gateway.cli.frame import command, invocation
from gateway.cli.output import cell, json_option, print_json
from gateway.errors import PoterneError

if TYPE_CHECKING:
    from gateway.cli.doctor_checks import Finding
    from gateway.config import Examination, Settings
    from gateway.console import Books


@command()
@json_option
def doctor(as_json: bool) -> int:
    """Look at versions, permissions, forwarders that are not configured, and gaps in the loop blocklist.

    Exit code 1 if something is bad; what is doubtful is for you to weigh.
    """
    from gateway.cli.doctor_checks import Grade
    from gateway.config import examine

    path = invocation().settings_path()
    seen = examine(path)
    findings = list(everything(seen, path))
    for item in findings:
        if as_json:
            print_json(item)
        else:
            cure = f"; {cell(item.cure)}" if item.cure else ""
            click.echo(f"{item.grade.value:<9} {item.about}: {cell(item.seen)}{cure}")
    return sysexits.FOUND_PROBLEMS if any(item.grade is Grade.BAD for item in findings) else sysexits.OK


def everything(seen: Examination, path: Path) -> list[Finding]:
    """Run every check that the state of the configuration permits."""
    from gateway.cli import doctor_checks as checks

    bad = [checks.Finding(checks.Grade.BAD, "configuration", str(item)) for item in seen.problems]
    doubtful = [checks.Finding(checks.Grade.DOUBTFUL, "configuration", str(item)) for item in seen.warnings]
    findings = [*bad, *doubtful]
    if not findings:
        findings.append(checks.Finding(checks.Grade.FINE, "configuration", f"{path} can be used"))
    if seen.settings is None:
        return findings
    findings += checks.versions(seen.settings)
    findings += checks.permissions(seen.settings, path)
    return findings + from_store(seen.settings)


def from_store(settings: Settings) -> list[Finding]:
    """Run the checks that need the database, if there is one."""
    import asyncio

    from gateway.cli import doctor_checks as checks
    from gateway.console import open_books
    from gateway.desk.webhooks import states_of
    from gateway.policy import own_addresses

    own = own_addresses(settings)
    file = Path(settings.database.removeprefix("sqlite:///"))
    if settings.database.startswith("sqlite:") and not file.exists():
        empty = checks.Finding(checks.Grade.FINE, "database", f"{file} is made when the daemon starts")
        return [empty, *checks.blocklist_gaps(settings, own, ())]

    async def look(books: Books) -> list[Finding]:
        stored = [row.pattern for row in await books.list_blocklist()]
        state = await books.statistics()
        return [
            checks.Finding(checks.Grade.FINE, "database", "answers, and has the present schema"),
            *checks.blocklist_gaps(settings, own, stored),
            *checks.missing_forwarders(settings, await books.list_intakes(checks.RECENT_INTAKES)),
            *checks.direct_inboxes(settings, await books.inbox_rows()),
            *checks.standstill(state.breakers, state.pauses, state.quarantined),
            *checks.webhooks(states_of(settings.webhooks, await books.webhook_depths())),
        ]

    async def job() -> list[Finding]:
        async with open_books(settings) as books:
            return await look(books)

    try:
        return asyncio.run(job())
    except PoterneError as error:
        return [checks.Finding(checks.Grade.BAD, "database", str(error) or type(error).__name__)]
