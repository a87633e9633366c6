"""Plain text as safe HTML, and numbers as people read them. Everything is escaped before anything is added."""

from __future__ import annotations

import re
from collections.abc import Iterable

from markupsafe import Markup, escape

from gateway.desk.nouns import FileRow
from gateway.mail.pictures import mark

SHOWN = 30_000  # characters of one message; the rest is in the raw mail
_LINK = re.compile(r"https?://[^\s<>\"'`]{1,2000}")
_TRAILING = ".,;:!?)]}»"
KIB = 1024


def linked(text: str) -> Markup:
    """Return text with its web addresses as links, in linear time."""
    text = text[:SHOWN]
    parts: list[str] = []
    last = 0
    for match in _LINK.finditer(text):
        address = match[0].rstrip(_TRAILING)
        end = match.start() + len(address)
        safe = escape(address)
        parts.append(str(escape(text[last : match.start()])))
        parts.append(f'<a href="{safe}" rel="noopener noreferrer nofollow" target="_blank">{safe}</a>')
        last = end
    parts.append(str(escape(text[last:])))
    return Markup("".join(parts))  # noqa: S704 - every part was escaped above


def size(octets: int) -> str:
    """Return a size: 84 kB."""
    if octets < KIB:
        return f"{octets} B"
    if octets < KIB * KIB:
        return f"{octets / KIB:.0f} kB"
    return f"{octets / KIB / KIB:.1f} MB"


def quoted_part(whole: str | None, new: str) -> str:
    """Return what stands in the whole text beyond the new words, for the fold under them."""
    # Blanks at the ends of lines are cut from what customers write, and kept in what agents do: they tell nothing here
    ends, said = ("\n".join(line.rstrip() for line in words.splitlines()).strip() for words in (whole or "", new))
    before, found, after = ends.partition(said) if said else (ends, "", "")
    return (before + after).strip("\n") if found else ends


def person(author: str) -> tuple[str, str]:
    """Return name and address of an author as entries keep it; one without an address is all name."""
    name, mark, address = author.rpartition(" <")
    return (name, address.removesuffix(">")) if mark and address.endswith(">") else (author, "")


def local_path(text: str, default: str = "/") -> str:
    """Return a path on this server, or the default: no other host, no other scheme."""
    good = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable() and "\\" not in text
    return text if good else default


BROWSERS = ("Edg", "OPR", "Firefox", "Chrome", "Safari")  # the first that a program names: most claim to be others
SHOWN_AS = {"Edg": "Edge", "OPR": "Opera"}
SYSTEMS = {"Android": "Android", "iPhone": "iOS", "iPad": "iPadOS", "Windows": "Windows", "Mac OS X": "macOS"}


def browser(agent: str) -> str:
    """Return a browser as people call it, "Firefox, Windows"; what is none keeps its own words."""
    name = next((mark for mark in BROWSERS if f"{mark}/" in agent), "")
    if not name:
        return agent[:60]
    system = next((shown for mark, shown in SYSTEMS.items() if mark in agent), "Linux" if "Linux" in agent else "")
    return ", ".join(filter(None, (SHOWN_AS.get(name, name), system)))


def with_pictures(html: Markup, files: Iterable[FileRow], ticket: int) -> Markup:
    """Return a reply's HTML with the pictures that its text names, as the customer sees them."""
    for file in files:
        if file.source == "sent" and file.content_id and file.previewable:
            address = f"/tickets/{ticket}/files/sent/{file.id}/{file.position}?inline=true"
            picture = Markup('<img class="placed" src="%s" alt="%s" loading="lazy">') % (address, file.filename)
            html = html.replace(escape(mark(file.filename)), picture, 1)
    return html
