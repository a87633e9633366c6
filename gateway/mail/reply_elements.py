"""Tables for `reply_html`: the elements by which mail programs mark quotes and signatures. Data, and look-ups in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from gateway.mail.reply_lines import MarkKind

# From here to the end of the body it is the mail that is answered.
_REST_IDS: Final = frozenset(
    {
        "divrplyfwdmsg",  # Outlook on the web, new Outlook
        "appendonsend",
        "mail-editor-reference-message-container",  # Outlook mobile
        "stopspelling",  # Hotmail
        "zwchr",  # Zimbra
        "replysplit",
    }
)
_REST_CLASSES: Final = frozenset({"outlookmessageheader"})
# The element holds the quote.
_QUOTE_IDS: Final = frozenset({"olk_src_body_section", "isreplycontent", "blockquote_zmail", "qt"})
_QUOTE_CLASSES: Final = frozenset(
    {
        "yahoo_quoted",
        "protonmail_quote",
        "tutanota_quote",
        "zmail_extra",
        "missive_quote",
        "front-blockquote",
        "freshdesk_quote",
        "clean_bq",  # Airmail
        "iosymail",
        "mailspring-quote",
        "nylas-quote",
        "hcsig_quote",
        "wisestamp_quote",
    }
)
_QUOTE_NAMES: Final = frozenset({"quote", "messagereplysection"})  # GMX and web.de; Spark
_QUOTE_PREFIXES: Final = ("aolmsgpart",)
# The element holds "On DATE, NAME wrote:".
_ATTRIBUTION_CLASSES: Final = frozenset({"gmail_attr", "moz-cite-prefix", "aol_quote_attr"})
_ATTRIBUTION_IDS: Final = frozenset({"reply-intro"})  # Roundcube
_SIGNATURE_CLASSES: Final = frozenset(
    {"gmail_signature", "moz-signature", "protonmail_signature_block", "sparrow_signature", "tutanota_signature"}
)
_SIGNATURE_IDS: Final = frozenset(
    {
        "signature",
        "applemailsignature",
        "applemailsignaturebulletin",
        "ms-outlook-mobile-signature",
        "composer_signature",
        "ymail_android_signature",
    }
)
_PREFIX: Final = re.compile(r"(?:x_|ydp[0-9a-f]{1,12}(?=[a-z]))+")
_SIGNATURE_NAMES: Final = frozenset({"messagesignaturesection"})


def _tags(names: str) -> frozenset[str]:
    return frozenset(names.split())


BLOCKS: Final = _tags(
    """
    address article aside blockquote body center dd details div dl dt fieldset figure footer form h1 h2 h3 h4 h5 h6
    header hr li main nav ol p pre section table tbody tr ul
    """
)
SILENT: Final = frozenset(
    {"-comment", "head", "style", "script", "title", "template", "noscript", "meta", "link", "base"}
)
# Start tags that never deepen the tree: void, or closed by the next of their kind.
NEVER_NESTED: Final = _tags(
    "area base br col embed hr img input link meta source track wbr p li td th tr option dt dd o:p"
)


def _names(attributes: Mapping[str, str | None]) -> tuple[str, frozenset[str], str]:
    """Return id, classes and name as the tables know them, without what Outlook and Yahoo put before foreign ones."""
    id_ = _PREFIX.sub("", (attributes.get("id") or "").casefold())
    classes = (attributes.get("class") or "").casefold().split()
    return id_, frozenset(_PREFIX.sub("", word) for word in classes), (attributes.get("name") or "").casefold()


class Look(NamedTuple):
    """What an element says about itself: a mark, that it holds a quoted mail, that it is Gmail's box around one."""

    told: MarkKind | None = None
    quote: bool = False
    gmail: bool = False


_NOTHING: Final = Look()
_ASKED: Final = ("id", "class", "name", "type", "cite")


def look(tag: str, attributes: Mapping[str, str | None], known: dict[tuple[str | None, ...], Look]) -> Look:
    """Return what an element says. `known` remembers answers: the elements of a mail repeat each other."""
    if not attributes:
        return _NOTHING
    key = (tag, *map(attributes.get, _ASKED), "data-signatureblock" if "data-signatureblock" in attributes else None)
    found = known.get(key)
    if found is None:
        gmail = "gmail_quote" in (attributes.get("class") or "")
        found = known[key] = Look(_told(attributes), _is_quote(tag, attributes), gmail)
    return found


def _told(attributes: Mapping[str, str | None]) -> MarkKind | None:
    id_, classes, name = _names(attributes)
    if id_ in _REST_IDS or classes & _REST_CLASSES:
        return MarkKind.ORIGINAL
    if classes & _ATTRIBUTION_CLASSES or id_ in _ATTRIBUTION_IDS:
        return MarkKind.ATTRIBUTION
    if "moz-forward-container" in classes or id_ == "isforwardcontent":
        return MarkKind.FORWARD
    signs = id_ in _SIGNATURE_IDS or bool(classes & _SIGNATURE_CLASSES) or name in _SIGNATURE_NAMES
    if signs or "data-signatureblock" in attributes:
        return MarkKind.SIGNATURE
    return None


def _is_quote(tag: str, attributes: Mapping[str, str | None]) -> bool:
    id_, classes, name = _names(attributes)
    if tag == "blockquote" and ((attributes.get("type") or "").casefold() == "cite" or "gmail_quote" in classes):
        return True
    if tag == "blockquote" and (attributes.get("cite") or "").startswith("mid:"):
        return True
    if id_ in _QUOTE_IDS or id_.startswith(_QUOTE_PREFIXES):
        return True
    return bool(classes & _QUOTE_CLASSES) or (tag == "div" and name in _QUOTE_NAMES)
