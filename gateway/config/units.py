"""The small languages inside configuration values: sizes, durations, rates, addresses, listeners, colours.

Each refuses what it does not understand with a problem and a cure; none of them touches a file or the network.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, Strict
from pydantic_core import PydanticCustomError

SIZE_UNITS = {"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "kb": 10**3, "mb": 10**6, "gb": 10**9, "b": 1}
DURATION_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
MAX_ADDRESS_OCTETS = 254  # RFC 5321 §4.5.3.1.3: a path of 256 octets, less its angle brackets
MAX_LABEL = 63  # RFC 1035 §2.3.4
MAX_PORT = 65535


def refuse(problem: str, cure: str) -> PydanticCustomError:
    """Return the error that carries a problem and its cure through pydantic."""
    return PydanticCustomError("poterne", "{problem}", {"problem": problem, "cure": cure})


def parse_size(value: object) -> object:
    """Turn `50MiB`, `64KiB`, `1GiB` or a plain number into octets."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise refuse("is not a size", "write a number of octets, or a number with KiB, MiB or GiB, as 50MiB")
    if isinstance(value, int):
        return int(value)
    found = re.fullmatch(r"([0-9]{1,15})\s*([a-z]*)", value.strip().lower())
    factor = SIZE_UNITS.get(found[2] or "b") if found else None
    if found is None or factor is None:
        raise refuse(f"{shown(value)} is not a size", "write a number with KiB, MiB or GiB, as 50MiB")
    return int(found[1]) * factor


def parse_duration(value: object) -> object:
    """Turn `10min`, `24h`, `7d`, `30s` into a timedelta."""
    if isinstance(value, timedelta):
        return value
    cure = "write a number with s, min, h or d, as 10min"
    if not isinstance(value, str):
        raise refuse(f"{shown(value)} is not a duration", cure)
    found = re.fullmatch(r"([0-9]{1,9})\s*([a-z]+)", value.strip().lower())
    seconds = DURATION_UNITS.get(found[2]) if found else None
    if found is None or seconds is None:
        raise refuse(f"{shown(value)} is not a duration", cure)
    return timedelta(seconds=int(found[1]) * seconds)


def positive(value: timedelta) -> timedelta:
    """Return `value` if it is above zero: a limit of no time would let nothing happen."""
    if value <= timedelta(0):
        raise refuse("is out of range", "use a value above 0s")
    return value


def duration(text: str) -> timedelta:
    """Return the time that `text` (`10min`, `24h`) names. Raises ValueError."""
    parsed = parse_duration(text)
    assert isinstance(parsed, timedelta)
    return parsed


def rate(text: str) -> tuple[int, timedelta]:
    """Return the count and the window of `30/min` or `10000/d`. Raises ValueError."""
    found = re.fullmatch(r"([1-9][0-9]{0,8})\s*/\s*([0-9]*)\s*([a-z]+)", text.strip().lower())
    seconds = DURATION_UNITS.get(found[3]) if found else None
    if found is None or seconds is None:
        raise refuse(f"{shown(text)} is not a rate", "write a number, a slash and a time, as 30/min or 10000/d")
    return int(found[1]), timedelta(seconds=int(found[2] or "1") * seconds)


def address(text: str) -> str:
    """Return `text` if it is one addr-spec that mail can be sent to. Raises ValueError with the reason."""
    from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

    if not text.isprintable():
        raise refuse(f"{shown(text)} is not an address: it holds a control character", "write it as name@example.org")
    # Desks live in .local and tests in .test, too: the syntax counts, not what the public DNS would say. The library
    # refuses such names always, so a public ending stands in for them.
    reserved = text.rpartition(".")[2].rpartition("@")[2].casefold() in SPECIAL_USE_DOMAIN_NAMES
    try:
        validate_email(
            f"{text}.example" if reserved else text,
            check_deliverability=False,
            globally_deliverable=False,
            strict=True,  # RFC 5321 §4.5.3.1.1: at most 64 octets of local part
        )
    except EmailNotValidError as error:
        reason = str(error).rstrip(".")
        raise refuse(f"{shown(text)} is not an address: {reason}", "write it as name@example.org") from None
    if len(text.encode()) > MAX_ADDRESS_OCTETS:
        raise refuse(f"{shown(text)} is too long for an address", f"use at most {MAX_ADDRESS_OCTETS} octets")
    return text


def mailbox(text: str) -> str:
    """Return `text` if it is `Name <address>` or an address. Raises ValueError."""
    name, spec = split_mailbox(text)
    if not name.isprintable():
        raise refuse(f"{shown(text)} holds a control character", "write it as Example Support <support@example.org>")
    address(spec)
    return text


def split_mailbox(text: str) -> tuple[str, str]:
    """Return display name and address of `Name <address>`; the name may be empty or quoted."""
    found = re.fullmatch(r"\s*(.*?)\s*<([^<>]*)>\s*", text, flags=re.DOTALL)
    if not found:
        return "", text.strip()
    name = found[1]
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    return name, found[2].strip()


def folded(text: str) -> str:
    """Return an address as it is compared: without case, its domain in ASCII (IDNA)."""
    local, _, domain = text.rpartition("@")
    try:
        domain = domain.encode("ascii").decode()
    except UnicodeEncodeError:
        import idna

        domain = idna.encode(domain.casefold(), uts46=True).decode()
    return f"{local.casefold()}@{domain.casefold()}"


def domain_of(text: str) -> str:
    """Return the folded domain of an address or of `Name <address>`."""
    return folded(split_mailbox(text)[1]).rpartition("@")[2]


