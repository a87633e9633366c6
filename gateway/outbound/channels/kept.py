"""A channel with kept connections to one server: what all types of channels have in common.

It never raises for what a server says or does. Trouble that is the channel's own, such as a refused connection, a
sign-in, a limit of the account, says so (`channel_down`), so that the worker can leave the whole channel alone.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gateway.errors import NotSendable
from gateway.mail.folding import show_address
from gateway.model import DeliveryResult, Outcome
from gateway.outbound.session import Server, Session, SessionRefused, is_wire_safe, open_session
from gateway.outbound.wire import WireTrouble
from gateway.telemetry.log import get_logger

IDLE = 20.0
"""Seconds that a connection is kept without work; Postfix closes after 300, some servers much earlier."""
MAX_MAILS = 100
"""Mails over one connection; some servers close after 100."""
_ENHANCED = re.compile(r"\b[45]\.\d{1,3}\.\d{1,3}\b")


@dataclass(frozen=True, slots=True)
class Quirk:
    """An enhanced status code (RFC 3463) by which this provider means the account, not the recipient."""

    status: str
    meaning: str


class KeptChannel:
    """Implements ports.Channel."""

    def __init__(
        self, server: Server, connections: int, *, quirks: Sequence[Quirk] = (), sender: str | None = None
    ) -> None:
        self._server = server
        self._slots = asyncio.Semaphore(connections)
        self._idle: list[tuple[Session, asyncio.TimerHandle]] = []
        self._quirks = {quirk.status: quirk.meaning for quirk in quirks}
        self._sender = sender

    async def send(self, envelope_from: str, recipients: Sequence[str], content: bytes) -> Sequence[DeliveryResult]:
        """Hand over one message; one result per recipient, in order. Never raises for what a server says or does."""
        results: dict[int, DeliveryResult] = {}
        addresses: dict[int, str] = {}
        for index, recipient in enumerate(recipients):
            address = _on_the_wire(recipient)
            if address is None:
                results[index] = DeliveryResult(Outcome.FAILED, 0, "5.1.3 this is no address that can be written to")
            else:
                addresses[index] = address
        sender = _on_the_wire(self._sender or envelope_from) if self._sender or envelope_from else ""
        if sender is None or not _is_canonical(content):
            # Bare line ends could end the mail early for the next server (T1). We never make them, so this is a fault.
            reason = DeliveryResult(Outcome.FAILED, 0, "5.6.0 the mail or its sender is not fit to be sent")
            return [results.get(index, reason) for index in range(len(recipients))]
        if addresses:
            async with self._slots:
                answers = await self._send(sender, list(addresses.values()), content)
            results.update(zip(addresses, map(self._account_trouble, answers), strict=True))
        return [results[index] for index in range(len(recipients))]

    async def _send(self, sender: str, recipients: list[str], content: bytes) -> list[DeliveryResult]:
        """Send over a kept connection, or a new one. Never raises but when it is cancelled."""
        try:
            while (session := self._take()) is not None:
                try:
                    return await self._over(session, sender, recipients, content)
                except WireTrouble:
                    continue  # nothing was heard of this mail: the server had closed while the connection was idle
            return await self._over(await open_session(self._server), sender, recipients, content)
        except SessionRefused as refusal:
            down = DeliveryResult(Outcome.DEFERRED, refusal.code, str(refusal), channel_down=True)
        except WireTrouble as trouble:
            down = DeliveryResult(Outcome.DEFERRED, 0, str(trouble), channel_down=True)
        except Exception:  # a fault of ours: the mail is tried again, and the trace is in the log
            get_logger().exception("outbound.trouble", server=self._server.host)
            down = DeliveryResult(Outcome.DEFERRED, 0, "a fault of ours; see the log")
        return [down for _ in recipients]

    async def _over(self, session: Session, sender: str, recipients: list[str], content: bytes) -> list[DeliveryResult]:
        try:
            results = await session.send(sender, recipients, content)
        except BaseException:  # cancelled, too: nobody knows what the server makes of half a mail
            session.abort()
            raise
        self._keep(session)
        return results

    def _take(self) -> Session | None:
        while self._idle:
            session, timer = self._idle.pop()
            timer.cancel()
            if session.usable:
                return session
            session.abort()
        return None

    def _keep(self, session: Session) -> None:
        if not session.usable:
            session.abort()
        elif session.sent >= MAX_MAILS:
            session.quit()
        else:
            timer = asyncio.get_running_loop().call_later(IDLE, self._expire, session)
            self._idle.append((session, timer))

    def _expire(self, session: Session) -> None:
        self._idle = [entry for entry in self._idle if entry[0] is not session]
        session.quit()

    def _account_trouble(self, result: DeliveryResult) -> DeliveryResult:
        """Return a failure that is the account's and not the recipient's as trouble of the channel."""
        status = _ENHANCED.search(result.text) if result.outcome is Outcome.FAILED else None
        meaning = self._quirks.get(status[0]) if status else None
        if meaning is None and result.code not in {530, 535, 538}:  # RFC 4954 §6: sign-in needed, refused, unsafe
            return result
        text = f"{result.text} ({meaning})" if meaning else result.text
        return replace(result, outcome=Outcome.DEFERRED, text=text, channel_down=True)

    async def close(self) -> None:
        """Say QUIT on kept connections. A later `send` opens new ones."""
        while (session := self._take()) is not None:
            session.quit()


def _on_the_wire(address: str) -> str | None:
    """Return the address as it goes between angle brackets, its domain in ASCII; None if it must not go there (T2)."""
    try:
        shown = show_address(address)
    except NotSendable:
        return None
    return shown if is_wire_safe(shown) else None


def _is_canonical(content: bytes) -> bool:
    """Tell whether every line ends in CRLF and there is no CR or LF besides (RFC 5321 §2.3.8)."""
    ends = content.count(b"\r\n")
    return content.count(b"\n") == ends and content.count(b"\r") == ends and content.endswith(b"\r\n")
