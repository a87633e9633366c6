"""The LMTP listener: accepts connections within the cap, watches their clocks, and ends without losing a mail.

Refuses to be more than that: it neither parses nor judges a mail, and stores nothing itself (see `house.Taker`).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Sequence
from typing import Final, cast

from gateway.lmtp.connection import Phase
from gateway.lmtp.house import House
from gateway.lmtp.listen import BACKLOG, final_path
from gateway.lmtp.replies import Reply
from gateway.lmtp.session import LmtpSession
from gateway.telemetry.metrics import LMTP_CONNECTIONS, LMTP_IN_FLIGHT

LOOK_EVERY: Final = 1.0  # seconds between two looks at the sessions' clocks


class LmtpServer:
    """One listener on any number of sockets."""

    def __init__(self, house: House) -> None:
        self.house = house
        self._servers: list[asyncio.Server] = []
        self._look: asyncio.TimerHandle | None = None
        self._turned_away = 0

    async def start(self, sockets: Sequence[socket.socket]) -> None:
        """Accept connections on these listening sockets (see `listen.open_sockets`)."""
        loop = asyncio.get_running_loop()
        for listener in sockets:
            create = loop.create_unix_server if listener.family == socket.AF_UNIX else loop.create_server
            self._servers.append(await create(self._new_session, sock=listener, backlog=BACKLOG))
            self.house.log.info("lmtp.listening", where=_name(listener))
        # Read at scrape time, so that a mail costs nothing here.
        LMTP_CONNECTIONS.set_function(lambda: len(self.house.sessions))
        LMTP_IN_FLIGHT.set_function(lambda: self.house.budget.used)
        self._look = loop.call_later(LOOK_EVERY, self._look_at_clocks)

    async def stop(self) -> bool:
        """Refuse new connections, finish mails in progress, dismiss the rest. False if some did not finish in time."""
        house, loop = self.house, asyncio.get_running_loop()
        house.stopping = True
        for server in self._servers:
            server.close()
        for session in tuple(house.sessions):
            if session.phase is Phase.COMMAND:
                session.dismiss(Reply.STOPPING)
        deadline = loop.time() + house.limits.shutdown_timeout.total_seconds()
        while house.sessions and loop.time() < deadline:
            house.all_gone.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(deadline):
                    await house.all_gone.wait()
        in_time = not house.sessions
        for session in tuple(house.sessions):
            session.dismiss(Reply.STOPPING)
        if self._look is not None:
            self._look.cancel()
        house.publish()
        house.log.info("lmtp.stopped", in_time=in_time)
        return in_time

    def _new_session(self) -> asyncio.BaseProtocol:
        if self.house.stopping:
            return TurnedAway(self.house, Reply.STOPPING)
        if len(self.house.sessions) >= self.house.limits.connections:
            self._turned_away += 1
            return TurnedAway(self.house, Reply.TOO_MANY_CONNECTIONS)
        return LmtpSession(self.house, asyncio.get_running_loop())

    def _look_at_clocks(self) -> None:
        loop = asyncio.get_running_loop()
        for session in tuple(self.house.sessions):
            session.look_at_clock(loop.time())
        self.house.publish()
        if self._turned_away:
            # One event for all of them: a flood of connections must not become a flood of log lines.
            self.house.log.warning("lmtp.turned-away", connections=self._turned_away)
            self._turned_away = 0
        self._look = loop.call_later(LOOK_EVERY, self._look_at_clocks)


class TurnedAway(asyncio.Protocol):
    """Says 421 and closes: a connection beyond the cap costs next to nothing."""

    def __init__(self, house: House, reply: Reply) -> None:
        self._house = house
        self._reply = reply

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._house.count("connection", self._reply)
        wire = cast("asyncio.Transport", transport)
        wire.write(self._house.words.line(self._reply))
        wire.close()


def _name(listener: socket.socket) -> str:
    where = listener.getsockname()
    return f"{where[0]}:{where[1]}" if isinstance(where, tuple) else f"unix:{final_path(where)}"
