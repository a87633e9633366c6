"""Operators' patterns, sorted once by their shape, so that a long blocklist costs a mail no more than a short one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from gateway.mail.address import matches, normal


@dataclass(frozen=True, slots=True)
class Patterns:
    """The patterns of one tuple: plain addresses and domains by lookup, what has other wildcards one by one."""

    addresses: dict[str, str]
    domains: dict[str, str]
    others: tuple[str, ...]

    def find(self, address: str) -> str | None:
        """Return a pattern that covers the address, or None. The same answer as `matches` for each."""
        wanted = normal(address)
        local, at, domain = wanted.rpartition("@")
        if not at:
            return None
        for spelled in (wanted, f"{local.partition('+')[0]}@{domain}"):
            if spelled in self.addresses:
                return self.addresses[spelled]
        if domain in self.domains:
            return self.domains[domain]
        return next((pattern for pattern in self.others if matches(pattern, wanted)), None)


@lru_cache(maxsize=32)
def compiled(patterns: tuple[str, ...]) -> Patterns:
    """Sort patterns by their shape. Cached: a queue's patterns are the same for every mail."""
    addresses: dict[str, str] = {}
    domains: dict[str, str] = {}
    others: list[str] = []
    for pattern in patterns:
        shape = normal(pattern if "@" in pattern else f"@{pattern.strip()}")  # a domain alone has A-labels, too
        local, _, domain = shape.rpartition("@")
        if not domain or "*" in domain or (local not in {"", "*"} and "*" in local):
            others.append(pattern)
        elif local in {"", "*"}:
            domains.setdefault(domain, pattern)
        else:
            addresses.setdefault(shape, pattern)
    return Patterns(addresses, domains, tuple(others))


def first_match(patterns: tuple[str, ...], addresses: Iterable[str]) -> tuple[str, str] | None:
    """Return (pattern, address) for the first address that any pattern covers."""
    table = compiled(patterns)
    return next(((found, address) for address in addresses if (found := table.find(address))), None)
