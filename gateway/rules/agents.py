"""An agent's answer to an alert, from their own mail program: believed only if everything about it is proven (I5).

The address that the answer came to carries a token for this ticket and this agent, From is that agent and nobody else,
and our own mail server vouches for From. Whatever lacks one of these is filed for the desk to see, and never sent on.
"""

from __future__ import annotations

import re
from typing import Final

from gateway.model import AgentWords, Effect, Facts, Judgement, Kind, ParsedMail, TicketRef, TokenPurpose
from gateway.rules.judge import STILL
from gateway.rules.reading import Reading
from gateway.rules.trust import proves_author
from gateway.threading import Thread

# A first line that is a mark makes the mail internal. One that nobody knows does, too: no slip tells a customer.
_MARK: Final = re.compile(r"\s*#\s?([a-zà-ÿ]+)\b[:.]?", re.IGNORECASE)
_ALONE: Final = re.compile(r"\s*#[a-zà-ÿ]+[:.]?\s*", re.IGNORECASE)
INTERNAL: Final = frozenset({"note", "notes", "intern", "internal", "interne"})
PUBLIC: Final = frozenset({"reply", "public"})
NO_WORDS: Final = "it has no words of its own"


def agents_answer(mail: ParsedMail, facts: Facts, judgement: Judgement, thread: Thread) -> AgentWords | str | None:
    """Return an agent's words; or why it is not believed that they are; None if it is no answer to an alert."""
    ticket = thread.ticket
    if ticket is None or judgement.kind in STILL or not answers_an_alert(facts):
        return None
    if facts.stored.author_agent is None and not thread.newcomer:
        return None  # a customer whom an agent sent the alert on to
    doubt = _doubt(mail, facts, judgement, ticket)
    if doubt:
        return doubt
    words = _words(mail, facts)
    return words if words.text else NO_WORDS


def answers_an_alert(facts: Facts) -> bool:
    """Tell whether a mail came to an alert's own address, or is an agent's and refers to automatic mail of ours."""
    if has_agents_token(facts):
        return True
    # Agents get no automatic mail but alerts.
    return facts.stored.author_agent is not None and any(token.automatic for token in facts.tokens.references)


def has_agents_token(facts: Facts) -> bool:
    """Tell whether the envelope recipient carries the token of an alert: it names an agent besides the ticket."""
    token = facts.tokens.recipient
    return token is not None and token.purpose is TokenPurpose.REPLY and token.detail != 0


def _doubt(mail: ParsedMail, facts: Facts, judgement: Judgement, ticket: TicketRef) -> str:
    """Return the first reason not to take this for an agent's word, or the empty string."""
    agent, token = facts.stored.author_agent, facts.tokens.recipient
    hint = next((verdict.rule for verdict in judgement.verdicts if verdict.effect is Effect.WEAK), "")
    doubts = (
        (agent is None, "its author is no agent"),
        (not has_agents_token(facts), "it did not come to the address of an alert"),
        (agent is not None and token is not None and token.detail != agent.agent_id, "the alert was another agent's"),
        (agent is not None and not agent.sees(ticket.queue), "its author may not see this queue"),
        (mail.hostile or len(mail.from_all) > 1, "its header is ambiguous"),
        (not proves_author(Reading(mail, facts)), "our own mail server does not vouch for its author"),
        (judgement.kind is not Kind.HUMAN or judgement.hold, "a machine sent it"),
        (bool(hint), f"it may be an automatic answer ({hint})"),  # a vacation notice is not for the customer
    )
    return next((because for doubtful, because in doubts if doubtful), "")


def _words(mail: ParsedMail, facts: Facts) -> AgentWords:
    agent = facts.stored.author_agent
    assert agent is not None
    text, internal = read_mark(mail.reply_text)
    return AgentWords(agent, text, internal)


def read_mark(text: str) -> tuple[str, bool]:
    """Return the text without the mark in its first line, and whether it is for colleagues only."""
    text = text.strip()
    first, _, rest = text.partition("\n")
    match = _MARK.match(first)
    if match is None:
        return text, False
    word = match[1].casefold()
    if word in INTERNAL | PUBLIC:
        return f"{first[match.end() :].strip()}\n{rest}".strip(), word in INTERNAL
    return text, _ALONE.fullmatch(first) is not None
