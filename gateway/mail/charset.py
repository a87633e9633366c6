"""Octets to text by a ladder: what was declared, then UTF-8, then the usual lies. Total, and from an allow-list.

Only text charsets are on the list: Python also knows codecs that are quadratic (punycode), that run escapes
(unicode_escape) or that are no charsets at all (hex, zlib).
"""

from __future__ import annotations

import codecs
import re
from typing import Final

from gateway.mail import caps
from gateway.mail.charsets import CODECS, JAPANESE_7BIT, WESTERN

_SQUASH: Final = re.compile(r"[^a-z0-9]+")
_UNSHOWN: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb]")
_UNSHOWN_ASCII: Final = bytes(code for code in (*range(0x20), 0x7F) if code not in b"\n\t")
_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_SHIFTED: Final = ("utf7", "utf16", "utf32", "iso2022", "hz")  # codecs that write other text in ASCII octets
_ESCAPES: Final = re.compile(rb"\x1b(?:\$[@AB]|\$\([A-DO-Q]|\([BIJ]|\$\)C|\.[AF])")


def codecs_of(name: str) -> tuple[str, ...]:
    """Return the Python codecs to try for a declared charset, best first; () if the name says nothing."""
    return CODECS.get(_SQUASH.sub("", name.lower()[:64]), ())


def known(name: str) -> bool:
    """Tell whether `name` is on the allow-list, under any of its aliases."""
    return bool(codecs_of(name))


def decode_body(content: bytes, declared: str) -> tuple[str, list[str]]:
    """Return the text of a body, shown characters only, LF line ends, and defects by name."""
    defects: list[str] = []
    cut = len(content) > 4 * caps.TEXT
    if cut:
        content = content[: 4 * caps.TEXT]
    text, defect = _ladder(content, declared, cut=cut)
    if defect:
        defects.append(defect)
    if len(text) > caps.TEXT:
        text, cut = text[: caps.TEXT], True
    if cut:
        defects.append("text.too-long")
    return shown(text), defects


def decode_raw(octets: bytes, hint: str = "") -> tuple[str, bool]:
    """Return undeclared 8-bit text of a header, and whether it could be decoded without replacement characters."""
    for codec in ("utf-8", *codecs_of(hint), "cp1252"):
        text = _strict(octets, codec)
        if text is not None:
            return text, True
    return octets.decode("utf-8", "replace"), False


def decode_word(octets: bytes, name: str) -> str | None:
    """Return the text of one encoded word, or None if its charset is unknown and its octets are not UTF-8 either."""
    found = codecs_of(name)
    if octets.isascii() and not found:
        return _strict(octets, "ascii") if name else None
    if found and not WESTERN.intersection(found):
        text = _declared(octets, found, cut=False)
        return _strict(octets, "utf-8") if text is None else text
    return _first(octets, ("utf-8", "cp1252"))


def decode_words(octets: bytes, name: str) -> str:
    """Return the text of a parameter value: `decode_word`, with replacement characters where nothing fits."""
    text = decode_word(octets, name or "utf-8")
    return decode_raw(octets)[0] if text is None else text


