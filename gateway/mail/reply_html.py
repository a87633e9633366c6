"""Cuts an HTML body by the same grammar as text, helped by the elements with which mail programs set off a quote.

The tree is flattened into lines, `reply_scan` sorts them, and the leaves of the lines that fall are taken out. Linear:
one walk; trees that are too deep or too big are left alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from selectolax.lexbor import LexborHTMLParser, LexborNode

from gateway.mail import caps
from gateway.mail import reply_elements as elements
from gateway.mail.reply_lines import Line, MarkKind
from gateway.mail.reply_marks import find_mark
from gateway.mail.reply_scan import sort_lines

_LINES: Final = 4_000  # lines that are judged; what stands below is kept, unless a quote began above
_ABOVE: Final = 5  # lines above a plain blockquote in which its attribution stands
_WITHIN: Final = 8  # elements around the first text of a quote
_OBJECT: Final = "\ufffc"  # stands for an image that the author put into the text
_TAG: Final = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:]*)")


@dataclass(frozen=True, slots=True)
class HtmlParts:
    """The HTML without its quotes (None if nothing was cut), and the text of the signature elements."""

    html: str | None
    signature: str | None = None


def read(html: str, *, forwarded: bool = False) -> HtmlParts | None:
    """Return what can be told of an HTML body, not sanitised; None if it is too big to tell. Total."""
    if len(html) > caps.HTML or too_deep(html):
        return None
    try:
        tree = LexborHTMLParser(html)
        body = tree.body
    except (ValueError, RuntimeError):  # selectolax, on input that lexbor refuses
        return None
    if body is None:
        return None
    flat = _Flattener()
    flat.walk(body)
    lines = flat.lines()
    judged = lines[:_LINES]
    parts = sort_lines(judged, forwarded=forwarded)
    signature = "\n".join(judged[index].raw for index in parts.signature) or None
    if not parts.quoted or (len(lines) > _LINES and not parts.ended):
        return HtmlParts(None, signature)
    stay = {*parts.kept, *parts.signature}
    for leaf in flat.leaves:
        if stay.isdisjoint(range(leaf.first, leaf.last + 1)):
            _remove(leaf.node, body)
    return HtmlParts(body.inner_html, signature)


def too_deep(html: str) -> bool:
    """Tell whether elements nest deeper than the tree builder is fast at. Counts start tags without end tags."""
    depth = 0
    for match in _TAG.finditer(html):
        name = match[2].lower()
        if name in elements.NEVER_NESTED:
            continue
        depth = max(0, depth - 1) if match[1] else depth + 1
        if depth > caps.HTML_DEPTH:
            return True
    return False


def _remove(node: LexborNode, body: LexborNode) -> None:
    """Take a leaf out, and the elements around it that are empty then."""
    empty: LexborNode | None = node
    while empty is not None and empty.mem_id != body.mem_id:
        parent = empty.parent
        empty.decompose()
        empty = parent if parent is not None and parent.first_child is None else None


def _begins_with_mark(node: LexborNode) -> bool:
    """Tell whether the text in an element begins with `>`: some programs write both kinds of quote marks."""
    first: LexborNode | None = node
    for _ in range(_WITHIN):
        if first is None or first.tag == "-text":
            break
        first = first.first_child
    return first is not None and first.tag == "-text" and first.text(deep=False).lstrip().startswith(">")


@dataclass(slots=True)
class _Leaf:
    node: LexborNode
    first: int
    last: int


@dataclass(slots=True)
class _Open:
    """What an open element means for the text in it."""

    block: bool
    quote: bool
    told: MarkKind | None
    in_gmail: bool
    preformatted: bool


@dataclass(slots=True)
class _Flattener:
    """Turns a tree into lines, and remembers which leaf stands on which."""

    leaves: list[_Leaf] = field(default_factory=list)
    _done: list[Line] = field(default_factory=list)
    _pieces: list[str] = field(default_factory=list)
    _depth: int = 0
    _told: list[MarkKind] = field(default_factory=list)
    _gmail: int = 0
    _pre: int = 0
    _quoted: bool = False
    _known: dict[tuple[str | None, ...], elements.Look] = field(default_factory=dict)
    _blanks: dict[int, Line] = field(default_factory=dict)  # one empty line for each depth of quotes

    def lines(self) -> list[Line]:
        """Return the lines, the last one closed."""
        self._break()
        return self._done

    def walk(self, body: LexborNode) -> None:
        """Visit every node once, with a stack of our own: depth costs nothing."""
        stack: list[tuple[LexborNode, _Open | None]] = [(body, None)]
        while stack:
            node, opened = stack.pop()
            if opened is not None:
                self._leave(opened)
                continue
            tag = node.tag or ""
            if tag in elements.SILENT:
                self._leaf(node, "")
            elif tag == "-text":
                self._text(node)
            elif tag == "br":
                self._leaf(node, "")
                self._break()
            elif node.first_child is None:
                self._empty(node, tag)
            else:
                stack.append((node, self._enter(node, tag)))
                children: list[tuple[LexborNode, _Open | None]] = []
                child: LexborNode | None = node.first_child
                while child is not None:
                    children.append((child, None))
                    child = child.next
                stack.extend(reversed(children))

    # --- leaves --------------------------------------------------------------------------------------------------

    def _leaf(self, node: LexborNode, text: str) -> None:
        self.leaves.append(_Leaf(node, len(self._done), len(self._done)))
        if text:
            self._pieces.append(text)

    def _text(self, node: LexborNode) -> None:
        text = node.text(deep=False)
        if not self._pre:
            self._leaf(node, text)
            return
        first = len(self._done)
        head, *more = text.split("\n")
        self._pieces.append(head)
        for piece in more:
            self._break()
            self._pieces.append(piece)
        self.leaves.append(_Leaf(node, first, len(self._done)))

    def _empty(self, node: LexborNode, tag: str) -> None:
        attributes = node.attributes
        told = elements.look(tag, attributes, self._known).told
        if told is MarkKind.ORIGINAL:
            self._break()
            self._leaf(node, "")
            self._done.append(Line("", told))
        elif tag == "hr":
            self._break()
            self._leaf(node, "* * *")
            self._break()
        elif tag == "img" and not self._quoted and (attributes.get("src") or "").startswith(("cid:", "data:")):
            self._leaf(node, _OBJECT)
        else:
            self._leaf(node, "")
            if tag in elements.BLOCKS:
                self._break()

    # --- elements ------------------------------------------------------------------------------------------------

    def _enter(self, node: LexborNode, tag: str) -> _Open:
        attributes = node.attributes
        block = tag in elements.BLOCKS
        if block:
            self._break()
        elif tag in {"td", "th"}:
            self._pieces.append(" ")
        told, quote, gmail = elements.look(tag, attributes, self._known)
        if told is MarkKind.ORIGINAL:
            self._break()
            self._done.append(Line("", told))
            told = None
        if tag == "blockquote" and not quote:
            quote = self._attribution_above() or _begins_with_mark(node)
        if gmail and not self._gmail and not quote:
            quote = node.css_first("blockquote") is None and not self._forward_inside(node)
        if (quote or told is not None) and not block:
            block = True  # Outlook for Mac sets its quote into a span
            self._break()
        opened = _Open(block, quote, told, gmail, tag == "pre")
        self._depth += quote
        self._gmail += gmail
        self._pre += opened.preformatted
        if told is not None:
            self._told.append(told)
        return opened

    def _leave(self, opened: _Open) -> None:
        if opened.block:
            self._break()
        self._depth -= opened.quote
        self._gmail -= opened.in_gmail
        self._pre -= opened.preformatted
        if opened.told is not None:
            self._told.pop()

    def _break(self) -> None:
        """Close the current line."""
        if len(self._done) > _LINES:
            self._pieces = []
            return
        self._quoted = self._quoted or self._depth > 0
        text = "".join(self._pieces)
        text = text.rstrip() if self._pre else " ".join(text.split())
        self._pieces = []
        if not text:
            self._gap()
            return
        told = self._told[-1] if self._told and not self._depth else None
        self._done.append(Line("> " * min(self._depth, caps.DEPTH) + text, told))

    def _gap(self) -> None:
        """Write one empty line, however many elements end here: what belongs together stays within reach."""
        depth = min(self._depth, caps.DEPTH)
        if depth not in self._blanks:
            self._blanks[depth] = Line("> " * depth)
        if not self._done or self._done[-1] is not self._blanks[depth]:
            self._done.append(self._blanks[depth])

    def _attribution_above(self) -> bool:
        """Tell whether "NAME wrote:" stands right above: then an unmarked blockquote is a quote."""
        if len(self._done) > _LINES:
            return False
        above = [line for line in self._done[-2 * _ABOVE :] if not line.blank][-_ABOVE:]
        return any(
            (mark := find_mark(above, at)) is not None and mark.kind is MarkKind.ATTRIBUTION and mark.end == len(above)
            for at in range(len(above))
        )

    def _forward_inside(self, node: LexborNode) -> bool:
        first = node.first_child
        while first is not None and first.tag == "-text" and not first.text(deep=False).strip():
            first = first.next
        return first is not None and "forward" in first.text()[: _ABOVE * 20].casefold()
