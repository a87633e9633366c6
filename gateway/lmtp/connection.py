"""aiosmtpd's LMTP protocol with its reading and writing replaced: whole chunks in, pipelined replies out in one write.

aiosmtpd waits for every line, logs it, drains after every reply and restarts a timer; that costs most of the time of
a small mail. Here commands are cut out of the chunk at hand, replies are collected until there is nothing left to
read (RFC 2920 §3.2), and one clock watches all sessions. The command methods stay aiosmtpd's `smtp_*`.
"""

from __future__ import annotations

import asyncio
import contextlib
from enum import Enum
from typing import Any, Final, cast

from aiosmtpd.lmtp import LMTP

from gateway.lmtp.data import DataReader
from gateway.lmtp.house import House
from gateway.lmtp.replies import LAST_WORDS, Reply

LINE_LIMIT: Final = 4096  # octets; RFC 5321 §4.5.3.1.4 asks for 512 and more per extension
INPUT_LIMIT: Final = 64 << 10  # octets of commands that wait while a mail is being taken
RATE_WINDOW: Final = 30.0  # seconds over which the rate of DATA is judged
LINGER: Final = 5.0  # seconds for the last words to reach a client that does not read
PATIENCE: Final = 100  # what commands may cost between two mails
MISTAKE: Final = 5  # what a wrong command costs; one that brings no mail nearer costs 1
WAITS: Final = b"DATA"  # the one command that takes more than a moment
FREE: Final = frozenset({"MAIL", "RCPT", "DATA"})

_NO_HOOKS: Final = object()


class Phase(Enum):
    """What a session is doing; it decides which clock runs."""

    COMMAND = "command"
    DATA = "data"
    TAKING = "taking"
    CLOSED = "closed"


