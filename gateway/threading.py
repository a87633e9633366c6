"""Which ticket a mail belongs to, and by which evidence (I5). Pure.

Only a token whose MAC was verified, or a known participant, attaches a mail. A number in a subject, a copied
Message-ID, a forged From never do it alone; and a token files the mail, but makes nobody a participant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from gateway.mail.address import identity, organisation
from gateway.model import Facts, Judgement, Kind, ParsedMail, TicketRef, Token, TokenPurpose

MAX_KEYS: Final = 32
MAX_ANCESTORS: Final = 8
MAX_SUBJECT: Final = 500  # characters of a subject that are looked at


@dataclass(frozen=True, slots=True)
class Thread:
    """The ticket that a mail belongs to, if any; the evidence; and whether its author is new to the ticket."""

    ticket: TicketRef | None = None
    because: str = ""
    newcomer: bool = False


# --- the order of evidence ------------------------------------------------------------------------------------


def find_thread(mail: ParsedMail, facts: Facts, judgement: Judgement) -> Thread:
    """Return the ticket that this mail continues, by the best evidence there is.

    Bounce token > reply token > reported mail > In-Reply-To and References > body marker > stored Message-IDs, which
    need a known participant. The plus-tag of the recipient is an address of its own and always counts; what merely
    refers to us may be an old mail reused, see `_reused`.
    """
    tokens = facts.tokens
    if tokens.recipient is not None and (ticket := _of_recipient(tokens.recipient, facts)):
        what = "bounce" if tokens.recipient.purpose is TokenPurpose.BOUNCE else "reply"
        return _attach(ticket, f"{what} token in the envelope recipient", mail, judgement)
    for token in tokens.reported:
        if ticket := _named(token, facts):
            return _attach(ticket, "token of the mail that the report is about", mail, judgement)
    for token in tokens.references:
        ticket = _named(token, facts)
        if ticket and _same_business(ticket, mail, facts, judgement, answers_automatic=token.automatic):
            return _attach(ticket, "token in In-Reply-To or References", mail, judgement)
    ticket = _named(tokens.body, facts) if tokens.body is not None else None
    if ticket and _same_business(ticket, mail, facts, judgement):
        return _attach(ticket, "token in the body", mail, judgement)
    # Forged or foreign reports change nothing: without a token of ours they are about no ticket.
    if judgement.kind not in {Kind.BOUNCE, Kind.COMPLAINT}:
        for ref in facts.stored.referenced:
            ticket = _current(ref, facts)
            # Only in this queue: the ids of one mail to two queues are known in both, and each has its ticket (I7).
            if ticket.queue == facts.route.queue and is_participant(ticket, mail, judgement):
                return _attach(
                    ticket, "refers to a mail of the ticket, and its author takes part in it", mail, judgement
                )
    return Thread()


def is_participant(ticket: TicketRef, mail: ParsedMail, judgement: Judgement) -> bool:
    """Tell whether the author takes part in the ticket, as far as a header can be believed."""
    author = judgement.author
    # The author is From, never Reply-To: a stranger with a good DMARC record may write any Reply-To.
    if author is None or mail.hostile or judgement.author_disowned:
        return False
    return identity(author.address) in ticket.participants


def _attach(ticket: TicketRef, because: str, mail: ParsedMail, judgement: Judgement) -> Thread:
    return Thread(ticket, because, newcomer=not is_participant(ticket, mail, judgement))


def _same_business(
    ticket: TicketRef, mail: ParsedMail, facts: Facts, judgement: Judgement, *, answers_automatic: bool = False
) -> bool:
    """Tell whether a mail with a verified reference really continues the ticket.

    Whatever answers our automatic mail does, or two desks open new tickets for each other in turn; so do machines.
    A person counts unless both the person and the subject are others: then an old mail was reused as a template.
    """
    if _elsewhere(ticket, facts):
        return False
    if answers_automatic or judgement.kind not in {Kind.HUMAN, Kind.AUTO_GENERATED, Kind.LIST}:
        return True
    return is_participant(ticket, mail, judgement) or not _other_subject(mail.subject, ticket.subject)


def _elsewhere(ticket: TicketRef, facts: Facts) -> bool:
    """Tell whether another queue has this very mail on that ticket already: then this queue opens its own (I7)."""
    return ticket.queue != facts.route.queue and ticket.ticket_id in facts.stored.siblings


def _of_recipient(token: Token, facts: Facts) -> TicketRef | None:
    if token.purpose is not TokenPurpose.BOUNCE:
        return _named(token, facts)
    for delivery, ticket, _ in facts.stored.reported_deliveries:
        if delivery == token.subject:
            return _by_id(ticket, facts)
    return None


def _named(token: Token, facts: Facts) -> TicketRef | None:
    return _by_id(token.subject, facts)


def _by_id(ticket_id: int, facts: Facts) -> TicketRef | None:
    found = next((ref for ref in facts.stored.tickets if ref.ticket_id == ticket_id), None)
    return _current(found, facts) if found else None


def _current(ticket: TicketRef, facts: Facts) -> TicketRef:
    """Follow merges to the ticket that is alive. Steps are counted: a ring in the data ends."""
    known = {ref.ticket_id: ref for ref in (*facts.stored.tickets, *facts.stored.referenced)}
    for _ in range(len(known)):
        if ticket.merged_into is None or ticket.merged_into not in known:
            break
        ticket = known[ticket.merged_into]
    return ticket


# --- keys -----------------------------------------------------------------------------------------------------


def thread_keys(mail: ParsedMail) -> tuple[str, ...]:
    """Return the keys under which a ticket may know what this mail refers to, nearest first, at most 32.

    Message-IDs as they stand (without brackets), then numbers of other help desks as `number:DOMAIN:NUMBER`, then the
    mail's own ids: copies for two recipients meet there.
    """
    reported = mail.report.message_ids if mail.report else ()
    referred = _unique(key for item in (*mail.in_reply_to, *reported, *mail.references) for key in _spellings(item))
    rest = [*_numbers(mail), *_own_ids(mail)]
    return _unique((*referred[: max(0, MAX_KEYS - len(rest))], *rest))[:MAX_KEYS]


def stored_keys(mail: ParsedMail) -> tuple[str, ...]:
    """Return the keys to remember for a mail that is kept on a ticket, so that `thread_keys` of an answer finds it.

    What the mail itself refers to is among them: people answer to a common ancestor that we never saw.
    """
    ancestors = (key for item in (*mail.in_reply_to, *mail.references)[:MAX_ANCESTORS] for key in _spellings(item))
    return _unique((*_own_ids(mail), *_numbers(mail), *ancestors))[:MAX_KEYS]


ORIGINAL_IDS: Final = ("x-microsoft-original-message-id", "x-google-original-message-id", "x-original-message-id")
"""Where providers that replace the Message-ID (Exchange, Gmail, lists) keep the one that the author's program made."""


