"""Previews of the letters: how mails of a queue look, in every language, before one is sent. For administrators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.desk.access import need_admin
from gateway.desk.nouns import Principal
from gateway.errors import NotFound
from gateway.mail.preview import KINDS, LOCALES, SAMPLE, in_language, preview
from gateway.model import Draft
from gateway.policy import Policy

PARTS = ("layout.html", "layout.txt")  # what every letter is put into
FILES = {"notice": "solved"}  # kinds whose template is called otherwise


@dataclass(frozen=True, slots=True)
class Preview:
    """A letter as its reader sees it, and which of its templates are the operator's own."""

    queue: str
    kind: str
    locale: str
    channel: str
    from_: str
    to: str
    reply_to: str
    subject: str
    text: str
    html: str
    own_templates: tuple[str, ...]
    shipped_templates: tuple[str, ...]


class Previews:
    """Writes letters to nobody."""

    def __init__(self, policy: Callable[[], Policy]) -> None:
        self._policy = policy

    def queues(self, who: Principal) -> tuple[str, ...]:
        """Return the queues that letters can be shown of."""
        need_admin(who)
        return tuple(self._policy().letterheads)

    def show(self, who: Principal, queue: str, kind: str, locale: str | None = None) -> tuple[Preview, Draft]:
        """Return a letter of a queue about a sample of a mail. Raises NotFound, or NotSendable for other words."""
        need_admin(who)
        letterhead = self._policy().letterheads.get(queue)
        if letterhead is None:
            raise NotFound(f"there is no queue {queue}")
        letterhead = in_language(letterhead, locale or None)
        draft = preview(kind, letterhead, SAMPLE, SAMPLE.from_)
        language = letterhead.look.locale
        used = [*PARTS, f"{language}/{FILES.get(kind, kind)}.txt", *([f"{language}/history.txt"] * (kind == "reply"))]
        own = letterhead.templates.overridden
        return Preview(
            queue=queue,
            kind=kind,
            locale=language,
            channel=draft.channel,
            from_=draft.from_.shown,
            to=", ".join(box.shown for box in draft.to),
            reply_to=draft.reply_to.shown if draft.reply_to else "",
            subject=draft.subject,
            text=draft.text,
            html=draft.html or "",
            own_templates=tuple(name for name in used if name in own),
            shipped_templates=tuple(name for name in used if name not in own),
        ), draft


__all__ = ["KINDS", "LOCALES", "Preview", "Previews"]
