"""Whose words a customer may be shown again, and whose mail we answer: of people who belong to the ticket. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from gateway.mail.address import identity


class Spoken(Protocol):
    """Something that somebody said."""

    @property
    def author(self) -> str:
        """Return who, as entries show it: `NAME <ADDRESS>`, or the address alone."""


S = TypeVar("S", bound=Spoken)


def by_participants(spoken: Iterable[S], newcomers: Iterable[str]) -> tuple[S, ...]:
    """Leave out what was said by people whom nobody here has written to openly (I5).

    These are strangers, and those who got a blind copy: to quote their answer would tell everybody of it.
    """
    unknown = {identity(address) for address in newcomers}
    return tuple(item for item in spoken if identity(address_in(item.author)) not in unknown)


def address_in(author: str) -> str:
    """Return the address of an author as entries show them."""
    return author.rpartition("<")[2].removesuffix(">") if author.endswith(">") else author
