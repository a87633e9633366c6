"""HTML as a person would type it: paragraphs, lists, tables, quotes and links as text. One pass, no tree.

Reads the sanitiser's output, whose tags are well formed and whose attributes never hold a bare angle bracket.
"""

from __future__ import annotations

import re
from html import unescape
from typing import Final

_PIECE: Final = re.compile(r"<(/?)([a-z][a-z0-9]*)([^<>]*)>|([^<]+)|<")
_ATTRIBUTE: Final = re.compile(r'\s(href|alt|start|value|src|data-remote-src)="([^"]*)"')
_BLANKS: Final = re.compile(r"[ \t\r\n\f]+")
_MANY_LINES: Final = re.compile(r"\n[ \t]*(?:\n[ \t]*)+\n")
_PARAGRAPH_NAMES: Final = """
    p h1 h2 h3 h4 h5 h6 ul ol dl table pre blockquote figure
"""
_PARAGRAPHS: Final = frozenset(_PARAGRAPH_NAMES.split())
_LINE_NAMES: Final = """
    div tr li dt dd address article aside caption center figcaption footer header main nav section
"""
_LINES: Final = frozenset(_LINE_NAMES.split())
_BUFFERED: Final = frozenset({"blockquote", "td", "th"})
_MAX_BUFFERS: Final = 24  # nested quotes and tables that keep their shape; deeper ones become plain lines
_MAX_ADDRESS: Final = 300  # characters of a link's address that are worth reading


def to_text(html: str) -> str:
    """Return the text of sanitised HTML. Total; linear."""
    return _Writer().write(html)


