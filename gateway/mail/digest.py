"""The content part of the idempotence key (I6): the same for every delivery of one mail, different for two mails.

It covers what the mail says, decoded, and the headers that its author wrote. Trace fields, and the encoding that a
relay chose for the last hop, leave it as it is.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from gateway.mail import words
from gateway.mail.part import Part
from gateway.model import Attachment, Field

STABLE: Final = ("from", "sender", "reply-to", "to", "cc", "subject", "date", "in-reply-to", "references")


def digest(fields: tuple[Field, ...], root: Part, attachments: tuple[Attachment, ...]) -> str:
    """Return 64 hexadecimal digits that stand for the content of a mail."""
    state = sha256()
    for name in STABLE:
        for item in fields:
            if item.name == name:
                # A relay may fold a line anew, or write a word in another encoding
                shown = "".join(words.decode(item.value).split())
                state.update(f"{name}:{shown}\n".encode("utf-8", "replace"))
    known = {item.part: item.sha256 for item in attachments}
    opened = {item.part.partition("/")[0] for item in attachments if "/" in item.part}
    for leaf in root.leaves():
        state.update(f"\n{leaf.path} {leaf.content_type}\n".encode("utf-8", "replace"))
        if leaf.path in known:
            state.update(known[leaf.path].encode("ascii"))
        elif leaf.content_type.startswith("text/") and leaf.path not in opened:
            # Blanks at line ends and line ends at the end are what relays change first
            lines = leaf.text().rstrip().split("\n")
            state.update("\n".join(map(str.rstrip, lines)).encode("utf-8", "replace"))
        else:
            state.update(leaf.content())
    return state.hexdigest()
