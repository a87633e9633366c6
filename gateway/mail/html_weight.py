"""Weighs HTML before a tree is built of it: tree builders are quadratic in some of what strangers can write.

Three shapes are known to hurt: elements nested deeply, formatting that is left open and opened again in each following
block (HTML standard, "reconstruct the active formatting elements"), and tags with tens of thousands of attributes.
Everything here is counted so that it may be too much, never too little.
"""

from __future__ import annotations

import re
from typing import Final

from gateway.mail import caps

_TAG: Final = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:]{0,40})")
_VOID: Final = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "wbr"})
_FORMATTING_NAMES: Final = "a b big code em font i nobr s small strike strike strong tt u"
_FORMATTING: Final = frozenset(_FORMATTING_NAMES.split())
_NODE: Final = 40  # what a repeated element costs besides its text
_REPEATED: Final = 32 << 20  # characters and nodes that left-open formatting may make
_FEW: Final = 16 << 10  # characters in which no number of attributes takes long
_PIECES: Final = 4_000  # of a tag: twice as many as attributes, if blanks separate them
_READ: Final = 4  # times that a character may be read, as part of one tag inside the other
_TAG_START: Final = re.compile(r"<(?=/?[a-zA-Z])")
# A tag up to its end or, if it has more pieces than that, no further. A quote that nothing closes is no quote here.
_WHOLE_TAG: Final = re.compile(
    rf"""
    </?[a-zA-Z][^\s/>]*
    (?: [\s/]+
      | =?[^\s/>=]+ (?: \s*=\s* (?: "[^"]*" | '[^']*' | [^\s>]* ) )?
      | =+
    ){{0,{_PIECES}}}
    """,
    re.VERBOSE,
)


def too_heavy(html: str) -> bool:
    """Tell whether the tree of this HTML would be deeper, larger or slower to build than anything a person reads."""
    if html.count("<") > caps.HTML_DEPTH and (_deep(html) or _repeating(html)):
        return True
    return len(html) > _FEW and _crowded(html)


def _deep(html: str) -> bool:
    """Count each name's open tags: a closing tag of another name closes nothing."""
    opened: dict[str, int] = {}
    depth = 0
    for match in _TAG.finditer(html):
        name = match[2].lower()
        if not match[1]:
            if name not in _VOID:
                opened[name] = opened.get(name, 0) + 1
                depth += 1
                if depth > caps.HTML_DEPTH:
                    return True
        elif opened.get(name):
            opened[name] -= 1
            depth -= 1
    return False


def _repeating(html: str) -> bool:
    """Add up what every tag would repeat if all formatting that is open there were opened anew in it."""
    opened: dict[str, list[int]] = {}
    size = total = 0
    previous: tuple[str, int] | None = None
    for match in _TAG.finditer(html):
        if previous is not None:  # up to the next tag, text included: more than its length, never less
            length = match.start() - previous[1] + _NODE
            opened.setdefault(previous[0], []).append(length)
            size += length
        name = match[2].lower()
        previous = None
        if match[1]:
            if opened.get(name):
                size -= opened[name].pop()
            continue
        total += size
        if total > _REPEATED:
            return True
        if name in _FORMATTING:
            previous = name, match.start()
    return False


def _crowded(html: str) -> bool:
    """Find a tag with more attributes than any person or program writes.

    Whatever could be the beginning of a tag is taken for one, also in comments, quotes and raw text: whether it is,
    only who builds the tree knows.
    """
    read = 0
    for start in _TAG_START.finditer(html):
        tag = _WHOLE_TAG.match(html, start.start())
        assert tag is not None  # whatever begins one is one
        end = tag.end()
        read += end - start.start()
        if html[end : end + 1] not in {">", ""} or read > _READ * len(html):
            return True
    return False
