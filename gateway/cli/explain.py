"""`poterne explain`: what would become of a mail, and why. The same code as live mail, and no side effects."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli import sysexits
from gateway.cli.frame import CommandError, command, complain, invocation
from gateway.cli.opening import with_desk
from gateway.cli.output import cell, json_option, print_json
from gateway.cli.preview import KINDS, LOCALES, Wish, letter

if TYPE_CHECKING:
    from gateway.config import Settings
    from gateway.console import Desk
    from gateway.model import Claim, Draft, Facts, ParsedMail
    from gateway.policy import Policy

# Where mail is judged that no configuration is given for. Names under .invalid (RFC 2606 §2) are nobody's.
STAND_IN = {
    "hostname": "poterne.invalid",
    "secret": {"env": "POTERNE_SECRET"},
    "queues": {"support": {"creation_addresses": ["support@poterne.invalid"]}},
}
STDIN = "-"


@dataclass(frozen=True, slots=True)
class Look:
    """What mails are judged by: the policy, the envelope recipient of those that are given none, and how facts come."""

    settings: Settings
    policy: Policy
    queue: str
    rcpt_to: str
    gather: Callable[[Claim, ParsedMail, datetime], tuple[Facts, str]]


@command()
@click.argument("files", nargs=-1, type=click.Path(allow_dash=True))
@click.option("--mail-from", metavar="ADDRESS", help="Envelope sender; else the mail's Return-Path.")
@click.option("--rcpt", metavar="ADDRESS", help="Envelope recipient; else the first queue's first creation address.")
@click.option("--database", is_flag=True, help="Also look into the database: tickets, duplicates, what was blocked.")
@click.option(
    "--preview", is_flag=False, flag_value=KINDS[0], metavar=f"[{'|'.join(KINDS)}]", help="Show the letter instead."
)
@click.option("--queue", metavar="KEY", help="With --preview: in the name of this queue.")
@click.option("--locale", type=click.Choice(LOCALES), help="With --preview: in this language.")
@click.option("--html", type=click.Path(allow_dash=True), help="With --preview: write the page to this file.")
@click.option("--eml", type=click.Path(allow_dash=True), help="With --preview: write the mail to this file, unsigned.")
@json_option
def explain(  # noqa: PLR0917 - one parameter for each option
    files: Sequence[str],
    mail_from: str | None,
    rcpt: str | None,
    database: bool,
    preview: str | None,
    as_json: bool,
    **rest: str | None,
) -> int:
    """Tell for each FILE what would become of it and why, without doing anything. `-` reads standard input.

    Without a configuration, one queue stands in. Without --database, no mail is a duplicate or continues a ticket.
    With --preview it shows the letter that would answer: by itself the acknowledgement.
    """
    code = sysexits.OK
    files, wish = wished(files, preview, rest)

    def shown(look: Look) -> Iterator[dict[str, Any]]:
        nonlocal code
        for file in files:
            try:
                raw = sys.stdin.buffer.read() if file == STDIN else Path(file).read_bytes()
            except OSError as error:
                code = complain(f"{file}: {error.strerror}; name a file that holds one mail", sysexits.NOINPUT)
                continue
            yield explain_mail(file, raw, look, mail_from=mail_from, wish=wish)

    def show(look: Look) -> None:
        for found in shown(look):
            draft = found.pop("draft", None)
            if draft is not None and wish is not None:
                show_letter(draft, wish, found, as_json=as_json)
            elif as_json:
                print_json(found)
            else:
                click.echo("\n".join(described(found)) + "\n")

    if database:
        with_desk(lambda desk: asyncio.to_thread(show, from_database(desk, rcpt, asyncio.get_running_loop())))
    else:
        show(open_desk(rcpt))
    return code


def wished(
    files: Sequence[str], preview: str | None, letter: Mapping[str, str | None]
) -> tuple[Sequence[str], Wish | None]:
    """Return the files and the letter that is wanted. Raises an error for what does not go together."""
    if preview is not None and preview not in KINDS:  # `--preview FILE`: the word behind is no kind
        files, preview = (preview, *files), KINDS[0]
    if not files:
        raise click.UsageError("there is no FILE: name one that holds one mail, or - for standard input")
    if preview is None:
        extra = next((name for name, value in letter.items() if value is not None), None)
        if extra:
            raise CommandError(f"--{extra} goes with --preview", "add --preview", sysexits.USAGE)
        return files, None
    if len(files) > 1 and (letter["html"] or letter["eml"]):
        raise CommandError("one letter is written at a time", "name one FILE", sysexits.USAGE)
    return files, Wish(preview, **letter)


def show_letter(draft: Draft, wish: Wish, found: dict[str, Any], *, as_json: bool) -> None:
    """Show a letter, and write it where it is wanted."""
    from gateway.cli import preview

    preview.write(draft, wish)
    if not wish.speaks:
        return
    if as_json:
        print_json({**found, "preview": preview.as_object(draft, wish.kind)})
    else:
        click.echo("\n".join(preview.described(draft, found, wish.kind)) + "\n")


def explain_mail(
    file: str, raw: bytes, look: Look, *, mail_from: str | None = None, wish: Wish | None = None
) -> dict[str, Any]:
    """Return the object for one mail, and the letter that is wanted under `draft`.

    The steps are those of `pipeline.process`, but that nothing is stored.
    """
    from gateway.cli.explain_object import explanation
    from gateway.decision import decide
    from gateway.mail import parse, to_crlf
    from gateway.model import Claim, Envelope, IntakeId

    now = datetime.now(UTC)
    mail = parse(to_crlf(raw))
    sender = return_path(mail) if mail_from is None else mail_from.strip("<>")
    envelope = Envelope(sender, look.rcpt_to, now, source="explain")
    claim = Claim(IntakeId(0), envelope, raw, look.queue, 1, 0)
    facts, key = look.gather(claim, mail, now)
    plan = decide(mail, facts, key, look.policy)
    found = explanation(file, envelope, mail, plan, facts.route)
    return found if wish is None else {**found, "draft": letter(look.settings, wish, mail, plan, facts.route.queue)}


def open_desk(rcpt: str | None) -> Look:
    """Look with the policy of the configuration, if there is one, else with one queue that stands in."""
    from gateway.mail.token import read_tokens
    from gateway.model import Stored
    from gateway.pipeline import idempotence_key
    from gateway.policy import build_policy

    settings, key = configured() or (stand_in(), secrets.token_bytes(32))
    policy = build_policy(settings, key)

    def gather(claim: Claim, mail: ParsedMail, now: datetime) -> tuple[Facts, str]:
        route = policy.route(claim.envelope.rcpt_to, claim.queue)
        tokens = read_tokens(mail, claim.envelope, policy.keys)
        return policy.facts(claim, route, tokens, Stored(), now), idempotence_key(mail)

    return Look(settings, policy, *recipient(settings, policy, rcpt), gather)


def from_database(desk: Desk, rcpt: str | None, loop: asyncio.AbstractEventLoop) -> Look:
    """Look with the eyes of the daemon: the one read of `pipeline.process`, in a transaction that is rolled back."""
    from gateway import pipeline

    def gather(claim: Claim, mail: ParsedMail, now: datetime) -> tuple[Facts, str]:
        reading = desk.books.inspect(lambda writer: pipeline.gather(writer, claim, mail, desk.policy, now))
        return asyncio.run_coroutine_threadsafe(reading, loop).result()

    return Look(desk.settings, desk.policy, *recipient(desk.settings, desk.policy, rcpt), gather)


def recipient(settings: Settings, policy: Policy, rcpt: str | None) -> tuple[str, str]:
    """Return the queue and the envelope recipient that mails are judged for."""
    queue, first = next(
        ((name, found.addresses[0].address) for name, found in settings.queues.items() if found.creation_addresses),
        (next(iter(settings.queues)), ""),
    )
    route = policy.routes.route(rcpt) if rcpt else None
    if rcpt and route is None:
        complain(f"no queue owns {rcpt}; the mail is judged for queue {queue}", 0, prefix="warning: ")
    return route.queue if route else queue, rcpt or first


def configured() -> tuple[Settings, bytes] | None:
    """Return the settings and the key of this instance, or None where no file is named and none is installed."""
    from gateway.config import SecretUnavailable, load_without_secrets, read_key
    from gateway.config.load import PATH_VARIABLE

    path = invocation().settings_path()
    if invocation().config is None and not os.environ.get(PATH_VARIABLE) and not os.access(path, os.R_OK):
        return None
    settings = load_without_secrets(path)
    try:
        return settings, read_key(settings.secret).value
    except SecretUnavailable as error:
        complain(f"secret: {error.problem}; tokens of our own mails are not recognised", 0, prefix="warning: ")
        return settings, secrets.token_bytes(32)


def stand_in() -> Settings:
    """Return settings with one queue, for mails that are judged without a configuration."""
    from gateway.config import Settings

    return Settings.model_validate(STAND_IN)


def return_path(mail: ParsedMail) -> str:
    """Return the envelope sender that the mail itself remembers (RFC 5321 §4.4); empty for the null sender."""
    return mail.first("return-path").strip().strip("<>").strip()


def described(found: dict[str, Any]) -> Iterator[str]:
    """Yield the lines that people read."""
    message, author = found["message"], found["message"]["from"] or {"name": "", "address": "nobody"}
    requester = found["requester"]
    yield f"{found['file']}: {found['disposition']} in queue {found['queue']}"
    yield f"  from        {cell(author['name'])} <{cell(author['address'])}>"
    yield f"  subject     {cell(message['subject'])}"
    yield f"  kind        {found['classification']['kind']}"
    yield f"  requester   {cell(requester['address']) if requester else 'unknown'}"
    if found["would_acknowledge"]:
        yield f"  would send  acknowledgement to {cell(found['would_send'][0]['recipient'])}"
    else:
        yield f"  silent      {'; '.join(cell(reason) for reason in found['why_not'])}"
    for item in found["bounce"]:
        yield f"  report      {item['recipient']}: {item['action']} {item['status']} {cell(item['diagnostic'])}"
    for item in found["classification"]["verdicts"]:
        yield f"  {item['effect']:<11} {item['rule']}: {cell(item['because'])}"
    for item in message["attachments"]:
        yield f"  attachment  {cell(item['filename'])} ({item['content_type']}, {item['size']} octets)"
    if message["defects"]:
        yield f"  defects     {', '.join(message['defects'])}"
