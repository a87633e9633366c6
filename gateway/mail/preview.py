"""What a letter would look like: every kind, about a mail, with nothing stored and no token that counts. Pure."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from gateway.errors import NotSendable
from gateway.mail import letters
from gateway.mail.letters import Letterhead
from gateway.mail.token import TokenKeys
from gateway.model import AgentId, DeskAgent, Digest, Draft, Mailbox, Missed, OutgoingId, ParsedMail, TicketId

KINDS: Final = ("acknowledgement", "reply", "notice", "alert", "digest")
LOCALES: Final = tuple(letters.EVENTS)

# Tokens of a preview have their shape and open no ticket: whoever is shown one cannot write to a ticket by it.
_KEYS: Final = TokenKeys(b"the key of previews, known to everybody")
_TICKET, _OUTGOING = TicketId(1042), OutgoingId(1)
_LONG_AGO: Final = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "en": "Hello,\n\nthank you for asking. This is what an answer of yours looks like.\n\nLéa",
        "fr": "Bonjour,\n\nmerci de votre question. Voici à quoi ressemble votre réponse.\n\nLéa",
    }
)
SAMPLE: Final = ParsedMail(
    message_id="sample@customer.example",
    subject="The printer does not print",
    text="Hello,\n\nsince this morning the printer on the second floor does not print any more.\n\nMarie\n",
    reply_text="Hello,\n\nsince this morning the printer on the second floor does not print any more.\n\nMarie",
    from_=Mailbox("Marie Durand", "marie.durand@customer.example"),
    date=_LONG_AGO,
)


def in_language(letterhead: Letterhead, locale: str | None) -> Letterhead:
    """Return the letterhead as it is, or in another language."""
    if locale is None:
        return letterhead
    if locale not in LOCALES:
        raise NotSendable(f"there are no letters in {locale!r}; use one of: {', '.join(LOCALES)}")
    return replace(letterhead, look=replace(letterhead.look, locale=locale))


def preview(kind: str, letterhead: Letterhead, mail: ParsedMail, requester: Mailbox | None) -> Draft:
    """Draft the letter of a kind that this mail could cause. Raises NotSendable for a kind that there is not."""
    author = mail.from_ or Mailbox("", "nobody@invalid")
    to = requester or author
    locale, agent = letterhead.look.locale, DeskAgent(AgentId(1), f"lea@{letterhead.hostname}", "Léa")
    answered = letters.Answered.of(mail)
    said = mail.reply_text or mail.text
    match kind:
        case "acknowledgement":
            return letters.acknowledgement(letterhead, to, mail, _TICKET, _OUTGOING, _KEYS)
        case "reply":
            return letters.reply(
                letterhead,
                (to,),
                mail.subject,
                _WORDS[locale],
                ticket=_TICKET,
                outgoing=_OUTGOING,
                keys=_KEYS,
                answered=answered,
                history=(letters.Quoted(author.name or author.address, mail.date or _LONG_AGO, said),),
            )
        case "notice":
            return letters.notice(
                letterhead, to, "solved", ticket=_TICKET, outgoing=_OUTGOING, keys=_KEYS, answered=answered
            )
        case "alert":
            return letters.alert(
                letterhead,
                Mailbox(agent.name, agent.address),
                letters.EVENTS[locale][1],
                ticket=_TICKET,
                outgoing=_OUTGOING,
                keys=_KEYS,
                agent=agent.agent_id,
                subject=mail.subject,
                author=author.shown,
                text=said,
            )
        case "digest":
            missed = Digest(agent, letterhead.queue, (Missed(_TICKET, mail.subject, 3),))
            return letters.digest(letterhead, missed, _OUTGOING, _KEYS)
        case _:
            raise NotSendable(f"there is no letter {kind!r}; use one of: {', '.join(KINDS)}")


def page(draft: Draft) -> str:
    """Return the HTML part as a page of its own: its pictures stand in it."""
    html = draft.html or ""
    for file in draft.files:
        picture = base64.b64encode(file.content).decode()
        html = html.replace(f"cid:{file.content_id}", f"data:{file.content_type};base64,{picture}")
    return html