class Connection(LMTP):
    """Lines in, replies out, deadlines. What the commands mean stands in `session`."""

    def __init__(self, house: House, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            _NO_HOOKS,
            data_size_limit=house.limits.message_size,
            enable_SMTPUTF8=True,
            hostname=house.host,
            loop=loop,
        )
        self.house = house
        self.phase = Phase.COMMAND
        self.peer = "unix"
        self.data: DataReader | None = None
        self._wire: asyncio.Transport | None = None
        self._input = b""
        self._at = 0
        self._output: list[bytes] = []
        self._overlong = False
        self._choked = False
        self._writable = True
        self._eof = False
        self._waiter: asyncio.Future[None] | None = None
        self._last_chance: asyncio.TimerHandle | None = None
        self._since = loop.time()
        self._window_octets = 0
        self._verb = "connection"
        self._due = 1  # replies owed to the command at hand
        self._patience = PATIENCE

    # --- what the transport tells us -----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.forget_mail()
        self.session = self._create_session()
        self.session.peer = peer = transport.get_extra_info("peername")
        if isinstance(peer, tuple):
            self.peer = f"{peer[0]}:{peer[1]}"
        # uvloop's transports are no subclass of asyncio's, only alike.
        self.transport = self._wire = cast("asyncio.Transport", transport)
        self.house.sessions.add(self)
        self._handler_coroutine = self.loop.create_task(self._handle_client())

    def data_received(self, data: bytes) -> None:
        if self.data is not None:
            rest = self.data.feed(data)
            if rest is not None:
                self._input, self._at, self.data = rest, 0, None
                self._wake()
            return
        self._input = self._input[self._at :] + data if self._at < len(self._input) else data
        self._at = 0
        if len(self._input) > INPUT_LIMIT and not self._choked and self._wire is not None:
            self._wire.pause_reading()
            self._choked = True
        if self._waiter is not None and not self._waiter.done() and self.phase is Phase.COMMAND:
            self._obey_at_once()
        else:
            self._wake()

    def eof_received(self) -> bool:
        # The client may have closed only its half: what it sent is answered, then we close ours.
        self._eof = True
        self._wake()
        return True

    def connection_lost(self, _error: Exception | None) -> None:
        # A mail that is being taken is taken to its end; its replies go nowhere, and its repetition is a duplicate.
        self.transport = self._wire = None
        if self._last_chance is not None:
            self._last_chance.cancel()
        self._close()

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        self._wake()

    def forget_mail(self) -> None:
        """Forget the transaction, not the greeting (RFC 5321 §4.1.1.5)."""
        self.envelope = self._create_envelope()

    # --- the loop ------------------------------------------------------------------------------------------------

    async def _handle_client(self) -> None:
        """Obey one command after the other until either side ends the connection."""
        try:
            self.say(Reply.GREETING)
            while self.phase is not Phase.CLOSED:
                line = self._next_line()
                if self.house.stopping:
                    self.dismiss(Reply.STOPPING)
                elif line is None:
                    self._flush()
                    if self._eof:
                        break
                    await self._wait()
                else:
                    await self._obey(line)
        except Exception:  # The edge: a bug of ours ends this session, and no other.
            self.house.log.exception("lmtp.fault", peer=self.peer)
            self._due = 1
            self.say(Reply.CONNECTION_FAULT, self.house.new_id())
        finally:
            self.house.leave(self)
            self._close()

    async def _obey(self, line: bytes) -> None:
        """Run one command. Afterwards it has exactly the replies that it is owed, whatever its method did."""
        self._due = 1
        self._verb = "other"
        try:
            await self._run(line)
        except Exception:  # The edge: an error inside a command defers what it asked for.
            fault = self.house.new_id()
            self.house.log.exception("lmtp.fault", session=fault, peer=self.peer, command=self._verb)
            self._make_up(fault)
        if self._due and self.phase is not Phase.CLOSED:
            fault = self.house.new_id()
            self.house.log.error("lmtp.fault", session=fault, peer=self.peer, command=self._verb, because="no reply")
            self._make_up(fault)
        self._since = self.loop.time()
        if self._patience < 0 and self.phase is not Phase.CLOSED:
            self.dismiss(Reply.OUT_OF_PATIENCE)
        while not self._writable and self.phase is not Phase.CLOSED:
            await self._wait()

    def _obey_at_once(self) -> None:
        """Obey what is at hand and waits for nothing here, or wake the loop: to wake it costs more than that."""
        while self._writable and not self.house.stopping and self.phase is Phase.COMMAND:
            at, line = self._at, self._next_line()
            if line is None:
                self._flush()
                return
            if line[:4].upper() == WAITS:
                self._at = at
                break
            with contextlib.suppress(StopIteration):
                self._obey(line).send(None)
        self._wake()

    async def _run(self, line: bytes) -> None:
        if self._overlong or len(line) > LINE_LIMIT:
            self._overlong = False
            self.say(Reply.LINE_TOO_LONG)
            return
        command = line[:-2]
        # RFC 5321 §2.3.8: no bare CR or LF. What one server takes for one line and another for two can smuggle.
        if line[-2:] != b"\r\n" or b"\r" in command or b"\0" in command:
            self.say(Reply.BAD_LINE)
            self._close()
            return
        verb, _, argument = command.partition(b" ")
        name = verb.decode("latin-1").upper()
        method = self._smtp_methods.get(name)
        if method is None:
            self.say(Reply.UNKNOWN_COMMAND)
            return
        self._verb = name
        self._patience -= name not in FREE
        await method(argument.strip(b" ").decode("utf-8", "surrogateescape"))

    def _next_line(self) -> bytes | None:
        """Return the next line with its end, or None if there is no whole one yet."""
        at = self._at
        end = self._input.find(b"\n", at)
        if end >= 0:
            self._at = end + 1
            return self._input[at : end + 1]
        if len(self._input) - at > LINE_LIMIT:
            self._input, self._at, self._overlong = b"", 0, True
        if self._choked and self._wire is not None:
            self._wire.resume_reading()
            self._choked = False
        return None

    async def read_data(self, data: DataReader) -> bool:
        """Let the reader have everything up to the end of data. False if the connection ended before it."""
        self._flush()
        self.phase, self._since, self._window_octets = Phase.DATA, self.loop.time(), 0
        rest = data.feed(self._input[self._at :]) if self._at < len(self._input) else None
        self._input, self._at = rest or b"", 0
        if rest is None:
            self.data = data
        while not data.ended and not self._eof and self.phase is Phase.DATA:
            await self._wait()
        self.data = None
        if not data.ended or self.phase is not Phase.DATA:
            self._close()
            return False
        self.phase = Phase.TAKING
        return True

    def end_of_data(self) -> None:
        """Go back to commands. What they have cost so far is forgotten: the client came with a mail."""
        self._patience = PATIENCE
        if self.phase is not Phase.CLOSED:
            self.phase = Phase.COMMAND

    async def _wait(self) -> None:
        self._waiter = self.loop.create_future()
        await self._waiter
        self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # --- replies -------------------------------------------------------------------------------------------------

    def say(self, reply: Reply, about: str = "") -> None:
        """Answer. Replies wait until there is nothing left to read; last words go out at once and close."""
        house = self.house
        if self._due <= 0:
            # One reply too many would pass for the answer to the next command: a mail would be lost.
            house.log.error("lmtp.fault", peer=self.peer, command=self._verb, because=f"surplus {reply.name}")
            return
        house.count(self._verb, reply)
        self._output.append(house.words.line(reply, about))
        if reply.permanent:
            self._patience -= 1 if reply is Reply.UNKNOWN_RECIPIENT else MISTAKE
        if reply is not Reply.START_DATA:
            self._due -= 1
        if reply in LAST_WORDS:
            self._close()

    def owe(self, replies: int) -> None:
        """State how many final replies the command at hand is owed."""
        self._due = replies

    async def push(self, status: Any) -> None:
        """Send aiosmtpd's own words, if one of its methods should ever speak. Ours use `say`."""
        self._output.append((status.encode() if isinstance(status, str) else bytes(status)) + b"\r\n")
        self._due -= 1

    def _make_up(self, about: str) -> None:
        for _ in range(self._due):
            self.say(Reply.FAULT, about)

    def _flush(self) -> None:
        if self._output:
            if self._wire is not None and not self._wire.is_closing():
                self._wire.write(b"".join(self._output))
            self._output.clear()

    # --- the end -------------------------------------------------------------------------------------------------

    def dismiss(self, reply: Reply) -> None:
        """Say last words and close, whatever the client is doing."""
        self._due = 1
        self.say(reply)

    def _close(self) -> None:
        """Flush and close. The task ends by itself; the transport gets a little time to send what is left."""
        if self.phase is Phase.CLOSED:
            return
        self._flush()
        self.phase, self._since = Phase.CLOSED, self.loop.time()
        if self._wire is not None:
            self._wire.close()
            # close() waits for the client to read; a client that never does keeps the socket no longer than this.
            self._last_chance = self.loop.call_later(LINGER, self._wire.abort)
        self._wake()

    def look_at_clock(self, now: float) -> None:
        """End the session if it is too slow for what it is doing. Called for all sessions every now and then."""
        if self.phase is Phase.COMMAND and now - self._since > self.house.limits.command_timeout.total_seconds():
            self.house.log.info("lmtp.too-slow", peer=self.peer, because="no command in time")
            self.dismiss(Reply.TOO_SLOW)
        elif self.phase is Phase.DATA and self.data is not None and now - self._since >= RATE_WINDOW:
            octets = self.data.received - self._window_octets
            # A least rate, no total time: a big mail may take long, a slow one may not hold a place for ever.
            if octets < self.house.limits.minimum_rate * (now - self._since):
                self.house.log.info("lmtp.too-slow", peer=self.peer, because=f"{octets} octets in {RATE_WINDOW:.0f} s")
                self.dismiss(Reply.TOO_SLOW)
            self._since, self._window_octets = now, self.data.received
