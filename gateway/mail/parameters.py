"""Reads structured field values of MIME: a token and its parameters, RFC 2231 and what mailers send in its place."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote_to_bytes

from gateway.mail import caps, charset, words

_PARAMETER: Final = re.compile(r"""([^\s=;"]+) \s*=\s* (?: "((?:[^"\\]|\\.)*)"? | ([^;]*) )""", re.VERBOSE | re.DOTALL)
_SEPARATORS: Final = re.compile(r"[;\s]*")
_SECTION: Final = re.compile(r"([^*]+)(?:\*(\d{1,4}))?(\*)?")
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_COMMENT: Final = re.compile(r"\([^()]*\)")


def token(value: str) -> str:
    """Return the leading token of a field in lower case, without comments and parameters: "7bit" of "7Bit (x)"."""
    value = value[: caps.FIELD]
    if "(" in value:
        value = _COMMENT.sub(" ", value)
    return value.partition(";")[0].strip().strip("\"'").strip().lower()


def parse(value: str) -> tuple[str, dict[str, str]]:
    """Return the leading token in lower case and the parameters, names in lower case, values decoded. Total.

    A parameter that stands twice counts once, the first. RFC 2231 forms win over plain ones of the same name.
    """
    head, _, rest = value.partition(";")
    kind = _tight(token(head))
    first, blank, lost = kind.partition(" ")
    if blank and "/" in first:  # the semicolon is missing: `text/html charset=utf-8`
        kind, rest = first, f"{_tight(head.strip())[len(first) :]};{rest}"
    elif "=" in first or lost.startswith("="):  # the token is missing: `charset=utf-8`
        kind, rest = "", value
    if not rest.strip():
        return kind, {}
    return kind, _decoded(_raw_parameters(rest))


def _tight(text: str) -> str:
    """Take the blanks around slashes away: `text / plain`."""
    return "/".join([piece.strip() for piece in text.split("/")]) if "/" in text else text


def _raw_parameters(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    at = 0
    while len(found) < caps.PARAMETERS:
        separators = _SEPARATORS.match(text, at)
        at = separators.end() if separators else at
        match = _PARAMETER.match(text, at)
        if match is None:
            at = text.find(";", at)
            if at < 0:
                break
            continue
        name, quoted, plain = match.group(1, 2, 3)
        if quoted is not None:
            found.append((name.lower(), _ESCAPE.sub(r"\1", quoted) if "\\" in quoted else quoted))
        else:
            plain = plain.strip()
            if "(" in plain and plain.endswith(")"):
                plain = _COMMENT.sub("", plain).strip() or plain
            found.append((name.lower(), plain.strip("'") if plain[:1] == "'" == plain[-1:] else plain))
        at = match.end()
    return found


def _decoded(raw: list[tuple[str, str]]) -> dict[str, str]:
    plain: dict[str, str] = {}
    sections: dict[str, dict[int, tuple[str, bool]]] = {}
    for name, value in raw:
        match = _SECTION.fullmatch(name) if "*" in name else None
        if match is None:
            plain.setdefault(name, value)
        else:
            number = int(match[2]) if match[2] else 0
            sections.setdefault(match[1], {}).setdefault(number, (value, bool(match[3])))
    for name, value in plain.items():
        # Deviation: RFC 2047 §5 forbids encoded words in parameters; many mailers write nothing else
        plain[name] = words.decode(value) if "=?" in value else value
    for name, pieces in sections.items():
        plain[name] = _joined(pieces)
    return plain


def _joined(pieces: dict[int, tuple[str, bool]]) -> str:
    """Join the sections of one parameter (RFC 2231 §3, §4). A missing section ends it, as in RFC 2231 §3."""
    encoding = ""
    octets: list[bytes] = []
    for expected, number in enumerate(sorted(pieces), 1 if 0 not in pieces else 0):  # some count from one
        if number != expected:
            break
        value, encoded = pieces[number]
        if encoded and not octets and value.count("'") >= 2:  # noqa: PLR2004 - charset'language'text
            encoding, _, value = value.split("'", 2)
        octets.append(unquote_to_bytes(value) if encoded else value.encode("utf-8", "surrogateescape"))
    text = charset.decode_words(b"".join(octets), encoding)
    return words.decode(text) if "=?" in text else text