def domain(text: str) -> str:
    """Return `text` if it is a domain name with at least two labels. Raises ValueError."""
    try:
        ascii_name = text if text.isascii() else folded(f"x@{text}").rpartition("@")[2]
    except UnicodeError:
        ascii_name = ""
    labels = ascii_name.split(".")
    fine = all(re.fullmatch(r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?", x) and len(x) <= MAX_LABEL for x in labels)
    if len(labels) < 2 or not fine or len(ascii_name) > MAX_ADDRESS_OCTETS:  # noqa: PLR2004 - host and domain
        raise refuse(f"{shown(text)} is not a domain name", "write it in full, as tickets.example.org")
    return text


def selector(text: str) -> str:
    """Return `text` if it can stand in front of `._domainkey` (RFC 6376 §3.1). Raises ValueError."""
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?", text) or ".." in text:
        raise refuse(f"{shown(text)} is not a selector", "use letters, digits and hyphens, as p2026")
    return text


def pattern(text: str) -> str:
    """Return `text` if it is an address, a domain or a wildcard over them. Raises ValueError."""
    if not re.fullmatch(r"[^\s,;<>()\"]{1,254}", text) or text in {"*", "*@*", "@", "*."} or text.count("@") > 1:
        raise refuse(
            f"{shown(text)} is not a usable pattern",
            "write an address, a domain (example.org, *.example.org) or a wildcard (noreply@*)",
        )
    return text


def colour(text: str) -> str:
    """Return `text` if it is `#rrggbb`. Raises ValueError."""
    if not re.fullmatch(r"#[0-9A-Fa-f]{6}", text):
        raise refuse(f"{shown(text)} is not a colour", 'write six hexadecimal digits in quotes, as "#2f6fde"')
    return text


def name(text: object) -> str:
    """Return `text` if it can name a queue, a channel or a connection in logs, labels and commands."""
    if not isinstance(text, str) or not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", text):
        raise refuse(
            f"{shown(text)} is not a usable name", "use up to 40 lower-case letters, digits, hyphens and underscores"
        )
    return text


@dataclass(frozen=True, slots=True)
class Tcp:
    """A TCP listener."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Unix:
    """A unix socket."""

    path: Path


@dataclass(frozen=True, slots=True)
class Systemd:
    """A socket that systemd hands over (socket activation)."""


@dataclass(frozen=True, slots=True)
class Off:
    """No listener."""


Endpoint = Tcp | Unix | Systemd | Off


def endpoint(text: str) -> Endpoint:
    """Return the listener that `HOST:PORT`, `unix:/PATH`, `systemd` or `off` names. Raises ValueError."""
    if text in {"systemd", "off"}:
        return Systemd() if text == "systemd" else Off()
    if text.startswith("unix:"):
        path = Path(text.removeprefix("unix:"))
        # sockaddr_un holds 108 octets, the terminating NUL included (unix(7))
        if not path.is_absolute() or len(str(path).encode()) > 107:  # noqa: PLR2004
            raise refuse(f"{shown(text)} is not a socket path", "write an absolute path of at most 107 octets")
        return Unix(path)
    host, _, port = text.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    fine = host and (bare == host or _is_ipv6(bare)) and (":" not in host or bare != host)
    if not fine or not port.isascii() or not port.isdigit() or not 0 < int(port) <= MAX_PORT:
        raise refuse(f"{shown(text)} is not a listener", "write HOST:PORT, [IPV6]:PORT, unix:/PATH, or systemd")
    return Tcp(bare, int(port))


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def shown(value: object) -> str:
    """Return a value as an error message shows it: short, on one line, and printable."""
    text = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in str(value))
    return repr(text if len(text) <= 60 else text[:57] + "...")  # noqa: PLR2004


def rates(text: str) -> tuple[tuple[int, timedelta], ...]:
    """Return every rate of `30/min, 10000/d`; all of them hold. Raises ValueError."""
    return tuple(rate(part) for part in text.split(","))


def as_rate(text: str) -> str:
    """Return `text` if it names one rate or several. Raises ValueError."""
    rates(text)
    return text


def as_listener(text: str) -> str:
    """Return `text` if it names a listener. Raises ValueError."""
    endpoint(text)
    return text


def as_window(text: str) -> str:
    """Return `text` if it is a duration. Raises ValueError."""
    duration(text)
    return text


Size = Annotated[int, BeforeValidator(parse_size), Field(gt=0)]
Duration = Annotated[timedelta, BeforeValidator(parse_duration), AfterValidator(positive)]
Pause = Annotated[timedelta, BeforeValidator(parse_duration)]  # may be 0s
Count = Annotated[int, Strict(), Field(gt=0)]
Port = Annotated[int, Strict(), Field(ge=1, le=MAX_PORT)]
Flag = Annotated[bool, Strict()]
Window = Annotated[str, AfterValidator(as_window)]
Tally = Annotated[int, Strict(), Field(ge=0)]
Address = Annotated[str, AfterValidator(address)]
FromMailbox = Annotated[str, AfterValidator(mailbox)]
Domain = Annotated[str, AfterValidator(domain)]
Selector = Annotated[str, AfterValidator(selector)]
Pattern = Annotated[str, AfterValidator(pattern)]
Colour = Annotated[str, AfterValidator(colour)]
Name = Annotated[str, BeforeValidator(name)]
Rate = Annotated[str, AfterValidator(as_rate)]
Listener = Annotated[str, AfterValidator(as_listener)]