class _Writer:
    """What was written so far. Quotes and table cells are written aside and put in place when they end."""

    def __init__(self) -> None:
        self._out: list[str] = []
        self._stack: list[tuple[str, list[str], int]] = []  # tag, what was being written, line ends owed there
        self._rows: list[list[str]] = []  # finished cells of the open rows
        self._lists: list[int | None] = []  # next number of each open list; None for bullets
        self._link: list[tuple[str, int]] = []  # address, and where its text begins
        self._pre = 0
        self._fresh = True  # at the beginning of a line: blanks are not written
        self._gap = 0  # line ends owed before the next text
        self._ended = False  # <br> ended a line of text: a block that ends here owes one line end less

    def write(self, html: str) -> str:
        for match in _PIECE.finditer(html):
            closing, tag, attributes, text = match.group(1, 2, 3, 4)
            if text is not None:
                self._text(unescape(text) if "&" in text else text)
            elif tag is None:
                self._text("<")
            elif closing:
                self._close(tag)
            else:
                self._open(tag, attributes)
        while self._stack:
            self._pop()
        text = "".join(self._out).replace("\xa0", " ")
        return _MANY_LINES.sub("\n\n", text).strip("\n").rstrip()

    # --- text ------------------------------------------------------------------------------------------------

    def _text(self, text: str) -> None:
        if self._pre:
            if text.startswith("\n") and self._gap:
                text = text[1:]
        else:
            text = _BLANKS.sub(" ", text)
            if self._fresh or self._gap:
                text = text.lstrip(" ")
        if not text:
            return
        self._settle()
        self._out.append(text)
        self._fresh = text.endswith((" ", "\n"))

    def _settle(self) -> None:
        """Write the line ends that are owed."""
        if self._gap:
            if self._out:
                last = self._out[-1].rstrip(" ")
                self._out[-1] = last
                self._out.append("\n" * (self._gap - self._ended))
            self._gap = 0
            self._fresh = True
        self._ended = False

    def _break(self, lines: int) -> None:
        self._gap = max(self._gap, lines)

    # --- tags ------------------------------------------------------------------------------------------------

    def _open(self, tag: str, attributes: str) -> None:
        if tag == "br":
            self._settle()
            self._ended = bool(self._out) and not self._out[-1].endswith("\n")
            self._out.append("\n")
            self._fresh = True
        elif tag == "hr":
            self._break(1)
            self._text("-" * 40)
            self._break(1)
        elif tag == "img":
            self._image(attributes)
        elif tag == "a":
            self._link.append((_attribute(attributes, "href"), len(self._out)))
        elif tag in _PARAGRAPHS or tag in _LINES or tag in _BUFFERED:
            self._block(tag, attributes)

    def _block(self, tag: str, attributes: str) -> None:
        if tag not in {"td", "th"}:
            self._break(2 if tag in _PARAGRAPHS and not (tag in {"ul", "ol"} and self._lists) else 1)
        if tag in _BUFFERED and len(self._stack) < _MAX_BUFFERS:
            self._push(tag)
        elif tag in {"td", "th"}:
            self._break(1)
        elif tag == "tr":
            self._rows.append([])
        elif tag in {"ul", "ol"}:
            start = _attribute(attributes, "start")
            self._lists.append(None if tag == "ul" else int(start) if start.isdecimal() and len(start) < 9 else 1)  # noqa: PLR2004
        elif tag == "li":
            self._item()
        elif tag == "pre":
            self._pre += 1

    def _close(self, tag: str) -> None:
        if tag == "a":
            self._end_link()
        elif tag in _BUFFERED:
            if any(entry[0] == tag for entry in self._stack):
                while self._pop() != tag:
                    pass
            elif tag == "blockquote":
                self._break(2)
        elif tag in _PARAGRAPHS or tag in _LINES:
            self._end_block(tag)

    def _end_block(self, tag: str) -> None:
        if tag == "tr" and self._rows:
            self._row(self._rows.pop())
        elif tag in {"ul", "ol"} and self._lists:
            self._lists.pop()
        elif tag == "pre":
            self._pre = max(self._pre - 1, 0)
        self._break(2 if tag in _PARAGRAPHS and not (tag in {"ul", "ol"} and self._lists) else 1)

    def _item(self) -> None:
        depth = max(len(self._lists) - 1, 0)
        number = self._lists[-1] if self._lists else None
        mark = "- "
        if self._lists and number is not None:
            mark = f"{number}. "
            self._lists[-1] = number + 1
        self._settle()
        self._out.append("  " * min(depth, 10) + mark)
        self._fresh = True

    # --- links and pictures ----------------------------------------------------------------------------------

    def _image(self, attributes: str) -> None:
        alt = _attribute(attributes, "alt").strip()
        if alt:
            # Short ones are emoji and bullets; longer ones describe a picture
            self._text(alt if len(alt) <= 3 else f"[{alt}]")  # noqa: PLR2004

    def _end_link(self) -> None:
        if not self._link:
            return
        address, begin = self._link.pop()
        text = "".join(self._out[begin:]).strip() if len(self._out) - begin < 50 else ""  # noqa: PLR2004
        kind, _, target = address.partition(":")
        if not text or len(address) > _MAX_ADDRESS or kind not in {"http", "https", "mailto"}:
            return
        bare = target.lstrip("/").rstrip("/").partition("?")[0] if kind == "mailto" else target.strip("/")
        if bare.removeprefix("www.").lower() not in text.lower():
            self._text(f" <{address if kind != 'mailto' else bare}>")

    # --- what is written aside -------------------------------------------------------------------------------

    def _push(self, tag: str) -> None:
        if tag == "blockquote":
            self._settle()
        self._stack.append((tag, self._out, self._gap))
        self._out, self._gap, self._fresh, self._ended = [], 0, True, False

    def _pop(self) -> str:
        tag, outer, owed = self._stack.pop()
        text = _MANY_LINES.sub("\n\n", "".join(self._out)).strip("\n").rstrip()
        self._out, self._fresh, self._ended = outer, False, False
        if tag == "blockquote":
            self._gap = 0
            if text:
                self._out.append("\n".join(f"> {line}".rstrip() for line in text.split("\n")))
            self._break(2)
        else:
            self._gap = owed
            if self._rows:
                self._rows[-1].append(text)
            elif text:
                self._break(1)
                self._settle()
                self._out.append(text)
                self._break(1)
        return tag

    def _row(self, cells: list[str]) -> None:
        filled = [cell for cell in cells if cell]
        if not filled:
            return
        self._break(1)
        self._settle()
        # A cell of several lines is a layout, not a table of figures
        self._out.append(("\n" if any("\n" in cell for cell in filled) else " | ").join(filled))
        self._fresh = False


def _attribute(attributes: str, name: str) -> str:
    if name not in attributes:
        return ""
    for key, value in _ATTRIBUTE.findall(attributes):
        if key == name:
            return unescape(value)
    return ""
