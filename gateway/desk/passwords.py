"""Passwords: argon2id in threads of their own, few at a time, since each takes tens of megabytes and milliseconds."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Protocol

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

AT_ONCE = 2
MIN_PASSWORD, MAX_PASSWORD = 10, 1000


class Hasher(Protocol):
    """Hashes and compares passwords."""

    async def hash(self, password: str) -> str:
        """Return the hash to keep."""

    async def matches(self, kept: str | None, password: str) -> bool:
        """Compare; takes the same time if there is nothing to compare with."""

    def outdated(self, kept: str) -> bool:
        """Tell whether the hash was made with weaker parameters than today's."""


class Argon2:
    """argon2id with the parameters of RFC 9106 §4 that the library has as its default."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._nobody = ""

    async def hash(self, password: str) -> str:
        """Return the hash to keep."""
        async with self._turns:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def matches(self, kept: str | None, password: str) -> bool:
        """Compare; takes the same time if there is nothing to compare with."""
        if not self._nobody:
            self._nobody = await self.hash("nobody's")
        async with self._turns:
            found = await asyncio.to_thread(self._verify, kept or self._nobody, password)
        return found and kept is not None

    def outdated(self, kept: str) -> bool:
        """Tell whether the hash was made with weaker parameters than today's."""
        return self._hasher.check_needs_rehash(kept)

    def _verify(self, kept: str, password: str) -> bool:
        with contextlib.suppress(Argon2Error, InvalidHashError):
            return bool(self._hasher.verify(kept, password[:MAX_PASSWORD]))
        return False
