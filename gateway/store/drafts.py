"""Drafts as the database keeps them: JSON for the words, rows for the files."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from gateway.model import Draft, Mailbox, OutgoingFile, OutgoingKind

PLAIN = ("queue", "channel", "subject", "text", "message_id", "loop_token", "html", "in_reply_to", "locale")


def to_json(draft: Draft) -> str:
    """Write everything of a draft but its files."""
    data: dict[str, Any] = {name: getattr(draft, name) for name in PLAIN}
    data["kind"] = draft.kind.value
    data["from"] = pair(draft.from_)
    data["to"] = [pair(box) for box in draft.to]
    data["cc"] = [pair(box) for box in draft.cc]
    data["bcc"] = list(draft.bcc)
    data["reply_to"] = pair(draft.reply_to) if draft.reply_to else None
    data["references"] = list(draft.references)
    return json.dumps(data, ensure_ascii=False)


def from_json(text: str, files: Iterable[OutgoingFile] = ()) -> Draft:
    """Read what `to_json` wrote, and put the files back."""
    data = json.loads(text)
    return Draft(
        kind=OutgoingKind(data["kind"]),
        from_=Mailbox(*data["from"]),
        to=tuple(Mailbox(*box) for box in data["to"]),
        cc=tuple(Mailbox(*box) for box in data["cc"]),
        bcc=tuple(data["bcc"]),
        reply_to=Mailbox(*data["reply_to"]) if data["reply_to"] else None,
        references=tuple(data["references"]),
        files=tuple(files),
        **{name: data[name] for name in PLAIN},
    )


def pair(box: Mailbox) -> list[str]:
    return [box.name, box.address]
