"""A listener of the test's own in its event loop, with a taker that the test can break."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import Callable
from datetime import timedelta

from gateway.config.settings import Limits
from gateway.lmtp import House, LmtpServer, open_sockets
from gateway.model import Envelope, IntakeId, Route

ADDRESSES = {
    "support@example.org": Route("support", "support@example.org"),
    "sales@example.org": Route("sales", "sales@example.org"),
    "it@example.org": Route("it", "it@example.org"),
}


def by_table(recipient: str) -> Route | None:
    """Route as the real one does, in little: case folded, plus-tag cut."""
    local, _, domain = recipient.casefold().partition("@")
    return ADDRESSES.get(f"{local.partition('+')[0]}@{domain}")


class Taker:
    """Remembers what it took. `respond` stands for the store behind it."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []
        self.envelopes: list[Envelope] = []
        self.routes: list[Route] = []
        self.numbers = itertools.count(1)
        self.begun = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.respond: Callable[[int], object] = lambda count: [IntakeId(next(self.numbers)) for _ in range(count)]

    async def __call__(self, raw, envelopes, routes):
        self.begun.set()
        await self.may_answer.wait()
        self.mails.append(raw)
        self.envelopes.extend(envelopes)
        self.routes.extend(routes)
        return self.respond(len(envelopes))


class Listener:
    """One running listener."""

    def __init__(self, **settings) -> None:
        self.taker = Taker()
        limits = {
            "message_size": 100_000,
            "commit_timeout": timedelta(seconds=5),
            "shutdown_timeout": timedelta(seconds=5),
        }
        limits.update(settings.pop("limits", {}))
        self.house = House(
            settings.pop("take", self.taker),
            settings.pop("route", by_table),
            Limits(**limits),
            host="tickets.example.org",
            **settings,
        )
        self.server = LmtpServer(self.house)
        self.where = ""

    async def start(self) -> str:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.bind(("127.0.0.1", 0))
        listener.listen(1024)
        await self.server.start(open_sockets("systemd", activated=[listener]))
        host, port = listener.getsockname()
        self.where = f"{host}:{port}"
        return self.where
