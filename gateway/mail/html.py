"""Makes a stranger's HTML safe to show: an allow-list of tags and attributes, and nothing that loads by itself.

Remote images stay, disarmed: their address moves to `data-remote-src`, which no browser follows, so that an agent can
choose to see them. Everything else that would reach out (styles with addresses, forms, frames, srcset, media) goes.
"""

from __future__ import annotations

import re
from functools import cache
from html import unescape
from typing import Final, NamedTuple

import nh3

from gateway.mail import caps, html_weight

REMOTE: Final = "data-remote-src"

_TAG_NAMES: Final = """
    a abbr acronym address article aside b bdi bdo big blockquote br caption center cite code col colgroup dd
    del dfn div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main mark
    nav ol p pre q rp rt ruby s samp section small span strike strong sub sup table tbody td tfoot th thead time
    tr tt u ul var wbr
"""
_TAGS: Final = frozenset(_TAG_NAMES.split())
_DROPPED_NAMES: Final = """
    script style title noscript noframes noembed template iframe object applet math svg xml
"""
_DROPPED_WITH_CONTENT: Final = frozenset(_DROPPED_NAMES.split())
_ATTRIBUTES: Final[dict[str, set[str]]] = {
    "*": {"style", "dir", "lang", "align", "valign", "title"},
    "a": {"href", "name"},
    "img": {"src", "alt", "width", "height"},
    "td": {"colspan", "rowspan", "bgcolor", "width"},
    "th": {"colspan", "rowspan", "bgcolor", "width", "scope"},
    "table": {"border", "cellpadding", "cellspacing", "bgcolor", "width"},
    "tr": {"bgcolor"},
    "ol": {"start", "type"},
    "li": {"value"},
    "font": {"color", "size", "face"},
    "col": {"span", "width"},
    "blockquote": {"type"},
}
# None of these can name a resource; _style() drops a value that tries
_STYLES: Final = frozenset(
    {
        "background-color",
        "border-bottom-color",
        "color",
        "direction",
        "font-family",
        "font-size",
        "font-style",
        "font-weight",
        "text-align",
        "text-decoration",
        "text-indent",
        "vertical-align",
        "white-space",
    }
)
_SCHEMES: Final = frozenset({"http", "https", "mailto", "tel", "cid", "data"})
_LINKS: Final = ("http:", "https:", "mailto:", "tel:", "#")
# RFC 2397, for pictures pasted into a text; svg never, it is a document with scripts
_PICTURE: Final = re.compile(r"data:image/(?:png|jpe?g|gif|webp);base64,[A-Za-z0-9+/=\s]*", re.IGNORECASE)
# What stands in `src` between the sanitiser and `_disarm`: a scheme that no browser knows, should it ever stay there
_DISARMED: Final = "x-disarmed:"
_ARMED_SOURCE: Final = f' src="{_DISARMED}'
_SAFE_STYLE: Final = re.compile(r"[^(\\@]*(?:rgba?\([\d.,%\s]*\)[^(\\@]*)*", re.IGNORECASE)
_BLANKS: Final = re.compile(r"[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202f]+")
_ANY_TAG: Final = re.compile(r"<[a-zA-Z/!?][^<>]*>?")
# The serialiser is quadratic in ampersands and in U+0080 to U+00BF of one text. From so many on, they travel through it
# as characters of the private use area, and are themselves again behind it
_SLOW: Final = 2_000
_AMPERSAND: Final = "\ue026"
_STAND_INS: Final = {code: 0xE000 + code for code in range(0x80, 0xC0)}
_OUTWARD: Final[dict[int, int | None]] = {**dict.fromkeys((0xE026, *_STAND_INS.values())), **_STAND_INS}
_BACK: Final[dict[int, int | str]] = {
    **{stand_in: code for code, stand_in in _STAND_INS.items()},
    0xE026: "&amp;",
    0xE0A0: "&nbsp;",
}
_REFERENCE: Final = re.compile(r"&(?:#[0-9]{1,7};?|#[xX][0-9a-fA-F]{1,6};?|[a-zA-Z][a-zA-Z0-9]{1,31};)?")
_WRITTEN: Final = {
    **{character: f"&#{ord(character)};" for character in "<>\"'"},
    **{chr(code): chr(stand_in) for code, stand_in in _STAND_INS.items()},
    "&": _AMPERSAND,
}
_INVISIBLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufff9-\ufffb]")


class Clean(NamedTuple):
    """HTML that is safe to show. `flat`: it was too heavy for a tree, and only its text is left."""

    html: str
    remote_images: int = 0
    flat: bool = False


def sanitise(html: str) -> Clean:
    """Return HTML that is safe to show, and how many remote images were disarmed. Total within the caps."""
    if html_weight.too_heavy(html):
        # What nests or repeats like this was not written by a person, nor by a program for one: text only
        return Clean(_flat(html), flat=True)
    if _slow_signs(html) > _SLOW:
        clean = _cleaner().clean(_REFERENCE.sub(_character, html.translate(_OUTWARD))).translate(_BACK)
    else:
        clean = _cleaner().clean(html)
    clean = _INVISIBLE.sub("", clean)
    if len(clean) > 4 * caps.HTML:
        return Clean(_flat(html), flat=True)
    images = clean.count(_ARMED_SOURCE)
    return Clean(clean.replace(_ARMED_SOURCE, f' {REMOTE}="') if images else clean, images)


def _slow_signs(html: str) -> int:
    """Count what the serialiser is slow at; all of U+0080 to U+00BF begin with one octet."""
    return html.count("&") + (0 if html.isascii() else html.encode("utf-8", "replace").count(b"\xc2"))


def _character(match: re.Match[str]) -> str:
    text = unescape(match[0])
    if text.startswith("&") and len(text) > 1:  # it names no character
        return _AMPERSAND + text[1:]
    return "".join([_WRITTEN.get(character, character) for character in text])


def escaped(text: str) -> str:
    """Return plain text as HTML that shows it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def capped(html: str) -> tuple[str, bool]:
    """Cut HTML to the size that the sanitiser may see, at the beginning of a tag."""
    if len(html) <= caps.HTML:
        return html, False
    cut = html.rfind("<", 0, caps.HTML)
    return html[: cut if cut > 0 else caps.HTML], True


def _flat(html: str) -> str:
    return f"<pre>{escaped(_INVISIBLE.sub('', _ANY_TAG.sub(' ', html)))}</pre>"


@cache
def _cleaner() -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=set(_TAGS),
        clean_content_tags=set(_DROPPED_WITH_CONTENT),
        attributes=_ATTRIBUTES,
        attribute_filter=_attribute,
        filter_style_properties=set(_STYLES),
        url_schemes=set(_SCHEMES),
        url_relative="deny",
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )


def _attribute(_tag: str, name: str, value: str) -> str | None:
    if name == "src":
        return _source(value)
    if name == "href":
        bare = _BLANKS.sub("", value[:40]).lower()
        return value if bare.startswith(_LINKS) else None
    if name == "style":
        return value if len(value) <= caps.STYLE and _SAFE_STYLE.fullmatch(value) else None
    return value


def _source(value: str) -> str | None:
    address = value.strip()
    bare = _BLANKS.sub("", address[:40]).lower()
    if bare.startswith("cid:"):
        return "cid:" + _BLANKS.sub("", address).partition(":")[2]
    if bare.startswith(("http:", "https:")):
        return _DISARMED + address
    return address if _PICTURE.fullmatch(address) else None
