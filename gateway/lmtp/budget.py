"""Counts the octets of mails in flight, so that many big mails at once meet a 452 instead of the memory's end."""

from __future__ import annotations


class Budget:
    """Octets that may be in flight together, over all connections."""

    def __init__(self, total: int) -> None:
        self._total = total
        self.used = 0

    def has_room(self, octets: int) -> bool:
        """Tell whether so many octets would fit now."""
        return self.used + octets <= self._total

    def reserve(self, octets: int) -> bool:
        """Take octets out of the budget, or leave it untouched and say no."""
        if not self.has_room(octets):
            return False
        self.used += octets
        return True

    def release(self, octets: int) -> None:
        """Give octets back."""
        self.used -= octets


class Share:
    """What one mail holds of the budget: the announced size at first, more as more arrives."""

    __slots__ = ("_budget", "_reserved", "_used")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._reserved = 0
        self._used = 0

    def reserve(self, octets: int) -> bool:
        """Reserve the size that the client announced, or say no."""
        if not self._budget.reserve(octets):
            return False
        self._reserved += octets
        return True

    def charge(self, octets: int) -> bool:
        """Count octets that arrived; reserve what goes beyond the announcement, or say no and give everything back.

        At once, not at the end of the refused mail: else mails that arrive together fill the budget together, and all
        are refused, again at every try.
        """
        self._used += octets
        missing = self._used - self._reserved
        if missing <= 0 or self.reserve(missing):
            return True
        self.close()
        return False

    def close(self) -> None:
        """Give everything back."""
        self._budget.release(self._reserved)
        self._reserved = 0
