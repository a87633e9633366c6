"""Our own mail that came back, and mail that shows an address of ours as its sender.

Only tokens of *this* instance count. One token alone could have been copied from a mail that we sent to the sender, so
two independent signs make a copy of ours; anything less is at most a reason for silence.
"""

from __future__ import annotations

from gateway.rules.reading import Evidence, Reading


def came_back(reading: Reading) -> Evidence | None:
    """Match our own mail: loop token and Message-ID are both ours, or one of them and From is."""
    if is_resent_by_a_person(reading) or reading.mail.hostile:
        return None
    loop, message = reading.facts.tokens.loop, reading.facts.tokens.message
    if loop and message:
        return Evidence("X-Poterne-Loop and Message-ID carry tokens of this instance", _line(reading, "x-poterne-loop"))
    if (loop or message) and reading.from_is_ours:
        name = "x-poterne-loop" if loop else "message-id"
        return Evidence(f"a token of this instance, and From is {reading.from_address}", _line(reading, name))
    return None


def was_redirected(reading: Reading) -> Evidence | None:
    """Match our own mail that a person sent on to us (RFC 5322 §3.6.6: Resent-* fields)."""
    if _has_token(reading) and is_resent_by_a_person(reading):
        return Evidence(f"our own mail, resent by {reading.value('resent-from')[:80]}", _line(reading, "resent-from"))
    return None


def token_was_copied(reading: Reading) -> Evidence | None:
    """Match a mail that carries one token of ours as if it were ours, though From is somebody else."""
    if _has_token(reading) and came_back(reading) is None and not is_resent_by_a_person(reading):
        return Evidence("a token of this instance on a mail from somebody else", "header")
    return None


def refers_to_automatic(reading: Reading) -> Evidence | None:
    """Match whatever refers to automatic mail of ours (I3)."""
    tokens = reading.facts.tokens
    if any(token.automatic for token in (*tokens.references, *tokens.reported)):
        return Evidence("a token of our automatic mail", _line(reading, "in-reply-to") or _line(reading, "references"))
    if tokens.recipient is not None and tokens.recipient.automatic:
        return Evidence("a token of our automatic mail", "envelope recipient")
    if reading.facts.stored.refers_to_automatic:
        return Evidence("the Message-ID of our automatic mail", "In-Reply-To or References")
    return None


def shows_own_address(reading: Reading) -> Evidence | None:
    """Match a sender field that shows an address of ours, unless a configured forwarder put it there."""
    if reading.from_was_rewritten and reading.author is not None:
        return None
    mail = reading.mail
    if reading.from_is_ours:
        return Evidence(f"From is {reading.from_address}", _line(reading, "from"))
    if reading.forwarding.configured:
        return None
    if mail.sender is not None and reading.is_own(mail.sender.address):
        return Evidence(f"Sender is {mail.sender.address}", _line(reading, "sender"))
    for box in mail.reply_to[:5]:
        if reading.is_own(box.address):
            return Evidence(f"Reply-To is {box.address}", _line(reading, "reply-to"))
    return None


def from_an_agent(reading: Reading) -> Evidence | None:
    """Match an agent who writes to us: a ticket like any other, but agents' mailboxes are partners of loops."""
    box = reading.mail.from_
    if box is not None and reading.is_agent(box.address):
        return Evidence(f"{box.address} is an agent", _line(reading, "from"))
    return None


def is_resent_by_a_person(reading: Reading) -> bool:
    """Tell whether Resent-From names somebody who is neither ours nor a configured forwarder."""
    if not reading.has("resent-from"):
        return False
    for seen in (*reading.forwarding.seen, *reading.forwarding.unknown):
        if seen.trace == "resent":
            return False
    return not any(reading.is_own(word.strip("<>,;\"'")) for word in reading.value("resent-from").split())


def _has_token(reading: Reading) -> bool:
    tokens = reading.facts.tokens
    return tokens.loop is not None or tokens.message is not None


def _line(reading: Reading, name: str) -> str:
    found = reading.fields(name)
    return f"line {found[0].line}" if found else ""
