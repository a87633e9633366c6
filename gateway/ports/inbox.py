"""What a direct inbox, and whoever signs in with OAuth, asks for."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

from gateway.model import InboxHealth, InboxProgress


class TokenSource(Protocol):
    """Gives OAuth access tokens. Blocking: call it in a thread."""

    def access_token(self, *, renew: bool = False) -> str:
        """Return a token that is valid for some minutes; `renew` asks for a new one after a refusal.

        Raises errors.SignInRefused, with the administrator's next step, when only a person can help.
        """


class Vault(Protocol):
    """Keeps what must survive a restart and must not be read: sealed with the key of the instance."""

    async def load(self, name: str) -> bytes | None:
        """Return what was saved under this name, or None."""

    async def save(self, name: str, content: bytes) -> None:
        """Replace what stands under this name, durably."""


class InboxLedger(Protocol):
    """What a direct inbox needs of the store besides `accept`."""

    async def lease(self, name: str, holder: str, duration: timedelta) -> bool:
        """Take or keep the right to fetch this inbox; False while another node holds it."""

    async def progress(self, name: str) -> InboxProgress | None:
        """Return how far this inbox was read, or None before the first time."""

    async def save_progress(self, name: str, progress: InboxProgress) -> None:
        """Record how far this inbox was read. Only called after the intakes are durable."""

    async def report_health(self, name: str, health: InboxHealth, detail: str) -> None:
        """Record the state of an inbox for pages, metrics and `doctor`."""
