"""What we write, and to whom: acknowledgements, agents' replies, notices and alerts as drafts. Pure.

Text and HTML are made from the same paragraphs, so that they say the same. An acknowledgement says nothing that its
reader wrote before: whoever forges a sender cannot make us carry a message of theirs, and nobody proves to a third
party that they read our mail.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Protocol

from gateway.mail import pictures, token
from gateway.mail.address import header_safe
from gateway.mail.token import TokenKeys
from gateway.model import Digest, Draft, Mailbox, OutgoingFile, OutgoingId, OutgoingKind, ParsedMail, TicketId

MAX_SUBJECT = 160  # characters of a subject that we repeat
MAX_HISTORY = 10  # entries quoted under a reply
MAX_QUOTE = 20_000  # characters of one of them
MAX_TICKETS = 100  # that a digest names
MAX_EXCERPT = 2_000  # characters of a customer's text in an alert
EVENTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {"en": ("New ticket", "New mail"), "fr": ("Nouveau ticket", "Nouveau courriel")}
)
"""How an alert names what happened, by language of letters: a ticket was opened, a customer wrote."""


class Templates(Protocol):
    """Renders the templates by name. Implementations escape by the kind of template and never fetch anything."""

    @property
    def overridden(self) -> frozenset[str]:
        """Return the names of the templates that are the operator's own."""

    def render(self, name: str, **values: object) -> str:
        """Return the text. `name` is `layout.html`, `layout.txt` or `LOCALE/LETTER.txt`."""


@dataclass(frozen=True, slots=True)
class Look:
    """How mails of a queue look."""

    background: str = "#f4f5f7"
    accent: str = "#2f6fde"
    signature: str = ""
    header: str = ""
    footer: str = ""
    history: bool = True
    locale: str = "en"
    logo: OutgoingFile | None = None  # with a Content-ID


@dataclass(frozen=True, slots=True)
class Letterhead:
    """Everything that a queue's mails have in common."""

    queue: str  # its key
    name: str  # as people know it
    channel: str
    from_: Mailbox
    hostname: str
    creation_address: str  # where answers go, with a token
    templates: Templates
    look: Look = Look()
    reply_token: bool = True  # Reply-To with a token; else answers go to From


@dataclass(frozen=True, slots=True)
class Answered:
    """The mail that we answer, as far as threading needs it. Ids without angle brackets, oldest reference first."""

    message_id: str = ""
    references: tuple[str, ...] = ()

    @classmethod
    def of(cls, mail: ParsedMail) -> Answered:
        """Take the ids of a mail as it was read; a substitute id is nobody else's."""
        own = () if mail.message_id_missing or not mail.message_id else (mail.message_id,)
        return cls(own[0] if own else "", (*reversed(mail.references), *own))


@dataclass(frozen=True, slots=True)
class Quoted:
    """One entry of the conversation, to be quoted under a reply."""

    author: str
    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class _Letter:
    """What stands in one letter besides the letterhead."""

    kind: OutgoingKind
    template: str
    to: tuple[Mailbox, ...]
    ticket: TicketId
    outgoing: OutgoingId
    answered: Answered = Answered()
    values: dict[str, object] = field(default_factory=dict)
    cc: tuple[Mailbox, ...] = ()
    bcc: tuple[str, ...] = ()
    files: tuple[OutgoingFile, ...] = ()
    history: tuple[Quoted, ...] = ()
    agent: int = 0
    answerable: bool = True  # its subject has the ticket's number, its answers belong to the ticket


def acknowledgement(  # noqa: PLR0917 - the order of the envelope, the mail and its numbers
    letterhead: Letterhead, to: Mailbox, mail: ParsedMail, ticket: TicketId, outgoing: OutgoingId, keys: TokenKeys
) -> Draft:
    """Draft the answer to a new ticket. It repeats nothing of the mail but its Message-IDs, not even a name."""
    letter = _Letter(
        OutgoingKind.ACKNOWLEDGEMENT,
        "acknowledgement",
        (Mailbox("", to.address),),
        ticket,
        outgoing,
        Answered.of(mail),
    )
    return _write(letterhead, letter, keys)


def reply(
    letterhead: Letterhead,
    to: Sequence[Mailbox],
    subject: str,
    text: str,
    *,
    ticket: TicketId,
    outgoing: OutgoingId,
    keys: TokenKeys,
    answered: Answered = Answered(),
    cc: Sequence[Mailbox] = (),
    bcc: Sequence[str] = (),
    files: Sequence[OutgoingFile] = (),
    history: Sequence[Quoted] = (),
) -> Draft:
    """Draft what an agent wrote. `history` is quoted, newest first, if the queue's appearance wants it.

    Where the text says `[image: NAME]`, the picture of that name among the files is shown.
    """
    letter = _Letter(
        OutgoingKind.REPLY,
        "reply",
        tuple(to),
        ticket,
        outgoing,
        answered,
        {"subject": clean_subject(subject, ticket), "text": text},
        tuple(cc),
        tuple(bcc),
        pictures.placed(text, files, f"{outgoing}@{letterhead.hostname}"),
        tuple(history)[:MAX_HISTORY] if letterhead.look.history else (),
    )
    return _write(letterhead, letter, keys)


def notice(
    letterhead: Letterhead,
    to: Mailbox,
    name: str,
    *,
    ticket: TicketId,
    outgoing: OutgoingId,
    keys: TokenKeys,
    answered: Answered = Answered(),
) -> Draft:
    """Draft automatic news about a ticket to its customer; `name` is the template, such as `solved`."""
    return _write(letterhead, _Letter(OutgoingKind.NOTICE, name, (to,), ticket, outgoing, answered), keys)