def _own_ids(mail: ParsedMail) -> list[str]:
    kept = (value.strip().strip("<>").strip() for name in ORIGINAL_IDS for value in mail.values(name))
    own = () if mail.message_id_missing else (mail.message_id,)
    return [key for item in (*own, *kept) if item for key in _spellings(item)]


def _spellings(message_id: str) -> tuple[str, ...]:
    """Return a Message-ID and, for Amazon SES, the bare id that its server named when it took the mail."""
    left, at, domain = message_id.rpartition("@")
    if at and domain.lower().endswith("amazonses.com"):
        return (message_id, left)
    return (message_id,) if message_id else ()


_RELAY_ID = re.compile(r"\bOk ([0-9a-f]{16}-[0-9a-f-]{36}-[0-9]{6})\b", re.IGNORECASE)


def relay_key(reply: str) -> str | None:
    """Return the id that Amazon SES gave our mail in its 250, to be remembered beside our own Message-ID."""
    match = _RELAY_ID.search(reply[:MAX_SUBJECT])
    return match[1] if match else None


# --- numbers of other help desks ------------------------------------------------------------------------------

NUMBER_HEADERS: Final = ("x-rt-ticket", "rt-ticket", "x-otrs-ticketnumber", "x-redmine-issue-id", "x-gitlab-issue-id")
"""Fields that carry the sender's own ticket number."""

