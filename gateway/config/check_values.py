"""Checks of single values that need the whole configuration or a vocabulary: URLs, routing rules, webhooks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import re2

from gateway.config.checks import LOOPBACK, Finding, Names
from gateway.config.document import Loc, guess
from gateway.config.settings import RoutingRule, Settings
from gateway.config.units import address, domain, pattern, shown
from gateway.model import EVENT_TYPES, FAMILIES, EventType, Priority

CONDITIONS = ("sender", "sender_domain", "subject", "recipient", "queue")
ASSIGNMENTS = ("queue", "type", "priority", "assignee", "tags")
PATTERNS = {"sender", "subject"}  # with header:NAME, the conditions that take /expressions/


def storage_is_known(settings: Settings, _names: Names) -> Iterator[Finding]:
    """Refuse databases and stores for raw mail that we cannot write to."""
    cure = "write sqlite:////PATH or postgresql+psycopg://USER@HOST/NAME"
    if settings.database.startswith("sqlite:"):
        if not re.fullmatch(r"sqlite:////[^?]+", settings.database):
            # A relative path would name another database for each directory that a command is started in.
            yield Finding(("database",), "does not name an absolute path", "write sqlite:////PATH, with four slashes")
    elif not settings.database.startswith("postgresql+psycopg://"):
        scheme = settings.database.partition(":")[0]
        yield Finding(("database",), f"{shown(scheme)} is not a database that poterne knows", cure)
    if not re.fullmatch(r"database|file:///.+|s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?", settings.raw_mail):
        cure = "write database, file:///PATH, or s3://BUCKET/PREFIX"
        yield Finding(("raw_mail",), f"{shown(settings.raw_mail)} is not a store for raw mail", cure)


def routing_is_sound(settings: Settings, _names: Names) -> Iterator[Finding]:
    """Refuse rules that say nothing, say it in words that nobody knows, or can never be reached."""
    for index, rule in enumerate(settings.routing):
        loc: Loc = ("routing", index)
        for key, text in rule.when.items():
            yield from _condition((*loc, "when", key), key, text)
        for key, value in rule.set.items():
            yield from _assignment((*loc, "set", key), key, value)
        if not rule.set:
            yield Finding((*loc, "set"), "sets nothing", f"use one of {', '.join(ASSIGNMENTS)}")
        earlier = next((n for n, other in enumerate(settings.routing[:index]) if _covers(other, rule)), None)
        if earlier is not None:
            problem = f"is never reached: routing[{earlier}] matches all that this rule matches"
            yield Finding(loc, problem, "put it before that rule, or remove it")


def hosts_are_trusted_carefully(settings: Settings, _names: Names) -> Iterator[Finding]:
    """Refuse webhooks and authorization servers that would carry secrets in clear, and ids that are no ids."""
    for name, webhook in settings.webhooks.items():
        yield from _url(("webhooks", name, "url"), webhook.url)
    for section, items in (("channels", settings.channels), ("connections", settings.connections)):
        for name, item in items.items():
            if item.authority is not None:
                yield from _url((section, name, "authority"), item.authority)
    if settings.agents.oidc_issuer is not None:
        yield from _url(("agents", "oidc_issuer"), settings.agents.oidc_issuer)
        for key in ("oidc_client_id", "oidc_client_secret"):
            if getattr(settings.agents, key) is None:
                yield Finding(("agents", key), "is missing, and oidc_issuer needs it", f"add {key} to agents")
    for index, text in enumerate(settings.trust.authserv_ids):
        # RFC 8601 §2.5: usually a domain name; whatever it is, it has no white space.
        if not re.fullmatch(r"[^\s;,()]{1,253}", text):
            problem = f"{shown(text)} is not an authserv-id"
            yield Finding(("trust", "authserv_ids", index), problem, "write the host name that your filter writes")


def webhooks_hear_something(settings: Settings, names: Names) -> Iterator[Finding]:
    """Refuse webhooks that ask for events or queues which nobody knows."""
    events = [*FAMILIES, *(name for name in EVENT_TYPES if name is not EventType.PING)]
    for name, webhook in settings.webhooks.items():
        for index, word in enumerate(webhook.events):
            if word not in events:
                yield Finding(
                    ("webhooks", name, "events", index), f"there is no event {shown(word)}", guess(word, events)
                )
        for index, word in enumerate(webhook.queues):
            if word not in names.queues:
                cure = guess(word, sorted(names.queues))
                yield Finding(("webhooks", name, "queues", index), f"there is no queue {shown(word)}", cure)


def _condition(loc: Loc, key: str, text: str) -> Iterator[Finding]:
    known = key in CONDITIONS or re.fullmatch(r"header:[!-9;-~]+", key)  # RFC 5322 §2.2: printable, no colon
    if not known:
        yield Finding(loc, "is not a condition", guess(key, [*CONDITIONS, "header:NAME"]))
    elif not text:
        yield Finding(loc, "is empty", "write what to look for, or remove it")
    elif key == "sender_domain":
        yield from _refused(loc, domain, text.removeprefix("@").removeprefix("*."))
    elif key == "recipient":
        yield from _refused(loc, pattern, text)
    elif (key in PATTERNS or key.startswith("header:")) and len(text) > 1 and text[0] == text[-1] == "/":
        options = re2.Options()
        options.log_errors = False
        try:
            re2.compile(text[1:-1], options)
        except re2.error as error:
            reason = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
            yield Finding(loc, f"is not an expression: {reason}", "write an RE2 expression between slashes")


def _assignment(loc: Loc, key: str, value: str | tuple[str, ...]) -> Iterator[Finding]:
    if key not in ASSIGNMENTS:
        yield Finding(loc, "cannot be set by a rule", guess(key, ASSIGNMENTS))
    elif key != "tags" and not isinstance(value, str):
        yield Finding(loc, "is a list", "write one word")
    elif key == "priority" and value not in set(Priority):
        yield Finding(loc, f"{shown(value)} is not a priority", f"use one of {', '.join(Priority)}")
    elif key == "assignee":
        yield from _refused(loc, address, str(value))


def _refused(loc: Loc, check: object, text: str) -> Iterator[Finding]:
    from pydantic_core import PydanticCustomError

    assert callable(check)
    try:
        check(text)
    except PydanticCustomError as error:
        context: Mapping[str, str] = error.context or {}
        yield Finding(loc, context["problem"], context["cure"])


def _covers(earlier: RoutingRule, later: RoutingRule) -> bool:
    """Tell whether everything that `later` matches is matched by `earlier` already."""
    return all(
        key in later.when and later.when[key].casefold() == text.casefold() for key, text in earlier.when.items()
    )


def _url(loc: Loc, text: str) -> Iterator[Finding]:
    cure = "write https://HOST/PATH, other letters as %XX, and in HOST as xn--"
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port  # raises for what is no port
        host.encode("idna")  # as the resolver does: raises for a label that is empty or too long
    except ValueError:
        yield Finding(loc, "is not a URL", cure)
        return
    if not re.fullmatch(r"[!-~]+", text):  # RFC 3986 §2; it goes into the request line as it is
        yield Finding(loc, "is not a URL", cure)
        return
    if parts.scheme == "http" and host in LOOPBACK and host:
        return
    if parts.scheme != "https" or not host or parts.username is not None:
        # The value is not shown: it may hold a password.
        yield Finding(loc, "is not a https URL", "write https://HOST/PATH, without a password in it")
