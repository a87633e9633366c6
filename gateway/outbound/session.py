"""One SMTP conversation (RFC 5321): greeting, EHLO, TLS, AUTH, then mail after mail. It fails closed.

Steps are our own, because after a cut the one question is whether the final dot had gone out (I8).
"""

from __future__ import annotations

import asyncio
import base64
import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.errors import PoterneError
from gateway.model import DeliveryResult, Outcome
from gateway.outbound.wire import CHUNK, Reply, Wire, WireTrouble, connect
from gateway.ports import TokenSource
from gateway.telemetry import failpoint

DOT_PATIENCE = 10  # times the usual timeout; RFC 5321 §4.5.3.2.6 wants 10 minutes for the answer to the final dot
_SERVICE_CLOSING = 421
_GO_AHEAD = 354
_CHALLENGE = 334
_UNSENDABLE = re.compile(r"[\x00-\x20\x7f<>]")


class SessionRefused(Exception):
    """The server, or our own caution, does not let this session send. The channel is at fault, no recipient is."""

    def __init__(self, text: str, code: int = 0) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Password:
    """AUTH by PLAIN or LOGIN."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OAuth:
    """AUTH by XOAUTH2."""

    username: str
    tokens: TokenSource = field(repr=False)


@dataclass(frozen=True, slots=True)
class Server:
    """Where to connect, and how. Credentials need TLS; that is checked here, once for all callers."""

    host: str
    port: int
    hostname: str  # ours, for EHLO
    tls: ssl.SSLContext | None = None
    implicit: bool = False  # TLS from the first octet (RFC 8314 §3.3), else STARTTLS
    auth: Password | OAuth | None = None
    timeout: float = 60.0

    def __post_init__(self) -> None:
        if self.auth is not None and self.tls is None:
            raise ValueError("credentials are never sent in clear: set tls to starttls or implicit")


class Session:
    """A conversation that is ready to send. Made by `open_session`."""

    def __init__(self, wire: Wire, server: Server) -> None:
        self._wire = wire
        self._server = server
        self._extensions: dict[str, str] = {}
        self.sent = 0  # transactions

    @property
    def usable(self) -> bool:
        """Tell whether another mail can be sent."""
        return self._wire.usable

    # --- beginning --------------------------------------------------------------------------------------------

    async def begin(self) -> None:
        """Greet, secure and sign in. Raises SessionRefused or WireTrouble."""
        server = self._server
        greeting = await self._wire.reply(server.timeout)
        if not greeting.good:
            raise SessionRefused(greeting.text, greeting.code)
        await self._hello()
        if server.tls is not None and not server.implicit:
            # RFC 3207 §4.1: a stripped STARTTLS looks like a server without it. We do not go on in clear.
            if "STARTTLS" not in self._extensions:
                raise SessionRefused("the server offers no STARTTLS; nothing was sent")
            reply = await self._command("STARTTLS")
            if not reply.good:
                raise SessionRefused(reply.text, reply.code)
            await self._wire.start_tls(server.tls, server.host, server.timeout)
            await self._hello()  # RFC 3207 §4.2: what was said before TLS is forgotten
        if server.auth is not None:
            await self._sign_in(server.auth)

    async def _hello(self) -> None:
        reply = await self._command(f"EHLO {self._server.hostname}")
        self._extensions = {}
        if not reply.good:
            raise SessionRefused(reply.text, reply.code)
        for line in reply.lines[1:]:
            word, _, parameters = line.strip().partition(" ")
            self._extensions[word.upper()] = parameters

    async def _command(self, line: str) -> Reply:
        self._wire.write(f"{line}\r\n".encode())
        return await self._wire.reply(self._server.timeout)

    async def _sign_in(self, auth: Password | OAuth) -> None:
        offered = self._extensions.get("AUTH", "").upper().split()
        if isinstance(auth, OAuth):
            reply = await self._xoauth2(auth, renew=False)
            if reply.code == 535:  # noqa: PLR2004 - RFC 4954 §6: credentials invalid; the token may be stale
                reply = await self._xoauth2(auth, renew=True)
        elif "PLAIN" in offered:
            secret = f"\0{auth.username}\0{auth.password}"
            reply = await self._command(f"AUTH PLAIN {_b64(secret)}")
        elif "LOGIN" in offered:
            reply = await self._command("AUTH LOGIN")
            for answer in (auth.username, auth.password):
                if reply.code == _CHALLENGE:
                    reply = await self._command(_b64(answer))
        else:
            raise SessionRefused(f"the server offers neither AUTH PLAIN nor LOGIN ({' '.join(offered) or 'no AUTH'})")
        if not reply.good:
            raise SessionRefused(f"the server refuses the sign-in: {reply.text}", reply.code)

    async def _xoauth2(self, auth: OAuth, *, renew: bool) -> Reply:
        if "XOAUTH2" not in self._extensions.get("AUTH", "").upper().split():
            raise SessionRefused("the server offers no AUTH XOAUTH2")
        try:
            token = await asyncio.to_thread(auth.tokens.access_token, renew=renew)
        except PoterneError as error:  # its text is the administrator's next step
            raise SessionRefused(str(error)) from None
        secret = f"user={auth.username}\x01auth=Bearer {token}\x01\x01"
        reply = await self._command(f"AUTH XOAUTH2 {_b64(secret)}")
        # On refusal the server explains itself in a challenge, and waits for an empty answer.
        return await self._command("") if reply.code == _CHALLENGE else reply

    # --- sending ----------------------------------------------------------------------------------------------

    async def send(self, envelope_from: str, recipients: Sequence[str], content: bytes) -> list[DeliveryResult]:
        """Run one transaction; one result per recipient, in order. Raises WireTrouble only if nothing was heard yet."""
        self.sent += 1
        refused = [self._beyond_server(envelope_from, address, content) for address in recipients]
        sendable = [address for address, refusal in zip(recipients, refused, strict=True) if refusal is None]
        if not sendable:
            return [refusal for refusal in refused if refusal is not None]
        transaction = _Transaction(self._wire, self._extensions, self._server.timeout, sendable)
        try:
            await transaction.run(self._mail(envelope_from, sendable, content), self._rcpt(envelope_from), content)
        except WireTrouble as trouble:
            if transaction.silent:
                raise
            transaction.cut(str(trouble))
        answers = iter(transaction.results())
        return [refusal or next(answers) for refusal in refused]

    def _beyond_server(self, envelope_from: str, recipient: str, content: bytes) -> DeliveryResult | None:
        """Refuse what the server said it cannot take, without trying."""
        limit = self._extensions.get("SIZE", "").strip()
        if limit.isdigit() and 0 < int(limit) < len(content):
            text = f"552 5.3.4 the mail has {len(content)} octets, the server takes {limit}"
            return DeliveryResult(Outcome.FAILED, 552, text)
        if "SMTPUTF8" not in self._extensions and _needs_utf8([envelope_from, recipient], content):
            # RFC 6531 §3.2: there is no way to write such an address for a server that does not know them.
            text = "553 5.6.7 an address is internationalised, and the server takes ASCII only"
            return DeliveryResult(Outcome.FAILED, 553, text)
        return None

    def _mail(self, envelope_from: str, recipients: Sequence[str], content: bytes) -> bytes:
        words = [f"MAIL FROM:<{envelope_from}>"]
        if "SIZE" in self._extensions:
            words.append(f"SIZE={len(content)}")
        if not content.isascii() and "8BITMIME" in self._extensions:
            words.append("BODY=8BITMIME")
        if "SMTPUTF8" in self._extensions and _needs_utf8([envelope_from, *recipients], content):
            words.append("SMTPUTF8")
        return f"{' '.join(words)}\r\n".encode()

    def _rcpt(self, envelope_from: str) -> str:
        """Return what follows each recipient. For a null sender nobody wants a report (RFC 3461 §4.1)."""
        return " NOTIFY=NEVER" if not envelope_from and "DSN" in self._extensions else ""

    def quit(self) -> None:
        """Say good-bye, if anybody listens, and close."""
        if self._wire.usable:
            self._wire.write(b"QUIT\r\n")
        self._wire.close()

    def abort(self) -> None:
        """Drop the connection at once."""
        self._wire.abort()


class _Transaction:
    """MAIL, RCPT, DATA, dot: what was said of each recipient, and how far we came."""

    def __init__(self, wire: Wire, extensions: dict[str, str], timeout: float, recipients: Sequence[str]) -> None:
        self._wire = wire
        self._timeout = timeout
        self._pipelining = "PIPELINING" in extensions
        self._recipients = recipients
        self._results: list[DeliveryResult | None] = [None] * len(recipients)
        self.silent = True  # nothing was heard: a kept connection may have died while it was idle
        self._dot_sent = False

    async def run(self, mail: bytes, notify: str, content: bytes) -> None:
        rcpts = [f"RCPT TO:<{address}>{notify}\r\n".encode() for address in self._recipients]
        if self._pipelining:  # RFC 2920 §3.1: DATA ends a group; its answer must be read before the mail goes
            self._wire.write(b"".join([mail, *rcpts, b"DATA\r\n"]))
        else:
            self._wire.write(mail)
        reply = await self._reply()
        sender = None if reply.good else judge(reply)
        for index, rcpt in enumerate(rcpts):
            if sender is not None and not self._pipelining:
                self._results[index] = sender
                continue
            if not self._pipelining:
                self._wire.write(rcpt)
            reply = await self._reply()
            self._results[index] = sender or (None if reply.good else judge(reply))
        await self._data(content)

    async def _data(self, content: bytes) -> None:
        accepted = any(result is None for result in self._results)
        if not self._pipelining:
            if not accepted:
                self._wire.write(b"RSET\r\n")
                await self._reply()
                return
            self._wire.write(b"DATA\r\n")
        reply = await self._reply()
        if reply.code == _GO_AHEAD:
            await self._body(content if accepted else b"")  # RFC 2920 §3.1: an empty mail for no recipient
            reply = await self._reply(DOT_PATIENCE)
        elif reply.good:
            raise WireTrouble(f"the server answers DATA with {reply.text}")
        else:
            self._wire.write(b"RSET\r\n")
            await self._reply()
        self._settle(judge(reply, dot_sent=self._dot_sent))

    async def _body(self, content: bytes) -> None:
        # RFC 5321 §4.5.2: a dot at the start of a line is doubled. Every line ends in CRLF; the channel saw to that.
        stuffed = (b"." if content.startswith(b".") else b"") + content.replace(b"\n.", b"\n..")
        at = 0
        while len(stuffed) - at > CHUNK:
            self._wire.write(stuffed[at : at + CHUNK])
            await self._wire.drain(self._timeout)
            at += CHUNK
        # From here on the server may have the whole mail, whatever happens to its answer.
        self._dot_sent = bool(content)
        self._wire.write(stuffed[at:] + b".\r\n")
        failpoint.reach("outbound.after-dot")

    async def _reply(self, patience: int = 1) -> Reply:
        reply = await self._wire.reply(self._timeout * patience)
        self.silent = False
        if reply.code == _SERVICE_CLOSING:  # RFC 5321 §3.8: the server closes the channel, at any point
            self._settle(judge(reply))
            self._wire.abort()
            raise WireTrouble(reply.text)
        return reply

    def _settle(self, result: DeliveryResult) -> None:
        self._results = [known or result for known in self._results]

    def cut(self, text: str) -> None:
        """The connection ended: what is not known yet was not sent, or its fate is unknown."""
        self._wire.abort()
        if self._dot_sent:
            self._settle(
                DeliveryResult(Outcome.UNKNOWN, 0, f"no answer after the mail was sent: {text}", dot_sent=True)
            )
        else:
            self._settle(DeliveryResult(Outcome.DEFERRED, 0, text, channel_down=True))

    def results(self) -> list[DeliveryResult]:
        assert all(result is not None for result in self._results)
        return [result for result in self._results if result is not None]


def judge(reply: Reply, *, dot_sent: bool = False) -> DeliveryResult:
    """Return what a reply means for a recipient. The first digit decides (RFC 5321 §4.2.1)."""
    if reply.good:
        return DeliveryResult(Outcome.SENT, reply.code, reply.text, dot_sent=dot_sent)
    if reply.code == _SERVICE_CLOSING:
        return DeliveryResult(Outcome.DEFERRED, reply.code, reply.text, channel_down=True)
    if 500 <= reply.code < 600:  # noqa: PLR2004 - permanent negative completion
        return DeliveryResult(Outcome.FAILED, reply.code, reply.text)
    return DeliveryResult(Outcome.DEFERRED, reply.code, reply.text)


async def open_session(server: Server) -> Session:
    """Connect, secure, sign in. Raises SessionRefused or WireTrouble; no connection stays open then."""
    context = server.tls if server.implicit else None
    name = server.host if server.implicit else None
    wire = await connect(server.host, server.port, server.timeout, context, name)
    session = Session(wire, server)
    try:
        await session.begin()
    except BaseException:  # cancelled, too: nobody else knows of this connection
        wire.abort()
        raise
    return session


def is_wire_safe(address: str) -> bool:
    """Tell whether an address can stand between angle brackets on the wire without ending them (T2)."""
    return bool(address) and "@" in address and not _UNSENDABLE.search(address)


def _needs_utf8(addresses: Sequence[str], content: bytes) -> bool:
    """Tell whether RFC 6531 is needed: an address, or a header that shows one, is not ASCII."""
    if content.isascii():
        return not all(address.isascii() for address in addresses)
    head = content[: content.find(b"\r\n\r\n")]
    return not (head.isascii() and all(address.isascii() for address in addresses))


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")
