"""A recording SMTP server in a thread of its own: keeps every mail whose final dot it saw, and answers as told."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes
from typing import Self

from tests.support.ports import free_port


@dataclass(frozen=True)
class Recorded:
    """One mail as it came, with its envelope. `answered` tells whether the client was sent our answer."""

    mail_from: str
    rcpt_tos: tuple[str, ...]
    content: bytes
    answered: bool = True

    def __getitem__(self, name: str) -> str:
        return str(message_from_bytes(self.content)[name])


@dataclass
class Recorder:
    """The server. `answer(recipient)` may refuse at RCPT: a reply line, or None for 250."""

    answer: Callable[[str], str | None] = lambda _recipient: None
    port: int = field(default_factory=free_port)
    mails: list[Recorded] = field(default_factory=list)

    def __enter__(self) -> Self:
        recorder = self

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            block_on_close = False

            def handle_error(self, request, client_address):
                """A client that was killed is no error here."""

        class Session(socketserver.StreamRequestHandler):
            def handle(self):
                recorder._serve(self.rfile, self.wfile)

        self._server = Server(("127.0.0.1", self.port), Session)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _serve(self, reader, writer) -> None:
        def say(line: str) -> None:
            writer.write(line.encode() + b"\r\n")
            writer.flush()

        sender = ""
        recipients: list[str] = []
        say("220 sink.example.net ESMTP")
        while line := reader.readline():
            verb, _, rest = line.decode("utf-8", "replace").strip().partition(" ")
            verb = verb.upper()
            if verb == "EHLO":
                say("250-sink.example.net\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES")
            elif verb == "MAIL":
                sender, recipients = rest.partition("<")[2].partition(">")[0], []
                say("250 2.1.0 ok")
            elif verb == "RCPT":
                recipient = rest.partition("<")[2].partition(">")[0]
                refusal = self.answer(recipient)
                if refusal is None:
                    recipients.append(recipient)
                say(refusal or "250 2.1.5 ok")
            elif verb == "DATA":
                say("354 go on")
                content = self._content(reader)
                if content is None:
                    return
                try:
                    say("250 2.0.0 recorded")
                    answered = True
                except OSError:
                    answered = False
                self.mails.append(Recorded(sender, tuple(recipients), content, answered))
            elif verb == "QUIT":
                say("221 2.0.0 bye")
                return
            else:
                say("250 2.0.0 ok")

    @staticmethod
    def _content(reader) -> bytes | None:
        lines: list[bytes] = []
        while True:
            line = reader.readline()
            if not line:
                return None
            if line == b".\r\n":
                return b"".join(lines)
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
