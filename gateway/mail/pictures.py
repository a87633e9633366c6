"""Pictures inside a reply: where the text says `[image: NAME]`, an attached picture of that name is shown. Pure.

The text part keeps the words, so that both parts of the mail say the same; the HTML part shows the picture in their
place. What is no picture by its first octets stays an attachment, and so does what the text does not name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from gateway.model import OutgoingFile

# What a name may hold that is safe as it is in HTML and in an address.
_NAME: Final = r"[\w .()-]{1,120}"
_MARK: Final = re.compile(rf"\[image: ({_NAME})\]")
_FIRST_OCTETS: Final = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
}


def placed(text: str, files: Sequence[OutgoingFile], unique: str) -> tuple[OutgoingFile, ...]:
    """Give each picture that the text names a Content-ID of its own (RFC 2392); `unique` is local part and domain."""
    named = {match[1] for match in _MARK.finditer(text)}
    taken: set[str] = set()
    result = []
    for number, file in enumerate(files, 1):
        if file.filename in named - taken and is_picture(file):
            taken.add(file.filename)
            result.append(replace(file, content_id=f"picture{number}.{unique}"))
        else:
            result.append(replace(file, content_id=None))
    return tuple(result)


def is_picture(file: OutgoingFile) -> bool:
    """Tell whether a file is what mail programs show, by its type and by its octets."""
    return file.content.startswith(_FIRST_OCTETS.get(file.content_type.lower(), ()))


def shown(html: str, files: Iterable[OutgoingFile]) -> str:
    """Return the page with each placed picture where its name first stands; the title is no place."""
    title, end, words = html.partition("</title>") if "</title>" in html else ("", "", html)
    for file in files:
        if file.content_id is not None:
            picture = f'<img src="cid:{file.content_id}" alt="{file.filename}" style="max-width:100%;height:auto">'
            words = words.replace(mark(file.filename), picture, 1)
    return title + end + words


def mark(name: str) -> str:
    """Return how a text names a picture."""
    return f"[image: {name}]"