def shown(text: str) -> str:
    """Return `text` with LF line ends and without controls and bidi controls. Tab and line feed stay."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.isascii():
        octets = text.encode("ascii")
        clean = octets.translate(None, _UNSHOWN_ASCII)
        return text if len(clean) == len(octets) else clean.decode("ascii")
    if "\u2028" in text or "\u2029" in text:
        text = text.replace("\u2028", "\n").replace("\u2029", "\n")
    return _UNSHOWN.sub("", text)


def _ladder(content: bytes, declared: str, *, cut: bool) -> tuple[str, str]:
    found = codecs_of(declared)
    if content.isascii() and not (found and found[0].replace("_", "").startswith(_SHIFTED)):
        # Deviation: ISO-2022-JP is often sent without its name; nothing else has these escapes in ASCII octets
        if b"\x1b" not in content or not _ESCAPES.search(content):
            return content.decode("ascii"), ""
        found = found if found and found[0].startswith("iso2022") else JAPANESE_7BIT
    western = not found or bool(WESTERN.intersection(found))
    if not western:
        text = _declared(content, found, cut=cut)
        if text is not None:
            return text, ""
    text = _strict(content, "utf-8", cut=cut)
    if text is not None:
        return text, "" if western and not declared else "charset.mislabelled"
    if western:
        text = _strict(content, "cp1252", cut=cut)
        if text is not None:
            return text, "" if found else "charset.undeclared"
    guess = _guess(content)
    text = _strict(content, guess, cut=cut) if guess else None
    if text is not None:
        return text, "charset.guessed"
    codec = "cp1252" if western and found else found[0] if found else "utf-8"
    return _replaced(content, codec), "charset.undecodable"


def _declared(content: bytes, found: tuple[str, ...], *, cut: bool) -> str | None:
    if found[0].startswith(("utf_16", "utf_32")):
        content, found = _wide(content, found)
    text = _first(content, found, cut=cut)
    if text is None and found == JAPANESE_7BIT:
        return _strict(_jis_to_sjis(content), "cp932", cut=cut)
    return text


def _wide(content: bytes, found: tuple[str, ...]) -> tuple[bytes, tuple[str, ...]]:
    """Settle the octet order of UTF-16 by its mark, else by where the zeroes are; without zeroes it is no UTF-16."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff") and found[0] in ("utf_16_le", "utf_16_be"):
        return content, ("utf_16",)
    head = content[: caps.GUESS]
    if found[0] == "utf_16" and content[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        even, odd = head[0::2].count(0), head[1::2].count(0)
        if not even and not odd and head.isascii():
            return content, ("ascii",)
        # RFC 2781 §4.3: big endian, unless what is there says otherwise
        return content, ("utf_16_le",) if odd > even else ("utf_16_be",)
    return content, ("ascii",) if 0 not in head and head.isascii() else found


def _jis_to_sjis(content: bytes) -> bytes:
    """Move ISO-2022-JP octets to their places in code page 932, which also has what mailers add to JIS X 0208."""
    out = bytearray()
    wide = kana = False
    at = 0
    for match in _ESCAPES.finditer(content):
        out += _moved(content[at : match.start()], wide=wide, kana=kana)
        wide, kana = match[0][1:2] == b"$", match[0] == b"\x1b(I"
        at = match.end()
    return bytes(out + _moved(content[at:], wide=wide, kana=kana))


def _moved(run: bytes, *, wide: bool, kana: bool) -> bytes:
    if kana:
        return bytes(octet | 0x80 if 0x20 < octet < 0x60 else octet for octet in run)  # noqa: PLR2004
    if not wide:
        return run
    out = bytearray()
    pairs = iter(run)
    for row in pairs:
        if not 0x20 < row < 0x7F:  # noqa: PLR2004 - line ends stand between the pairs, and rubbish
            out.append(row)
            continue
        cell = next(pairs, 0)
        out.append(((row - 0x21) >> 1) + (0x81 if row < 0x5F else 0xC1))  # noqa: PLR2004
        out.append(cell + (0x7E if not row & 1 else 0x20 if cell > 0x5F else 0x1F) & 0xFF)  # noqa: PLR2004
    return bytes(out)


def _first(octets: bytes, names: tuple[str, ...], *, cut: bool = False) -> str | None:
    for name in names:
        text = _strict(octets, name, cut=cut)
        if text is not None:
            return text
    return None


def _strict(octets: bytes, codec: str, *, cut: bool = False) -> str | None:
    try:
        if cut:  # a character may be cut in two at the end; only an incremental decoder forgives that
            text = codecs.getincrementaldecoder(codec)("strict").decode(octets, final=False)
        else:
            text = octets.decode(codec, "strict")
    except (UnicodeError, LookupError, ValueError):
        return None
    # UTF-7 and UTF-16 can smuggle halves of characters, which nothing behind us could encode again
    if codec.startswith(("utf_7", "utf_16", "utf_32")) and _SURROGATES.search(text):
        return None
    return text.removeprefix("\ufeff")


def _replaced(octets: bytes, codec: str) -> str:
    try:
        text = octets.decode(codec, "replace")
    except (UnicodeError, LookupError, ValueError):
        text = octets.decode("utf-8", "replace")
    return _SURROGATES.sub("\ufffd", text)


def _guess(content: bytes) -> str | None:
    import charset_normalizer

    head = content[: caps.GUESS]
    allowed = sorted({codec for found in CODECS.values() for codec in found if not codec.startswith(("utf_7", "hz"))})
    best = charset_normalizer.from_bytes(head, cp_isolation=allowed, preemptive_behaviour=False).best()
    return None if best is None else best.encoding
