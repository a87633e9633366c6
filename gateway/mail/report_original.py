"""Finds the Message-IDs of the mail that a report is about: in the returned mail, its header, or the report's text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from gateway.mail import caps
from gateway.mail.part import EMBEDDING, Part

_ID: Final = re.compile(r"<([^<>\s@]{1,500}@[^<>\s@]{1,300})>")
_FIELD: Final = re.compile(
    r"^[>\s]{0,4}(?:X-)?(?:Original-)?Message-Id\s{0,2}:[ \t]*(?:\r?\n[ \t]+)?<?([^<>\s@]{1,500}@[^<>\s@]{1,300})>?",
    re.IGNORECASE | re.MULTILINE,
)
_REFERENCES: Final = re.compile(
    r"^[>\s]{0,4}(?:In-Reply-To|References)\s{0,2}:([^\r\n]{0,4000}(?:\r?\n[ \t][^\r\n]{0,4000}){0,20})",
    re.IGNORECASE | re.MULTILINE,
)
_TEXT: Final = 128 << 10


def returned(root: Part) -> tuple[Part, ...]:
    """Return the trees of the mails (or headers of mails) that are attached, in order."""
    holders = [part for part in root.walk() if part is not root and part.content_type in EMBEDDING]
    return tuple(tree for part in holders[: caps.EMBEDDED_DEPTH] if (tree := part.embedded()) is not None)


def message_ids(trees: Iterable[Part], texts: Iterable[str], stated: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the ids of the reported mail, nearest first: its own, then those that it refers to.

    A relay that gave the mail a new id leaves ours in References.
    """
    own: list[str] = [found[1] for value in stated for found in [_ID.search(value)] if found]
    references: list[str] = []
    for tree in trees:
        own += ids(tree.first("message-id"))
        own += ids(tree.first("x-original-message-id"))
        references += [*ids(tree.first("in-reply-to")), *reversed(ids(tree.first("references")))]
    for text in texts:
        head = text[:_TEXT]
        own += [match[1] for match in _FIELD.finditer(head)]
        references += [found for match in _REFERENCES.finditer(head) for found in reversed(ids(match[1]))]
    return tuple(dict.fromkeys([*own, *references]))[: caps.REFERENCES]


def ids(value: str) -> list[str]:
    """Return the message ids in a field, in its order."""
    return [match[1] for match in _ID.finditer(value[: caps.FIELD])]
