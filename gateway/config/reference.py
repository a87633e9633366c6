"""Writes the reference and the commented example from the types: `python -m gateway.config.reference`.

What the documents say of a key is what the type says, so they cannot part; a test compares them.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic.fields import FieldInfo

from gateway.config.channels import Section
from gateway.config.settings import CreationAddress, Settings
from gateway.config.shape import as_yaml, container_of, default_of, keys_of, sections_in, word_for

WIDTH = 110

# What stands in the example where a default would say nothing. A key that ends in "!" is in force in the example; the
# others are commented out. "*" names the entry of a table.
EXAMPLE: Mapping[str, Any] = MappingProxyType(
    {
        "hostname!": "tickets.example.org",
        "secret!": {"file": "/etc/poterne/secret"},
        "previous_secrets": [{"file": "/etc/poterne/secret.2025"}],
        "queues!": {
            "*": "support",
            "name!": "Support",
            "colour!": "#2f6fde",
            "creation_addresses!": [
                "support-in@tickets.example.org",
                {"address": "incident@tickets.example.org", "type": "incident"},
            ],
            "inboxes!": ["support@example.org"],
            "forwarders!": ["support@example.org"],
            "from!": "Example Support <support@example.org>",
            "appearance": {"signature": "The Example team", "logo": "/etc/poterne/logo.png"},
        },
        "channels": {
            "*": "it",
            "type": "smtp",
            "host": "smtp.abc.example",
            "port": 587,
            "tls": "starttls",
            "username": "it",
            "password": {"credential": "it-smtp"},
        },
        "connections": {
            "*": "google",
            "type": "gmail",
            "queue": "support",
            "account": "support@example.com",
            "password": {"file": "/etc/poterne/gmail-app-password"},
        },
        "dkim": {
            "domain": "example.org",
            "selector": "p2026",
            "key": {"file": "/etc/poterne/dkim/example.org.pem"},
        },
        "loop_protection": {
            "blocklist": ["noreply@*", "*@lists.example.org"],
            "overrides": {"sender": "*@monitoring.example.org", "treat_as": "human"},
        },
        "trust": {"authserv_ids": ["mx.example.org"]},
        "routing": {"when": {"sender_domain": "bigcustomer.example"}, "set": {"priority": "high"}},
        "webhooks": {
            "*": "chat",
            "url": "https://chat.example.org/hook",
            "secret": {"file": "/etc/poterne/chat-secret"},
        },
    }
)

EXAMPLE_HEAD = """\
# Poterne: every key, with what it does and its default. Made from the types by `python -m gateway.config.reference`.
#
# What stands without a hash sign in front is an example to adapt. A line that begins with `#` and a key shows the
# default of that key, or an example where there is none: take away the one `#` to change it.
# `poterne check` tells whether the file can be used. config/minimal.yaml is the shortest useful one.
"""

REFERENCE_HEAD = """\
# Configuration

Made from the types by `python -m gateway.config.reference`; do not edit. `config/poterne.yaml` shows every key in
its place, `config/minimal.yaml` is the shortest file that works.

`poterne` reads the file that `-c` names, else the one that the variable `POTERNE_CONFIG` names, else
`/etc/poterne/poterne.yaml`. Unknown keys, keys that are written twice, names that nobody defined and addresses that two
queues own stop the start; so does everything else that `poterne check` reports. Each report is one line,
`FILE:LINE:COLUMN: key: problem; cure`, and a file's problems are reported together. On SIGHUP the daemon reads the file
again; a file with a problem changes nothing.

Kinds of values:

