"""`poterne reply`: an agent's answer from the command line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from gateway.cli.frame import CommandError, command
from gateway.cli.opening import operator, with_desk
from gateway.cli.output import json_option, print_json
from gateway.cli.sysexits import DATAERR

if TYPE_CHECKING:
    from gateway.console import Desk

MAX_OCTETS = 1 << 20


@command()
@click.argument("number", type=click.IntRange(min=1))
@click.option(
    "--as", "author", metavar="NAME", help="Who writes, for the ticket's time-line [default: the login name]."
)
@click.option("--no-cc", is_flag=True, help="Only to the requester, not to the participants.")
@json_option
def reply(number: int, author: str | None, no_cc: bool, as_json: bool) -> None:
    """Answer ticket NUMBER with the text on standard input, in UTF-8."""
    octets = sys.stdin.buffer.read(MAX_OCTETS + 1)
    if len(octets) > MAX_OCTETS:
        raise CommandError(f"the text is larger than {MAX_OCTETS} octets", "attach long texts in the pages", DATAERR)
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError:
        raise CommandError("the text is not UTF-8", "convert it, as by: iconv -t UTF-8", DATAERR) from None

    async def work(desk: Desk) -> int:
        from gateway.console.answer import answer

        return await answer(desk, number, text, author or operator(), cc=not no_cc)

    outgoing = with_desk(work)
    if as_json:
        print_json({"ticket": number, "outgoing": outgoing})
    else:
        click.echo(f"ticket {number}: the reply is queued as outgoing {outgoing}")
