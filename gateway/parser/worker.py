"""The program of a parser process: raw mails in at standard input, ParsedMail as JSON out at standard output.

It has an empty environment, no descriptor but its two pipes, an address space of limited size, and dies with the
daemon. It writes no files, starts no processes and never answers anything but JSON.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import gc
import os
import resource
import signal
import sys
import time
from dataclasses import replace
from typing import Final

from gateway.mail import parse, wire
from gateway.mail.folded import indexed
from gateway.model import ParsedMail
from gateway.parser import frames
from gateway.rules.behaviour import fingerprint
from gateway.telemetry.child import bind_to

_LARGE: Final = 1 << 20  # octets of a mail behind which memory is looked at
_GROWN: Final = 150 << 20  # resident octets above which the process gives its memory back by ending
_PAGE: Final = resource.getpagesize()
_POISON: Final = b"X-Poterne-Test-Poison:"
_KEPT: Final[list[bytes]] = []  # what a test mail made grow


def main() -> int:
    """Serve until standard input ends."""
    arguments = _arguments()
    bind_to(arguments.parent)
    _preload()
    _limit(arguments.memory)
    _serve(poison=arguments.poison_for_tests)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="gateway.parser.worker", description=__doc__)
    parser.add_argument("--memory", type=int, required=True, help="octets of address space")
    parser.add_argument("--parent", type=int, required=True, help="process id of the daemon")
    parser.add_argument("--poison-for-tests", action="store_true", help="obey X-Poterne-Test-Poison")
    return parser.parse_args()


def _preload() -> None:
    """Load what mails need seldom, before memory and descriptors are limited."""
    import charset_normalizer
    import idna

    # A first mail through every reader builds the tables that are built when first needed
    idna.encode("bücher.example", uts46=True)
    charset_normalizer.from_bytes("ein Wörterbuch".encode("cp1252"))
    parse(
        b"From: a@example.org\r\nContent-Type: multipart/alternative; boundary=x\r\n\r\n"
        b"--x\r\n\r\nHello\r\n--x\r\nContent-Type: text/html\r\n\r\n<p>Hello</p>\r\n--x--\r\n"
    )


def _limit(memory: int) -> None:
    os.closerange(3, 256)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # pipes are no files: answers still go out
    resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))
    for descriptor in (0, 1):
        with contextlib.suppress(OSError):  # a courtesy of the kernel; the default works, too
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, frames.PIPE)
    gc.freeze()  # what is loaded by now stays; collections need not look at it again


def _serve(*, poison: bool) -> None:
    requests = sys.stdin.buffer
    os.write(1, frames.ANSWER.pack(frames.READY, 0))
    while head := requests.read(frames.REQUEST.size):
        (length,) = frames.REQUEST.unpack(head)
        raw = requests.read(length)
        if poison and _POISON in raw[:4096]:
            _obey(raw)
        answer = wire.dumps(_read(raw))
        del raw
        retired = (length >= _LARGE or _KEPT) and _resident() > _GROWN
        _write(frames.ANSWER.pack(frames.RETIRED if retired else 0, len(answer)) + answer)
        if retired:
            return
        del answer


def _read(raw: bytes) -> ParsedMail:
    """Return what the mail says, with the fingerprint and the words of its text: here they keep nobody waiting."""
    mail = parse(raw)
    try:
        return replace(mail, fingerprint=fingerprint(mail), words=indexed([mail.reply_text or mail.text]))
    except Exception:  # as total as `parse`: whoever needs them works them out again, and fails there if it must
        return mail


def _write(octets: bytes) -> None:
    view = memoryview(octets)
    while view:
        view = view[os.write(1, view) :]


def _resident() -> int:
    with open("/proc/self/statm", "rb") as statm:  # noqa: PTH123 - a path object costs more than the read
        return int(statm.read().split()[1]) * _PAGE


def _obey(raw: bytes) -> None:
    """Crash, hang or eat memory as the header of a test mail says. Only a pool made for tests passes mails here."""
    word = raw.partition(_POISON)[2].partition(b"\r\n")[0].strip()
    if word == b"crash":
        os.kill(os.getpid(), signal.SIGKILL)
    elif word == b"exit":
        os._exit(0)
    elif word == b"hang":
        while True:
            time.sleep(3600)
    elif word == b"grow":
        _KEPT.append(b"x" * (_GROWN + 1))
    elif word == b"eat":
        eaten = []
        while True:
            eaten.append(bytes(1 << 20))


if __name__ == "__main__":
    sys.exit(main())
