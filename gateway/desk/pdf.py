"""Which PDFs may be shown: those in which nothing is found that a viewer would run. Scripts and actions are refused.

Total and pure: no input raises, and the work is bounded. It looks for names, in the file and in what its streams pack
with FlateDecode; it is no parser. What it cannot read (encryption, other or several filters on streams of objects,
dictionaries it does not understand, too much of anything) counts as active: it is still a download. A file made to be
read differently by a lenient viewer may pass: this keeps common harm away from readers, and the page's safety does
not hang on it, since a browser's viewer runs such scripts apart from our origin.
"""

from __future__ import annotations

import re
import zlib

MOST_UNPACKED = 32 << 20  # octets, of all streams together
MOST_READ = 96 << 20  # octets given to zlib; streams may overlap, so a file can be read more than once
MOST_STREAMS = 20_000
MOST_ESCAPES = 100_000
LONGEST_DICTIONARY = 8 << 10
HEADER_WITHIN = 1024  # octets; ISO 32000-1 Annex H, note 13
SLICES = (2 << 10, 64 << 10)  # octets given to zlib at once: at first, at most

# ISO 32000-1 §12.6: actions, by whatever triggers them; §12.7.8 and §13: forms of XML, media that plays. Only GoTo and
# URI, which wait for a click, are no reason. A name ends before a delimiter or white space (§7.2.2).
_WHITE = b"\x00\t\n\f\r "
_END = rb"(?=[" + _WHITE + rb"()<>\[\]{}/%])"
_ACTIVE = re.compile(
    rb"/(?:JS|JavaScript|AA|OpenAction|Launch|SubmitForm|ImportData|GoToE|GoToR|Rendition|RichMedia|Movie|Sound|XFA"
    rb"|EmbeddedFiles?|Encrypt)" + _END
)
_ESCAPED = re.compile(rb"#([0-9A-Fa-f]{2})")  # §7.3.5
# §7.3.8.1 wants CR LF or LF; viewers take a lone CR, and blanks before it.
_STREAM = re.compile(rb"(?<!end)stream(?![0-9A-Za-z])([\x00\t\f ]*(?:\r\n?|\n))?")
_OBJECTS = re.compile(rb"/(?:ObjStm|First)" + _END)  # §7.5.7; some viewers do not ask for the type
_DICTIONARY = re.compile(rb"obj[" + _WHITE + rb"]*<<[^%\\]*>>[" + _WHITE + rb"]*\Z")
# §7.4: /F and /DP are the short keys of inline images, which some viewers take everywhere.
_FILTER = re.compile(rb"/(?:Filter|F|FFilter|DecodeParms|FDecodeParms|DP)" + _END)
_PACKED = re.compile(
    rb"/Filter[@]*(?:\[[@]*/FlateDecode[@]*\]|/FlateDecode[@]*"
    rb"(?:>>|/(?!Fl|ASCII|A85|AHx|LZW|RunLength|RL|Crypt|CCF|DCT|JPX|JBIG2)))".replace(b"@", _WHITE)
)
_OTHER_TEXT = re.compile(rb"/(?:ASCIIHexDecode|ASCII85Decode|LZWDecode|RunLengthDecode|Crypt|AHx|A85|LZW)" + _END)


class Loud(Exception):
    """Something runs, or cannot be looked into, or not within bounds."""


def is_quiet(content: bytes) -> bool:
    """Tell whether nothing is found in a PDF that a viewer would run."""
    if b"%PDF-" not in content[:HEADER_WITHIN]:
        return False
    look = _Look(content)
    try:
        look.names(content)
        for count, match in enumerate(_STREAM.finditer(content)):
            if count == MOST_STREAMS:
                return False
            look.stream(match)
    except Loud:
        return False
    return not (look.objects and look.other_text)


class _Look:
    """A look at one file: what was found, and how much may still be read."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.objects = self.other_text = False
        self._read, self._unpacked, self._escapes = MOST_READ, MOST_UNPACKED, MOST_ESCAPES

    def names(self, octets: bytes) -> None:
        """Note the names in octets: of streams of objects, and of filters that could hide one. Raises Loud."""
        words = self._plain(octets)
        if _ACTIVE.search(words):
            raise Loud
        self.objects = self.objects or _OBJECTS.search(words) is not None
        self.other_text = self.other_text or _OTHER_TEXT.search(words) is not None

    def stream(self, match: re.Match[bytes]) -> None:
        """Look into the stream that begins at a match, if one does. Raises Loud."""
        before = self.content[max(0, match.start() - LONGEST_DICTIONARY) : match.start()]
        between = before[before.rfind(b">>") + 2 :]
        if between.strip(_WHITE) and b"%" not in between:
            return  # the word alone, in somebody's text
        start = before.rfind(b" obj") + 1
        if match[1] is None or not start:
            raise Loud
        words = self._plain(before[start:])
        objects = _OBJECTS.search(words) is not None
        # Strings and comments can hide where a dictionary begins: then all that stands before it counts.
        if not _DICTIONARY.match(words) or words.count(b"(") != words.count(b")"):
            if objects or _OBJECTS.search(self._plain(before)):
                raise Loud
            words = b""
        filters = len(_FILTER.findall(words))
        packed = filters == 1 and _PACKED.search(words) is not None
        if objects and filters and not packed:
            raise Loud
        unpacked, read = unpack(self.content, match.end(), self._unpacked, self._read)
        self._read -= read
        if unpacked is None:
            if packed:
                raise Loud
            return
        self._unpacked -= len(unpacked)
        if self._unpacked <= 0 or self._read <= 0:
            raise Loud
        if unpack(unpacked, 0, 64, SLICES[0])[0]:
            raise Loud  # packed more than once
        self.names(unpacked)

    def _plain(self, octets: bytes) -> bytes:
        """Return octets with the escapes of names resolved."""
        if b"#" not in octets:
            return octets
        words, count = _ESCAPED.subn(lambda match: bytes([int(match[1], 16)]), octets, self._escapes)
        self._escapes -= count
        if self._escapes <= 0:
            raise Loud
        return words


def unpack(content: bytes, start: int, most: int, read: int) -> tuple[bytes | None, int]:
    """Return at most `most` octets of a packed stream, or None if it is none, and how many of `read` were given.

    In slices: what is given and follows the stream is copied by zlib, so a short one must not be given the whole file.
    """
    unpacker, out = zlib.decompressobj(), bytearray()
    size, at, end = SLICES[0], start, min(len(content), start + read)
    try:
        while at < end and len(out) < most and not unpacker.eof:
            piece = content[at : min(at + size, end)]
            at += len(piece)
            out += unpacker.decompress(piece, most - len(out))
            size = min(2 * size, SLICES[1])
    except zlib.error:
        return None, at - start
    return bytes(out), at - start