NUMBER_FORMS: Final = (
    re.compile(r"\[[^\[\]]{0,40}?#[ ]?([0-9]{1,18})\]"),  # [#55], [Ticket#2024…], [rt.example.net #55], [GLPI #0055]
    re.compile(r"\bTicket[ ]?#[ ]?:?([0-9]{1,18})\b", re.IGNORECASE),  # OTRS, Zammad with another hook
    re.compile(r"\bTicket Received - ([0-9]{1,18}) - ", re.IGNORECASE),  # Freshdesk
    re.compile(r"[(\[]([A-Z][A-Z0-9]{1,9}-[0-9]{1,9})[)\]]"),  # Jira
    re.compile(r"\b((?:INC|REQ|RITM|TASK|CS|CHG|PRB)[0-9]{7,10})\b"),  # ServiceNow
)
_ZENDESK_ID = re.compile(r"\A([0-9A-Z]{8,12})_[0-9a-z_]+@[a-z0-9.-]*zendesk\.com\Z", re.IGNORECASE)


def foreign_numbers(mail: ParsedMail) -> tuple[str, ...]:
    """Return the numbers that another desk gave this conversation, as far as the mail shows them."""
    found = [value.strip() for name in NUMBER_HEADERS for value in mail.values(name)[:1]]
    subject = mail.subject[:MAX_SUBJECT]
    found.extend(match[1] for form in NUMBER_FORMS for match in form.finditer(subject))
    ids = (mail.message_id, *mail.references[:4])
    found.extend(match[1] for item in ids if (match := _ZENDESK_ID.match(item[:MAX_SUBJECT])))
    return _unique(re.sub(r"[^0-9a-z-]", "", number.lower())[-32:].lstrip("0") for number in found)[:4]


def _numbers(mail: ParsedMail) -> list[str]:
    """Return foreign numbers as keys. The author's domain is part of the key: everybody counts from one."""
    author = mail.from_.address if mail.from_ else ""
    domain = organisation(author) or author.rpartition("@")[2].lower()
    return [f"number:{domain}:{number}" for number in foreign_numbers(mail) if domain and number]


# --- subjects -------------------------------------------------------------------------------------------------

_PREFIX = re.compile(
    r"\s*(?:(?:re|aw|sv|vs|antw|odp|ref|rif|res|fwd?|wg|tr|rv|enc|auto|automatic reply|automatische antwort|"
    r"réponse automatique|out of office|abwesend|abwesenheitsnotiz)\s*(?:\[[0-9]{1,3}\]|\([0-9]{1,3}\))?\s*[:\uff1a]|"
    r"\[[^\[\]]{0,60}\])\s*",
    re.IGNORECASE,
)
_MAX_PREFIXES: Final = 20


def base_subject(subject: str) -> str:
    """Return what a subject is about: without Re, Fwd, their kin in other languages, and bracket tags in front."""
    text = subject[:MAX_SUBJECT].strip()
    for _ in range(_MAX_PREFIXES):
        match = _PREFIX.match(text)
        if not match or match.end() >= len(text):
            break
        text = text[match.end() :]
    return " ".join(text.casefold().split())


def _other_subject(left: str, right: str) -> bool:
    """Tell whether two subjects are about different things; desks that wrap ours into theirs keep it inside."""
    one, two = base_subject(left), base_subject(right)
    return bool(one) and bool(two) and one not in two and two not in one


def _unique(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item for item in items if item))
