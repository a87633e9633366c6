"""Cuts a body into what its author newly wrote and a signature. Total, linear, and never leaves a person without words.

The whole text stays beside it for the agent, so the cut may be bold where a mail program marked the quote, and is shy
everywhere else: answers between quoted lines are kept with what they answer, forwarded mails are content.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.mail import reply_signature
from gateway.mail.reply_html import HtmlParts
from gateway.mail.reply_lines import Line, Lines
from gateway.mail.reply_phrases import FORWARD_SUBJECTS
from gateway.mail.reply_scan import sort_lines

LIMIT: Final = 64 << 10  # characters that are looked at
LINES: Final = 4_000  # lines that are looked at
SIGNATURE: Final = 4_000  # characters; what is longer was not put under a mail to sign it
_SUBJECT: Final = 40  # characters of a subject in which "Fwd:" stands


@dataclass(frozen=True, slots=True)
class Cut:
    """What the author newly wrote, and the signature below it (None if there is none)."""

    reply: str
    signature: str | None = None


def cut(text: str, *, forwarded: bool = False) -> Cut:
    """Return the new part of a text body. `forwarded`: the subject says so, and Outlook's header block is content."""
    return _cut(text, forwarded=forwarded)[0]


def author_text(text: str, parts: HtmlParts | None = None, shown: str = "", *, forwarded: bool = False) -> Cut:
    """Return the better cut of a mail's text and of its HTML.

    `text` is the whole text (possibly made from the HTML), `parts` what `reply_html` read of the HTML, and `shown` the
    text of `parts.html`. The text is preferred, because it is what the agent sees; the HTML helps where only its
    elements say what is quoted or what is a signature.
    """
    plain, quoted = _cut(text, forwarded=forwarded)
    if parts is None:
        return plain
    best = plain
    if parts.html is not None:
        from_html = _cut(shown, forwarded=forwarded)[0]
        short, long = _squeeze(from_html.reply), _squeeze(plain.reply)
        if short and short == long:
            best = Cut(plain.reply, from_html.signature)  # what follows the quote in the text alone is no signature
        elif short and len(short) < len(long) and (not quoted or long.startswith(short)):
            best = from_html
    if best.signature is None and parts.signature:
        return _without_signature(best.reply, parts.signature)
    return best


def says_forward(subject: str) -> bool:
    """Tell whether a subject begins with Fwd: or its like, in any language of the table."""
    head, colon, _rest = subject[:_SUBJECT].partition(":")
    return bool(colon) and head.strip().casefold() in FORWARD_SUBJECTS


def _cut(text: str, *, forwarded: bool) -> tuple[Cut, bool]:
    """Return the cut, and whether a quote was taken away."""
    normal = text
    if "\r" in text or not text.isascii():
        normal = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\x85", "\n")
    pieces = normal[:LIMIT].split("\n")
    lines = Lines(pieces[:LINES])
    parts = sort_lines(lines, forwarded=forwarded)
    if not parts.ended and (len(normal) > LIMIT or len(pieces) > LINES):
        # Behind the limits nothing is judged: all is kept, unless a quote began before them
        return Cut(normal.strip()), False
    return Cut(_join(lines, parts.kept), _join(lines, parts.signature).strip() or None), parts.quoted


def _join(lines: Lines, numbers: Sequence[int]) -> str:
    return "\n".join(map(str.rstrip, map(lines.raws.__getitem__, numbers)))


def _without_signature(reply: str, signature: str) -> Cut:
    """Cut a signature that the HTML knows off the end of the text, if it stands there."""
    wanted = _squeeze(signature)
    if len(wanted) > SIGNATURE:
        return Cut(reply)
    lines = reply.split("\n")
    seen = ""
    for index in range(len(lines) - 1, 0, -1):
        piece = _squeeze(lines[index])
        if not piece:
            continue
        seen = piece + seen
        if len(seen) > len(wanted) or not wanted.endswith(seen):
            break
        if seen == wanted and (rest := _trimmed(lines[:index])):
            return Cut(rest, "\n".join(lines[index:]).strip())
    return Cut(reply)


def _trimmed(lines: list[str]) -> str:
    while lines and (not lines[-1].strip() or reply_signature.ornament(Line(lines[-1]))):
        lines.pop()
    return "\n".join(lines)


def _squeeze(text: str) -> str:
    return "".join(text.split())
