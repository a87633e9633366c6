"""`poterne explain --preview`: the letter that a mail would cause: as text, page or mail. Nothing is sent."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.frame import CommandError
from gateway.cli.sysexits import CANTCREAT, USAGE

if TYPE_CHECKING:
    from gateway.config import Settings
    from gateway.model import Draft, ParsedMail, Plan

# As gateway.mail.preview has them; a test compares. Reading mails costs a second, and --help need not wait for it.
KINDS = ("acknowledgement", "reply", "notice", "alert", "digest")
LOCALES = ("en", "fr")
STDOUT = "-"


@dataclass(frozen=True, slots=True)
class Wish:
    """Which letter to show, and where to write it besides."""

    kind: str
    queue: str | None = None
    locale: str | None = None
    html: str | None = None
    eml: str | None = None

    @property
    def speaks(self) -> bool:
        """Tell whether standard output is still free for people."""
        return STDOUT not in {self.html, self.eml}


def letter(settings: Settings, wish: Wish, mail: ParsedMail, plan: Plan, queue: str) -> Draft:
    """Return the letter. Raises CommandError for a queue that there is not."""
    from gateway.console.appearance import letterheads
    from gateway.mail.preview import in_language, preview

    heads = letterheads(settings)
    wanted = wish.queue or (plan.new_ticket.queue if plan.new_ticket else queue)
    if wanted not in heads:
        raise CommandError(f"there is no queue {wanted}", f"use one of: {', '.join(heads)}", USAGE)
    return preview(wish.kind, in_language(heads[wanted], wish.locale), mail, plan.judgement.requester)


def write(draft: Draft, wish: Wish) -> None:
    """Write the page and the mail where they are wanted. Raises CommandError."""
    from gateway.mail.compose import compose
    from gateway.mail.preview import page

    if wish.html:
        put(wish.html, page(draft).encode())
    if wish.eml:
        put(wish.eml, compose(draft, datetime.now(UTC)))


def put(where: str, content: bytes) -> None:
    """Write octets to a file, or to standard output."""
    if where == STDOUT:
        sys.stdout.buffer.write(content)
        return
    try:
        Path(where).write_bytes(content)
    except OSError as error:
        reason = (error.strerror or "it failed").lower()
        raise CommandError(f"{where}: {reason}", "name a file that can be written", CANTCREAT) from None


def as_object(draft: Draft, kind: str) -> dict[str, Any]:
    """Return the letter for programs."""
    return {
        "kind": kind,
        "queue": draft.queue,
        "channel": draft.channel,
        "from": draft.from_.shown,
        "to": [box.shown for box in draft.to],
        "reply_to": draft.reply_to.shown if draft.reply_to else None,
        "subject": draft.subject,
        "text": draft.text,
        "html": draft.html,
    }


def described(draft: Draft, found: dict[str, Any], kind: str) -> Iterator[str]:
    """Yield the letter as people read it, below whether this mail would really cause it."""
    if kind == "acknowledgement":
        why = "; ".join(found["why_not"])
        yield f"{found['file']}: " + (f"would not be sent: {why}" if why else "would be sent, if the bound allows it")
    else:
        yield f"{found['file']}: {kind}, with words of a sample"
    yield f"From: {draft.from_.shown}"
    yield f"To: {', '.join(box.shown for box in draft.to)}"
    if draft.reply_to:
        yield f"Reply-To: {draft.reply_to.shown}"
    yield f"Subject: {draft.subject}"
    yield f"Over: {draft.channel}"
    yield ""
    yield click.unstyle(draft.text.rstrip("\n"))