| kind | how it is written |
| --- | --- |
| size | a number of octets, or a number with KiB, MiB or GiB: `50MiB` |
| duration | a number with s, min, h or d: `10min` |
| rate | a number, a slash and a time: `30/min`, `10000/d` |
| listener | `HOST:PORT`, `[IPV6]:PORT`, `unix:/PATH`, `systemd` (socket activation) or `off` |
| address | `name@example.org`; the syntax is checked, the DNS is not asked |
| mailbox | `Name <name@example.org>`, or an address |
| pattern | an address, a domain (`example.org`, `*.example.org`) or a wildcard (`noreply@*`) |
| colour | `"#rrggbb"`, in quotes, for `#` begins a comment |
| name | up to 40 lower-case letters, digits, hyphens and underscores |
| Secret | one of `{file: PATH}`, `{env: NAME}`, `{credential: NAME}`; a file is not readable for group and others |
"""


def example() -> str:
    """Return config/poterne.yaml."""
    return EXAMPLE_HEAD + "\n" + "\n".join(_section_lines(Settings, EXAMPLE, indent="", live=True)).rstrip() + "\n"


def reference() -> str:
    """Return docs/configuration.md."""
    parts = [REFERENCE_HEAD, *(_chapter(title, section) for title, section in _chapters())]
    return "\n".join(parts)


def _section_lines(section: type[Section], shown: Mapping[str, Any], indent: str, *, live: bool) -> Iterator[str]:
    """Yield the lines of one mapping: each key under the sentence that says what it is for."""
    for key, info in keys_of(section):
        here = live and f"{key}!" in shown
        value = shown.get(f"{key}!", shown.get(key))
        yield from (f"{indent}# {line}" for line in textwrap.wrap(_described(info), WIDTH - len(indent)))
        hash_sign = "" if here else "#"
        inner = next((found for found in sections_in(info.annotation) if found is not CreationAddress), None)
        container = container_of(info.annotation)
        if inner is None or container == "value" or _is_secret(inner):
            text = as_yaml(value) if value is not None else default_of(info) or '""'
            yield f"{indent}{hash_sign}{key}: {text}"
        else:
            nested = value if isinstance(value, Mapping) else {}
            yield f"{indent}{hash_sign}{key}:"
            deeper = indent + "  "
            if container == "table":
                yield f"{deeper}{hash_sign}{nested['*']}:"
                deeper += "  "
            lines = list(_section_lines(inner, nested, deeper, live=here))
            yield from _as_item(lines, deeper) if container == "list" else lines
        if not indent:
            yield ""


def _as_item(lines: list[str], indent: str) -> Iterator[str]:
    """Turn the lines of a mapping into the one item of a list: a hyphen before the first key, the rest below it."""
    first = True
    for line in lines:
        body = line.removeprefix(indent)
        if first and body.startswith("#") and not body.startswith("# "):
            yield f"{indent}#- {body.removeprefix('#')}"
            first = False
        elif body.startswith("#") and not body.startswith("# "):
            yield f"{indent}#  {body.removeprefix('#')}"
        else:
            yield line


def _described(info: FieldInfo) -> str:
    return info.description or ""


def _is_secret(section: type[Section]) -> bool:
    return section.__name__ == "Secret"


def _chapters() -> Iterator[tuple[str, type[Section]]]:
    """Yield each section once, under the path where it is first met."""
    seen: set[type[Section]] = set()
    pending: list[tuple[str, type[Section]]] = [("", Settings)]
    while pending:
        title, section = pending.pop(0)
        if section in seen:
            continue
        seen.add(section)
        yield title, section
        for key, info in keys_of(section):
            suffix = {"table": ".NAME", "list": "[]", "section": "", "value": "[]"}[container_of(info.annotation)]
            pending.extend((f"{title}.{key}{suffix}".lstrip("."), inner) for inner in sections_in(info.annotation))


def _chapter(title: str, section: type[Section]) -> str:
    heading = f"## `{title}`" if title else "## The file"
    rows = [_row(key, info) for key, info in keys_of(section)]
    doc = " ".join((section.__doc__ or "").split())
    return "\n".join(
        [heading, "", doc, "", "| key | kind | default | meaning |", "| --- | --- | --- | --- |", *rows, ""]
    )


def _row(key: str, info: FieldInfo) -> str:
    default = default_of(info)
    container = container_of(info.annotation)
    shown = "required" if default is None else "see below" if container == "section" else f"`{default}`"
    if default in {"null", '""', "[]", "{}"}:
        shown = "none" if container != "section" or "Secret" in word_for(info.annotation) else "see below"
    kind = word_for(info.annotation, info.metadata)
    return f"| `{key}` | {kind} | {shown} | {_described(info)} |".replace("`|`", "")


DOCUMENTS: Mapping[str, Callable[[], str]] = MappingProxyType(
    {"docs/configuration.md": reference, "config/poterne.yaml": example}
)


def main() -> None:
    """Write the documents into the working tree."""
    root = Path(__file__).resolve().parents[2]
    for name, write in DOCUMENTS.items():
        (root / name).write_text(write(), encoding="utf-8")


if __name__ == "__main__":
    main()
