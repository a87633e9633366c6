"""A strict, scripted SMTP server for tests: it takes mail, answers as told, and writes down everything that it saw.

A script maps a step to what the server does there: a reply, `HANG` (never answer), `CUT` (drop the connection), or a
list of these to be used one after the other. Steps: greeting, ehlo, starttls, auth, mail, rcpt, `rcpt:ADDRESS`, data,
empty (DATA without a recipient), dot, rset. Without a word in the script everything is taken.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Self

HANG, CUT = "HANG", "CUT"
Script = Mapping[str, "str | list[str]"]
EXTENSIONS = ("PIPELINING", "SIZE 50000000", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES")
_PATH = re.compile(rb"<([^<>\x00-\x1f\x7f]*)>((?: [A-Z0-9]+(?:=[!-~]+)?)*)")


@dataclass
class Transaction:
    """One mail, as a strict server understands it."""

    mail_from: str
    recipients: list[str]
    content: bytes
    mail_parameters: str = ""
    rcpt_parameters: list[str] = field(default_factory=list)
    secure: bool = False
    user: str = ""


class _Gone(Exception):
    pass


class SmtpServer:
    """The server. Use it as an asynchronous context manager; `port` is where it listens."""

    def __init__(
        self,
        script: Script | None = None,
        *,
        extensions: tuple[str, ...] = EXTENSIONS,
        tls: ssl.SSLContext | None = None,
        implicit: bool = False,
        offer_starttls: bool = True,
        inject: bytes = b"",
        users: dict[str, str] | None = None,
        token: Callable[[], str] | None = None,
        mechanisms: str = "PLAIN LOGIN XOAUTH2",
        auth_in_clear: bool = False,
    ) -> None:
        self.script: dict[str, str | list[str]] = dict(script or {})
        self.extensions = extensions
        self.tls, self.implicit, self.offer_starttls = tls, implicit, offer_starttls
        self.inject = inject
        self.users, self.token, self.mechanisms, self.auth_in_clear = users, token, mechanisms, auth_in_clear
        self.transactions: list[Transaction] = []
        self.violations: list[bytes] = []
        self.clear = bytearray()  # whatever came before TLS
        self.commands: list[str] = []
        self.connections = 0
        self.open = 0
        self.most_open = 0
        self.port = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        context = self.tls if self.implicit else None
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self.port, ssl=context, limit=1 << 26, backlog=512
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.connections += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            await _Conversation(self, reader, writer).run()
        except (_Gone, ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, asyncio.CancelledError):
            pass
        finally:
            self.open -= 1
            writer.transport.abort()

    def answer(self, *steps: str) -> str | None:
        """Return what the script says for the first of these steps that it names."""
        for step in steps:
            match self.script.get(step):
                case None:
                    continue
                case str(word):
                    return word
                case list(words):
                    if words:
                        return words.pop(0)
        return None


class _Conversation:
    def __init__(self, server: SmtpServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server, self.reader, self.writer = server, reader, writer
        self.secure = server.implicit
        self.user = ""
        self.current: Transaction | None = None

    async def say(self, default: str, *steps: str) -> str:
        return await self.put(self.server.answer(*steps) or default)

    async def put(self, word: str) -> str:
        if word == HANG:
            await asyncio.sleep(3600)
        if word == CUT:
            self.writer.transport.abort()
            raise _Gone
        self.writer.write(word.encode() + b"\r\n")
        await self.writer.drain()
        if word.startswith("421"):
            # Whatever the client had pipelined is read, or closing would reset the connection and lose the answer.
            if self.writer.can_write_eof():
                self.writer.write_eof()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.reader.read(), 1)
            raise _Gone
        return word

    async def line(self) -> bytes:
        raw = await self.reader.readuntil(b"\n")
        if not self.secure:
            self.server.clear += raw
        if not raw.endswith(b"\r\n") or b"\r" in raw[:-2] or b"\0" in raw:
            self.server.violations.append(raw)
        return raw.rstrip(b"\r\n")

    async def run(self) -> None:
        await self.say("220 sink.test ESMTP", "greeting")
        while True:
            line = await self.line()
            verb = line.split(b" ")[0].upper().decode("utf-8", "replace")
            self.server.commands.append(line.decode("utf-8", "replace"))
            match verb:
                case "EHLO":
                    await self.say(self.hello(), "ehlo")
                case "STARTTLS" if self.server.tls and not self.secure:
                    await self.start_tls()
                case "AUTH":
                    await self.auth(line.decode().split(" ")[1:])
                case "MAIL":
                    await self.mail(line)
                case "RCPT":
                    await self.rcpt(line)
                case "DATA":
                    await self.data()
                case "RSET":
                    self.current = None
                    await self.say("250 2.0.0 reset", "rset")
                case "QUIT":
                    await self.say("221 2.0.0 bye")
                    return
                case _:
                    self.server.violations.append(line)
                    await self.say("500 5.5.2 unknown command")

    def hello(self) -> str:
        lines = ["sink.test", *self.server.extensions]
        if self.server.tls and not self.secure and self.server.offer_starttls:
            lines.append("STARTTLS")
        if (self.server.users is not None or self.server.token) and (self.secure or self.server.auth_in_clear):
            lines.append(f"AUTH {self.server.mechanisms}")
        return "\r\n".join(f"250{'-' if line is not lines[-1] else ' '}{line}" for line in lines)

    async def start_tls(self) -> None:
        word = self.server.answer("starttls") or "220 2.0.0 go"
        self.writer.write(word.encode() + b"\r\n" + self.server.inject)
        await self.writer.drain()
        if word.startswith("220") and self.server.tls:
            await self.writer.start_tls(self.server.tls)
            self.secure = True

    async def auth(self, words: list[str]) -> None:
        given = ""
        if words[0] == "PLAIN":
            _, user, given = base64.b64decode(words[1]).decode().split("\0")
            good = self.server.users is not None and self.server.users.get(user) == given
        elif words[0] == "LOGIN":
            await self.say("334 VXNlcm5hbWU6")
            user = base64.b64decode(await self.line()).decode()
            await self.say("334 UGFzc3dvcmQ6")
            given = base64.b64decode(await self.line()).decode()
            good = self.server.users is not None and self.server.users.get(user) == given
        else:
            parts = base64.b64decode(words[1]).decode().split("\x01")
            user, given = parts[0].removeprefix("user="), parts[1].removeprefix("auth=Bearer ")
            good = self.server.token is not None and self.server.token() == given
            if not good:
                await self.say("334 eyJzdGF0dXMiOiI0MDEifQ==")
                await self.line()
        if good:
            self.user = user
        await self.say("235 2.7.0 welcome" if good else "535 5.7.8 bad credentials", "auth")

    async def mail(self, line: bytes) -> None:
        found = _PATH.fullmatch(line[len(b"MAIL FROM:") :])
        if not line.upper().startswith(b"MAIL FROM:") or found is None or self.current is not None:
            self.server.violations.append(line)
            await self.say("501 5.5.4 syntax")
            return
        word = await self.say("250 2.1.0 sender ok", "mail")
        if word.startswith("2"):
            self.current = Transaction(
                found[1].decode(), [], b"", found[2].decode().strip(), [], self.secure, self.user
            )  # fmt: skip

    async def rcpt(self, line: bytes) -> None:
        found = _PATH.fullmatch(line[len(b"RCPT TO:") :])
        if not line.upper().startswith(b"RCPT TO:") or found is None:
            self.server.violations.append(line)
            await self.say("501 5.5.4 syntax")
            return
        if self.current is None:
            await self.say("503 5.5.1 need MAIL")
            return
        address = found[1].decode()
        word = await self.say("250 2.1.5 recipient ok", f"rcpt:{address}", "rcpt")
        if word.startswith("2"):
            self.current.recipients.append(address)
            self.current.rcpt_parameters.append(found[2].decode().strip())

    async def data(self) -> None:
        nobody = self.current is None or not self.current.recipients
        word = await self.say("503 5.5.1 need RCPT" if nobody else "354 go ahead", *(["empty"] if nobody else ["data"]))
        if not word.startswith("354"):
            return
        content = bytearray()
        while (raw := await self.reader.readuntil(b"\n")) != b".\r\n":
            if not raw.endswith(b"\r\n") or b"\r" in raw[:-2]:
                self.server.violations.append(raw)
            content += raw.removeprefix(b".")
        transaction, self.current = self.current or Transaction("", [], b""), None
        transaction.content = bytes(content)
        if nobody:
            if content:
                self.server.violations.append(bytes(content))
            await self.put("554 5.5.1 no valid recipients")
            return
        # Written down before the answer: a cut that follows is the lost 250.
        word = self.server.answer("dot") or "250 2.0.0 taken"
        if word.startswith("2") or word in {HANG, CUT}:
            self.server.transactions.append(transaction)
        await self.put(word)
