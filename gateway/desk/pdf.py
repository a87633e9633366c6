"""Which PDFs may be shown: those that only show. A viewer runs what stands in a PDF; scripts and actions are refused.

Total and pure: no input raises, and the work is bounded. What cannot be looked into (encrypted, unusual filters, too
large) counts as active: it is still a download. This keeps harm away from readers; the page's safety does not hang on
it, since a browser's viewer runs such scripts apart from our origin.
"""

from __future__ import annotations

import re
import zlib

MOST_UNPACKED = 32 << 20  # octets, of all streams together
MOST_STREAMS = 20_000
LONGEST_DICTIONARY = 1024
HEADER_WITHIN = 1024  # octets; ISO 32000-1 Annex H, note 13

# ISO 32000-1 §12.6: actions, by whatever triggers them; §12.7.8 and §13: forms of XML, media that plays. Only GoTo and
# URI, which wait for a click, are no reason. A name ends before a delimiter or white space (§7.2.2).
_ACTIVE = re.compile(
    rb"/(?:JS|JavaScript|AA|OpenAction|Launch|SubmitForm|ImportData|GoToE|GoToR|Rendition|RichMedia|Movie|Sound|XFA"
    rb"|EmbeddedFiles?|Encrypt)(?=[\x00\t\n\f\r ()<>\[\]{}/%])"
)
_ESCAPED = re.compile(rb"#([0-9A-Fa-f]{2})")  # §7.3.5
_STREAM = re.compile(rb"(?<!end)stream\r?\n")
_OBJECTS = re.compile(rb"/(?:ObjStm|First)\b")
_PACKED = re.compile(rb"/Filter\s*\[?\s*/(?:FlateDecode|Fl)\b\s*\]?(?!\s*/(?:ASCII|A85|AHx|LZW|RunLength|RL|Crypt))")


def is_quiet(content: bytes) -> bool:
    """Tell whether a PDF holds nothing that a viewer would run."""
    if b"%PDF-" not in content[:HEADER_WITHIN] or _ACTIVE.search(plain(content)):
        return False
    left = MOST_UNPACKED
    for count, match in enumerate(_STREAM.finditer(content)):
        if count == MOST_STREAMS:
            return False
        before = content[max(0, match.start() - LONGEST_DICTIONARY) : match.start()]
        words = plain(before[before.rfind(b" obj") + 1 :])
        objects = _OBJECTS.search(words) is not None
        if not objects and b"Flate" not in words and b"/Fl" not in words:
            continue
        unpacked = unpack(content, match.end(), left)
        readable = unpacked is not None and _PACKED.search(words) and b"/DecodeParms" not in words
        if objects and b"/Filter" in words and not readable:
            return False
        if unpacked is None:
            continue
        left -= len(unpacked)
        if left <= 0 or _ACTIVE.search(plain(unpacked)):
            return False
    return True


def plain(content: bytes) -> bytes:
    """Return octets with the escapes of names resolved."""
    return _ESCAPED.sub(lambda match: bytes([int(match[1], 16)]), content) if b"#" in content else content


def unpack(content: bytes, start: int, most: int) -> bytes | None:
    """Return at most so much of a packed stream, or None if it is none."""
    try:
        return zlib.decompressobj().decompress(memoryview(content)[start:], most)
    except zlib.error:
        return None