def alert(
    letterhead: Letterhead,
    to: Mailbox,
    event: str,
    *,
    ticket: TicketId,
    outgoing: OutgoingId,
    keys: TokenKeys,
    agent: int = 0,
    subject: str = "",
    author: str = "",
    text: str = "",
    url: str = "",
) -> Draft:
    """Draft automatic news to an agent. The Reply-To token names the agent, so that their answer is known as theirs."""
    values: dict[str, object] = {
        "event": event,
        "subject": clean_subject(subject, ticket),
        "author": header_safe(author, MAX_SUBJECT),
        "text": text[:MAX_EXCERPT],
        "url": url,
    }
    letter = _Letter(OutgoingKind.ALERT, "alert", (to,), ticket, outgoing, values=values, agent=agent)
    return _write(letterhead, letter, keys)


def digest(letterhead: Letterhead, about: Digest, outgoing: OutgoingId, keys: TokenKeys) -> Draft:
    """Draft what an agent missed. It stands on its newest ticket, but nobody answers a customer through it."""
    tickets = about.tickets[:MAX_TICKETS]
    values: dict[str, object] = {
        "mails": about.mails,
        "tickets": [(item.ticket_id, clean_subject(item.subject, item.ticket_id), item.mails) for item in tickets],
        "more": len(about.tickets) - len(tickets),
    }
    to = (Mailbox(about.agent.name, about.agent.address),)
    letter = _Letter(
        OutgoingKind.ALERT, "digest", to, about.tickets[0].ticket_id, outgoing, values=values, answerable=False
    )
    return _write(letterhead, letter, keys)


def clean_subject(subject: str, ticket: TicketId) -> str:
    """Return a subject without our tag and without the prefixes that answers pile up, short, fit for a header."""
    words = header_safe(subject, MAX_SUBJECT).replace(f"[#{ticket}]", "").split()
    while words and words[0].casefold() in {"re:", "aw:", "sv:", "tr:", "fw:", "fwd:", "wg:", "antw:", "ref:", "réf:"}:
        words.pop(0)
    return " ".join(words)


# --- writing --------------------------------------------------------------------------------------------------


def _write(letterhead: Letterhead, letter: _Letter, keys: TokenKeys) -> Draft:
    look, templates = letterhead.look, letterhead.templates
    automatic = letter.kind.automatic
    common = {"number": letter.ticket, "queue": letterhead.name, **letter.values}
    title, body = _parts(templates.render(f"{look.locale}/{letter.template}.txt", **common))
    subject = f"[#{letter.ticket}] {title}".rstrip() if letter.answerable else title
    marked = letterhead.reply_token and letter.answerable and not letter.agent
    marker = token.body_marker(keys, letter.ticket) if marked else ""
    shown = {
        "look": look,
        "locale": look.locale,
        "subject": subject,
        "paragraphs": _paragraphs(body),
        "marker": marker,
        "history": [_quote(templates, look.locale, item) for item in letter.history],
    }
    return Draft(
        kind=letter.kind,
        queue=letterhead.queue,
        channel=letterhead.channel,
        from_=letterhead.from_,
        to=letter.to,
        subject=subject,
        text=_tidy(templates.render("layout.txt", **shown)),
        message_id=token.message_id(keys, letterhead.hostname, letter.ticket, letter.outgoing, automatic=automatic),
        loop_token=token.loop_token(keys, letter.ticket, letter.outgoing, automatic=automatic),
        cc=letter.cc,
        bcc=letter.bcc,
        reply_to=_reply_to(letterhead, letter, keys),
        html=pictures.shown(templates.render("layout.html", **shown), letter.files),
        in_reply_to=letter.answered.message_id,
        references=letter.answered.references,
        files=letter.files if look.logo is None else (*letter.files, look.logo),
        locale=look.locale,
    )


def _reply_to(letterhead: Letterhead, letter: _Letter, keys: TokenKeys) -> Mailbox | None:
    """Return where answers go; None leaves them to From, where a plus-tag is unwanted or has no room."""
    home = letterhead.creation_address
    if not letterhead.reply_token or not letter.answerable or not token.fits(home):
        return None
    return Mailbox(letterhead.from_.name, token.reply_address(keys, home, letter.ticket, letter.agent))


def _parts(rendered: str) -> tuple[str, str]:
    """Split a rendered letter into its subject and its body."""
    first, _, rest = rendered.partition("\n")
    if first.startswith("Subject:"):
        return header_safe(first.removeprefix("Subject:"), MAX_SUBJECT + 40), rest
    return "", rendered


def _paragraphs(body: str) -> list[str]:
    """Split at empty lines; single line ends inside a paragraph are kept."""
    lines = [line.rstrip() for line in body.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    return [paragraph for part in "\n".join(lines).split("\n\n") if (paragraph := part.strip("\n"))]


def _quote(templates: Templates, locale: str, item: Quoted) -> dict[str, object]:
    text = "\n".join(_paragraphs_joined(item.text[:MAX_QUOTE]))
    heading = templates.render(
        f"{locale}/history.txt",
        author=header_safe(item.author, MAX_SUBJECT),
        date=item.at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    ).strip()
    return {"heading": heading, "text": text, "lines": text.split("\n")}


def _paragraphs_joined(text: str) -> list[str]:
    return "\n\n".join(_paragraphs(text)).split("\n")


def _tidy(text: str) -> str:
    """Return the text without runs of empty lines and without empty lines at its ends."""
    lines: list[str] = []
    for line in text.split("\n"):
        kept = line if line == "-- " else line.rstrip()  # RFC 3676 §4.3: the mark of a signature ends in a blank
        if kept or (lines and lines[-1]):
            lines.append(kept)
    return "\n".join(lines).strip("\n") + "\n"
