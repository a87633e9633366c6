"""Envelope in, Route out; and the administrators' routing table. Pure: the To header never decides where a mail goes.

Behind a forwarder the header names the public inbox, the envelope names the creation address: so the envelope routes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Protocol

import re2

from gateway.mail.address import matches, normal
from gateway.model import Judgement, ParsedMail, Priority, Route

MAX_TEXT: Final = 4096  # characters of a subject or header field that an administrator's pattern gets to see


class _CreationAddress(Protocol):
    @property
    def address(self) -> str: ...
    @property
    def type(self) -> str | None: ...


class _Queue(Protocol):
    @property
    def creation_addresses(self) -> Sequence[str | _CreationAddress]: ...


class _Settings(Protocol):
    @property
    def queues(self) -> Mapping[str, _Queue]: ...


class Routes:
    """The creation addresses of all queues, looked up without regard to case, plus-tag and spelling of IDN domains."""

    __slots__ = ("_by_address",)

    def __init__(self, routes: Iterable[Route]) -> None:
        """Take one Route per creation address; of two for one address the first counts."""
        table: dict[str, Route] = {}
        for route in routes:
            table.setdefault(normal(route.creation_address), route)
        self._by_address: Mapping[str, Route] = MappingProxyType(table)

    @classmethod
    def from_settings(cls, settings: _Settings) -> Routes:
        """Collect the creation addresses of every queue."""
        return cls(
            Route(key, item, None) if isinstance(item, str) else Route(key, item.address, item.type)
            for key, queue in settings.queues.items()
            for item in queue.creation_addresses
        )

    def route(self, rcpt_to: str) -> Route | None:
        """Return where this envelope recipient leads, or None if no queue owns it.

        RFC 5321 §2.4 lets the local part's case count; ours does not (Deviation: providers fold it). A plus-tag is kept
        as it was written (RFC 5233 §4), for it may carry a token.
        """
        exact = self._by_address.get(normal(rcpt_to))
        if exact is not None:
            return exact
        local, _, domain = rcpt_to.rpartition("@")
        base, plus, tag = local.partition("+")
        found = self._by_address.get(normal(f"{base}@{domain}")) if plus and base else None
        return Route(found.queue, found.creation_address, found.ticket_type, tag) if found else None

    def addresses(self) -> frozenset[str]:
        """Return every creation address, normalised."""
        return frozenset(self._by_address)


# --- the administrators' table --------------------------------------------------------------------------------


class RoutingRule(Protocol):
    """One line of the YAML key `routing`: when all of `when` hold, `set` applies."""

    @property
    def when(self) -> Mapping[str, str]: ...
    @property
    def set(self) -> Mapping[str, str | tuple[str, ...]]: ...


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a new ticket starts with. None: the table says nothing, the queue's own default counts."""

    queue: str
    ticket_type: str | None = None
    priority: Priority | None = None
    assignee: str | None = None
    tags: tuple[str, ...] = ()


def assign(mail: ParsedMail, route: Route, judgement: Judgement, rules: Sequence[RoutingRule]) -> Assignment:
    """Return what the first matching rule sets, over what the envelope said."""
    for rule in rules:
        if all(_holds(key, pattern, mail, route, judgement) for key, pattern in rule.when.items()):
            priority = _text(rule.set.get("priority"))
            return Assignment(
                queue=_text(rule.set.get("queue")) or route.queue,
                ticket_type=_text(rule.set.get("type")) or route.ticket_type,
                priority=Priority(priority) if priority in set(Priority) else None,
                assignee=_text(rule.set.get("assignee")),
                tags=_texts(rule.set.get("tags")),
            )
    return Assignment(route.queue, route.ticket_type)


def _holds(key: str, pattern: str, mail: ParsedMail, route: Route, judgement: Judgement) -> bool:
    """Tell whether one condition holds. An unknown key never does: `check` refuses it before we get here."""
    author = judgement.author or judgement.requester
    address = author.address if author else ""
    match key:
        case "sender":
            return bool(address) and (matches(pattern, address) or text_matches(pattern, address))
        case "sender_domain":
            domain = pattern.removeprefix("@")
            return bool(address) and (matches(domain, address) or matches(f"*.{domain.removeprefix('*.')}", address))
        case "subject":
            return text_matches(pattern, mail.subject)
        case "recipient":
            shown = (route.creation_address, *(box.address for box in (*mail.to, *mail.cc)))
            return any(matches(pattern, item) for item in shown)
        case "queue":
            return pattern == route.queue
        case _:
            name = key.partition("header:")[2].strip().lower()
            return bool(name) and any(text_matches(pattern, value) for value in mail.values(name))


def text_matches(pattern: str, text: str) -> bool:
    """Match an administrator's pattern, without regard to case.

    `/expression/` is a RE2 expression (linear time, whatever the mail); a pattern with `*` is a wildcard for the whole
    text; any other is a run of characters to be found in it.
    """
    text = text[:MAX_TEXT]
    if len(pattern) > 1 and pattern.startswith("/") and pattern.endswith("/"):
        expression = _compile(pattern[1:-1])
        return expression is not None and expression.search(text) is not None
    if "*" in pattern:
        return _wildcard(pattern.casefold(), text.casefold())
    return pattern.casefold() in text.casefold()


def _wildcard(pattern: str, text: str) -> bool:
    """Match `*` as any run of characters. Greedy from the left, so linear in the text for each piece."""
    first, *pieces = pattern.split("*")
    last = pieces.pop()
    if len(text) < len(first) + len(last) or not (text.startswith(first) and text.endswith(last)):
        return False
    place, end = len(first), len(text) - len(last)
    for piece in pieces:
        found = text.find(piece, place, end)
        if found < 0:
            return False
        place = found + len(piece)
    return True


class _Expression(Protocol):
    def search(self, text: str) -> object | None: ...


@lru_cache(maxsize=256)
def _compile(expression: str) -> _Expression | None:
    """Compile once per expression; None for a broken one, which then matches nothing."""
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    try:
        compiled: _Expression = re2.compile(expression, options)
    except re2.error:
        return None
    return compiled


def _text(value: str | tuple[str, ...] | None) -> str | None:
    return value if isinstance(value, str) and value else None


def _texts(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)
