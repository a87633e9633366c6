"""Finds the text of a mail in its MIME tree, as real mailers build them, and says which leaves are left as files."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from gateway.mail import caps, charset, flowed, html, html_text, inside
from gateway.mail.inside import InnerFile
from gateway.mail.part import Part

_PLAIN: Final = frozenset({"text/plain", "text", "text/enriched", "text/richtext", "text/x-markdown", "text/markdown"})
_HTML: Final = frozenset({"text/html", "text/xhtml", "application/xhtml+xml"})
_TEXTS: Final = _PLAIN | _HTML
_UNSHOWN: Final = frozenset({"text/x-amp-html"})  # a third form of what plain and HTML say already
_META: Final = re.compile(rb"<meta[^>]{0,200}?charset\s{0,5}=\s{0,5}[\"']?([A-Za-z0-9_:.-]{2,40})", re.IGNORECASE)
_META_LIMIT: Final = 4096
_SHOWN_PARTS: Final = 100  # texts of one mail that are put together
_ENRICHED: Final = re.compile(r"<(/?)([A-Za-z-]{1,60})>|<<")


@dataclass(slots=True)
class Block:
    """One piece of the body: the same content as plain text, as HTML, or as both."""

    plain: list[Part] = field(default_factory=list)
    html: list[Part] = field(default_factory=list)


@dataclass(slots=True)
class Body:
    """What the mail says. `source` is the HTML before the sanitiser, for those who cut quotes by its classes."""

    text: str = ""
    html: str | None = None
    source: str = ""
    remote_images: int = 0
    from_html: bool = False  # there was no plain text: `text` was made from the HTML
    files: list[tuple[Part, list[InnerFile]]] = field(default_factory=list)  # found inside plain texts
    attached: list[Part] = field(default_factory=list)  # leaves that are no part of the text, in order
    defects: list[str] = field(default_factory=list)


def read_body(root: Part) -> Body:
    """Return the body of the tree under `root`, and its other leaves as attached. Total within the caps."""
    collector = _Collector()
    blocks = collector.collect(root)
    if not any(block.plain or block.html for block in blocks):
        blocks = collector.promote(root)
    body = Body(attached=collector.attached)
    if len(blocks) > _SHOWN_PARTS:
        blocks = blocks[:_SHOWN_PARTS]
        body.defects.append("body.too-many-texts")
    _render(blocks, body)
    return body


class _Collector:
    """Walks the tree once and sorts its leaves into texts and files."""

    def __init__(self) -> None:
        self.attached: list[Part] = []

    def collect(self, part: Part) -> list[Block]:
        # The splitter bounds the depth (caps.DEPTH), so recursion is bounded, too
        if not part.children:
            return self._leaf(part)
        if part.content_type == "multipart/alternative":
            return self._alternative(part)
        if part.content_type == "multipart/related":
            return self._related(part)
        return [block for child in part.children for block in self.collect(child)]

    def promote(self, root: Part) -> list[Block]:
        """Take the first named text as the body of a mail that has no other: some mailers name their bodies."""
        for at, part in enumerate(self.attached):
            if part.content_type in _TEXTS and (part.disposition != "attachment" or not part.filename):
                del self.attached[at]
                return [_block(part)]
        if root.content_type.startswith("multipart/") and not root.children and self.attached == [root]:
            self.attached.clear()
            return [Block(plain=[root])]
        return []

    def _leaf(self, part: Part) -> list[Block]:
        if part.content_type in _UNSHOWN:
            return []
        if part.content_type in _TEXTS and part.disposition != "attachment" and not part.filename:
            return [_block(part)]
        self.attached.append(part)
        return []

    def _alternative(self, part: Part) -> list[Block]:
        """RFC 2046 §5.1.4: the same content several times, the richest last. One plain and one HTML form are kept."""
        plain: list[Part] = []
        rich: list[Part] = []
        for child in part.children:
            # A name does not make one of the forms of a body a file: some mailers name them all
            blocks = [_block(child)] if _is_form(child) else self.collect(child)
            found_plain = [leaf for block in blocks for leaf in block.plain]
            found_rich = [leaf for block in blocks for leaf in block.html]
            if not any(not _blank(leaf) for leaf in plain):
                plain = found_plain or plain
            rich = found_rich or rich
        return [Block(plain, rich)] if plain or rich else []

    def _related(self, part: Part) -> list[Block]:
        """RFC 2387 §3.2: a root, and what it refers to. Mailers also put plain siblings there; those are read, too."""
        start = part.params.get("start", "").strip().strip("<>")
        first = next((child for child in part.children if start and child.content_id == start), part.children[0])
        blocks = [_block(first)] if _is_form(first) else self.collect(first)
        for child in part.children:
            if child is first:
                continue
            if child.children or (not child.content_id and not child.first("content-location")):
                more = self.collect(child)
                if any(block.html for block in more) and not any(block.html for block in blocks):
                    blocks = [Block([leaf for block in blocks for leaf in block.plain], more[0].html), *more[1:]]
                else:
                    blocks.extend(more)
            else:
                self.attached.append(child)
        return blocks


def _block(part: Part) -> Block:
    return Block(html=[part]) if part.content_type in _HTML else Block(plain=[part])


def _is_form(part: Part) -> bool:
    return not part.children and part.content_type in _TEXTS and part.disposition != "attachment"


def _blank(part: Part) -> bool:
    return not part.text().strip()


def _render(blocks: list[Block], body: Body) -> None:
    texts: list[str] = []
    pieces: list[tuple[str, str]] = []  # HTML before and after the sanitiser
    budget = caps.HTML
    rich = any(block.html for block in blocks)
    for block in blocks:
        plain = [text for text in (plain_text(part, body) for part in block.plain) if text.strip()]
        sources = [html_source(part, body) for part in block.html]
        cleaned: list[str] = []
        for whole in sources:
            source, cut = html.capped(whole[: budget + 1] if len(whole) > budget else whole)
            budget -= len(source)
            if cut or budget < 0:
                body.defects.append("html.too-long")
            clean = html.sanitise(source)
            body.remote_images += clean.remote_images
            cleaned.append(clean.html)
            pieces.append(("" if clean.flat else source, clean.html))
            if clean.flat:
                body.defects.append("html.too-heavy")
        if plain:
            texts.extend(plain)
            if rich and not cleaned:
                pieces.extend((shown, shown) for shown in map(as_html, plain))
        elif cleaned:
            made = [html_text.to_text(clean) for clean in cleaned]
            body.from_html = body.from_html or any(made)
            texts.extend(text for text in made if text)
    body.text = "\n\n".join(text.strip("\n") for text in texts) if len(texts) > 1 else "".join(texts)
    if len(body.text) > caps.TEXT:
        body.text = body.text[: caps.TEXT]
        body.defects.append("text.too-long")
    if rich:
        body.source = "<hr>".join(source for source, _ in pieces)
        body.html = "<hr>".join(clean for _, clean in pieces)


def plain_text(part: Part, body: Body) -> str:
    """Return a plain text part as it is read: files taken out, soft line breaks undone."""
    content = part.content()
    rest, files = inside.extract(content)
    if files:
        body.files.append((part, files))
        text, defects = charset.decode_body(rest, part.charset)
        part.defects.extend(defects)
    else:
        text = part.text()
    if part.params.get("format", "").lower() == "flowed":
        text = flowed.unflow(text, delsp=part.params.get("delsp", "").lower() == "yes")
    if part.content_type in {"text/enriched", "text/richtext"}:
        # RFC 1896: commands in angle brackets, "<<" for one of them
        text = _ENRICHED.sub(lambda match: "<" if match[0] == "<<" else "", text)
    return text


def html_source(part: Part, body: Body) -> str:
    """Return an HTML part as text; a charset that only the HTML itself declares is used."""
    if part.charset:
        return part.text()
    content = part.content()
    match = _META.search(content[:_META_LIMIT])
    text, defects = charset.decode_body(content, match[1].decode("ascii") if match else "")
    body.defects.extend(defects)
    return text


def as_html(text: str) -> str:
    """Return plain text as HTML with its line ends."""
    return f"<div>{html.escaped(text).replace(chr(10), '<br>')}</div>"
