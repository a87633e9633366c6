"""Addresses: a strict grammar of our own for what mails claim, and the forms under which addresses are compared.

Nothing here looks anything up. A text that two readers could take for two different addresses is no address.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Final

from publicsuffixlist import PublicSuffixList

from gateway.mail import caps, words
from gateway.mail.providers import FREE_MAIL, GMAIL
from gateway.model import Mailbox

_ATEXT: Final = r"A-Za-z0-9!#$%&'*+/=?^_`{|}~\-"
# Deviation: RFC 5321 §4.1.2 forbids dots at the ends of a local part and two in a row; Japanese carriers hand them out
_LOCAL: Final = re.compile(rf'(?:[{_ATEXT}.\u0080-\U0010ffff]+|"(?:[^"\\\x00-\x1f\x7f]|\\[^\x00-\x1f\x7f])+")')
# Deviation: RFC 1035 §2.3.1 knows no underscore in host names; mail comes from such hosts
_DOMAIN: Final = re.compile(r"(?:[\w-]{1,63}\.)*[\w-]{1,63}|\[[0-9A-Fa-f:.IPv]{3,45}\]")
_UNSEEN: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_CONTROLS: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]+")
_BLANKS: Final = re.compile(r"\s+")
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_TOKEN: Final = re.compile(r'\(|([<>,;:@])|\s+|[^\s"(<>,;:@]+|.', re.DOTALL)
_PAREN: Final = re.compile(r"\\.|[()]", re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_SIGNED: Final = ("prvs=", "btv1==", "msprvs1=")
# VERP: what a mailing program writes between separators to tell its own mails apart
_SERIAL: Final = re.compile(r"(?<=[-_.=])(?:[0-9]{3,}|(?=[a-f]*[0-9])[0-9a-f]{8,})(?=[-_.=]|$)")


def header_safe(text: str, limit: int) -> str:
    """Return `text` fit for one header line and for a page: no controls, no bidi controls, at most `limit` characters.

    Line ends and runs of blanks become one space.
    """
    return _BLANKS.sub(" ", _CONTROLS.sub(" ", text[: 4 * limit + 64])).strip()[:limit].rstrip()


def is_valid(address: str) -> bool:
    """Tell whether `address` is one plain addr-spec: ASCII or internationalised, one unquoted @, within the limits."""
    if len(address) > caps.ADDRESS or _UNSEEN.search(address):
        return False
    local, at, domain = address.rpartition("@")
    if not at or not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        return False
    if address.isascii():
        return len(local) <= caps.LOCAL_PART and not domain.startswith("-") and domain != "--"
    return len(local.encode()) <= caps.LOCAL_PART and len(address.encode()) <= caps.ADDRESS and _ascii(domain) != ""


# --- forms for comparing -------------------------------------------------------------------------------------


def _ascii(domain: str) -> str:
    """Return the domain in lower case with A-labels, "" if it has none or is longer than any (RFC 5321 §4.5.3.1.2)."""
    return "" if len(domain) > caps.ADDRESS else _a_labels(domain)


@lru_cache(maxsize=4096)
def _a_labels(domain: str) -> str:
    """Return the domain in lower case with A-labels (RFC 5890), "" if it has none."""
    if domain.isascii():
        return domain.lower()
    import idna

    try:
        return idna.encode(domain, uts46=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError, IndexError, ValueError):
        return ""


def normal(address: str) -> str:
    """Return the address in lower case, its domain as A-labels. What is no address comes back in lower case, capped."""
    return _normal(address[: caps.NO_ADDRESS])  # longer than any address and its blanks: its beginning is worth work


@lru_cache(maxsize=4096)  # while a mail is judged, the same few addresses are asked for again and again
def _normal(address: str) -> str:
    local, at, domain = address.strip().rpartition("@")
    if not at:
        return domain.lower()
    return f"{local.lower()}@{_ascii(domain) or domain.lower()}"


def domain_of(address: str) -> str:
    """Return the domain of an address, normalised; "" if there is none."""
    return normal(address).rpartition("@")[2] if "@" in address else ""


def identity(address: str) -> str:
    """Return the form under which people are told apart (I5): two addresses with one form have the same owner.

    Lower case; no +tag (RFC 5233 §1); no BATV signature; dots of Gmail addresses folded. Digits and `=` stay: jan-1984@
    and jan-1985@ are two people, and so are a=example.org@ and a=example.com@ of one forwarder.
    """
    return _identity(address[: caps.NO_ADDRESS])


@lru_cache(maxsize=4096)
def _identity(address: str) -> str:
    local, at, domain = _normal(address).rpartition("@")
    if not at:
        return domain
    if local.startswith(_SIGNED):  # BATV: the address proper stands behind the signature
        local = local.rpartition("=")[2]
    local = local.partition("+")[0] or local
    return f"{local.replace('.', '')}@gmail.com" if domain in GMAIL else f"{local}@{domain}"


def canonical(address: str) -> str:
    """Return the form under which automatic mail is counted (I2): one mailbox, however a program varies the address.

    The `identity` without =tag, and serial numbers between separators become 0, unless the domain is a free-mail
    provider's, where digits are part of people's names. Too coarse to say who somebody is.
    """
    return _canonical(address[: caps.NO_ADDRESS])


@lru_cache(maxsize=4096)
def _canonical(address: str) -> str:
    local, at, domain = _identity(address).rpartition("@")
    if not at:
        return domain
    local = local.partition("=")[0] or local
    return f"{local}@{domain}" if domain in FREE_MAIL else f"{_SERIAL.sub('0', local)}@{domain}"


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList(accept_unknown=True)  # 10,000 rules, read when first needed


def warm_up() -> None:
    """Read the list of public suffixes now: it takes half a second, for which no mail should wait."""
    _suffixes()


def organisation(address: str) -> str | None:
    """Return the registrable domain of an address or domain; None for free-mail providers and for what has none."""
    return _organisation(domain_of(address) if "@" in address else _ascii(address.strip().strip(".")))


@lru_cache(maxsize=4096)
def _organisation(domain: str) -> str | None:
    if not domain or len(domain) > caps.ADDRESS or domain in FREE_MAIL or domain.startswith("["):
        return None
    registrable = _suffixes().privatesuffix(domain)
    if registrable is None or registrable in FREE_MAIL:
        return None
    return registrable


def matches(pattern: str, address: str) -> bool:
    """Tell whether an operator's pattern covers `address`.

    An address covers itself and its +tags; `example.org` and `@example.org` cover that domain, `*.example.org` every
    domain below it, and a `*` in an address any run of characters, as in `noreply@*` or `*@lists.example.org`.
    """
    pattern, seen = pattern.strip(), normal(address)
    if not pattern or "@" not in seen:
        return False
    if "@" not in pattern or pattern.startswith("@"):
        pattern = f"*@{pattern.removeprefix('@')}"
    before, below, after = pattern.partition("@*.")
    wanted = f"{before.lower()}@*.{_ascii(after) or after.lower()}" if below else normal(pattern)
    if "*" not in wanted:
        return wanted == seen or wanted == _without_tag(seen)
    local, _, domain = wanted.rpartition("@")
    seen_local, _, seen_domain = seen.rpartition("@")
    return _glob(domain, seen_domain) and (_glob(local, seen_local) or _glob(local, seen_local.partition("+")[0]))


def _without_tag(address: str) -> str:
    local, _, domain = address.rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"


def _glob(pattern: str, text: str) -> bool:
    """Match `*` without backtracking: each piece is looked for once, from left to right."""
    head, *rest = pattern.split("*")
    if not rest:
        return pattern == text
    *middle, tail = rest
    if len(text) < len(head) + len(tail) or not text.startswith(head) or not text.endswith(tail):
        return False
    at, end = len(head), len(text) - len(tail)
    for piece in middle:
        at = text.find(piece, at, end)
        if at < 0:
            return False
        at += len(piece)
    return True


# --- the header grammar --------------------------------------------------------------------------------------


def parse_mailboxes(value: str) -> tuple[Mailbox, ...]:
    """Return the mailboxes that an address field names (RFC 5322 §3.4), groups opened, names decoded. Total.

    `value` is the unfolded field, encoded words still encoded. What is not clearly one address is left out.
    """
    found: list[Mailbox] = []
    if len(value) > caps.FIELD:
        value = value[: caps.FIELD].rpartition(",")[0]
    lost_name = ""  # `Doe, Jane <jane@…>` without quotes: the comma parted one name
    for element in _elements(value):
        box, name = element.mailbox()
        if box is None:
            lost_name = name if name and not element.angled else ""
            continue
        if lost_name and box.name and element.angled:
            box = Mailbox(header_safe(f"{lost_name}, {box.name}", caps.FIELD), box.address)
        lost_name = ""
        found.append(box)
        if len(found) >= caps.ADDRESSES:
            break
    return tuple(found)


def display(value: str) -> str:
    """Return an address field as a person reads it: words decoded, one line, no controls."""
    return header_safe(words.decode(value), caps.FIELD)


class _Element:
    """What stands between two commas."""

    __slots__ = ("angle", "angled", "broken", "comments", "outside")

    def __init__(self) -> None:
        self.outside: list[str] = []  # words before <…>, or the bare address
        self.angle: list[str] = []
        self.comments: list[str] = []
        self.angled = False
        self.broken = False

    def mailbox(self) -> tuple[Mailbox | None, str]:
        """Return the mailbox, or None and the words that were there."""
        name = "".join(self.outside).strip()
        if self.broken:
            return None, ""
        if self.angled:
            address = "".join(self.angle).strip()
            if address.startswith("@") and ":" in address:  # RFC 5322 §4.4: an obsolete route
                address = address.partition(":")[2].strip()
        else:
            address, name = name, ""
        if not is_valid(address):
            return None, words.decode(name or address)
        if not name and self.comments:
            # RFC 5322 §3.4: the comment behind a bare address is where old mailers put the name
            name = self.comments[-1]
        return Mailbox(header_safe(words.decode(name), caps.FIELD), address), name


def _elements(value: str) -> Iterator[_Element]:
    """Cut an address list at commas, semicolons and group names. One pass; each character is looked at once."""
    element = _Element()
    inside = False
    closed = True  # every quotation mark so far had its end: else it would be looked for again and again
    at = 0
    while at < len(value):
        quoted = _QUOTED.match(value, at) if closed and value[at] == '"' else None
        closed = closed and (quoted is not None or value[at] != '"')
        match = quoted or _TOKEN.match(value, at)
        if match is None:  # cannot be: the last branch takes any character
            break
        at = match.end()
        text, special = match[0], None if quoted else match[1]
        if text == "(":
            comment, at = _comment(value, at)
            element.comments.append(comment)
        elif special == "<" and not inside:
            element.broken = element.broken or element.angled
            inside = element.angled = True
        elif special == ">":
            element.broken = element.broken or not inside
            inside = False
        elif special in {",", ";"} and not (inside and special == ","):
            yield element
            element, inside = _Element(), False
        elif special == ":" and not inside:
            element = _Element()  # the name of a group
        elif quoted and not inside and value[at : at + 1] != "@":
            element.outside.append(_ESCAPE.sub(r"\1", quoted[1]))
        elif inside:
            element.angle.append(text)
        elif element.angled and text.strip():
            # Words behind <…> belong to nobody; an address there would be a second one
            element.broken = element.broken or "@" in text
        else:
            element.outside.append(text)
    yield element


def _comment(value: str, at: int) -> tuple[str, int]:
    """Return the text of the comment that begins before `at`, and where it ends. Counts depth, never recurses."""
    depth = 1
    start = at
    for match in _PAREN.finditer(value, at):
        if match[0] == "(":
            depth += 1
        elif match[0] == ")":
            depth -= 1
            if not depth:
                return _ESCAPE.sub(r"\1", value[start : match.start()]), match.end()
    return "", len(value)
