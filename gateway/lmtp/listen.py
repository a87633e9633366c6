"""Opens listening sockets: HOST:PORT, unix:/PATH with a mode, or those that the service manager handed over."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Sequence
from pathlib import Path

BACKLOG = 1024
_BESIDE = f".{os.getpid()}"  # ends the name under which a unix socket is made


def open_sockets(where: str, mode: int = 0o660, activated: Sequence[socket.socket] = ()) -> list[socket.socket]:
    """Return listening sockets for a `listen` value. Raises OSError if the place is taken, ValueError if it is none."""
    if where == "systemd":
        if not activated:
            raise ValueError("listen: systemd, but the service manager passed no socket of this name")
        for given in activated:
            given.setblocking(False)
        return list(activated)
    if where.startswith("unix:"):
        return [_unix(Path(where.removeprefix("unix:")), mode)]
    host, _, port = where.rpartition(":")
    if not host or not port.isdigit():
        raise ValueError(f"listen: {where!r} is neither HOST:PORT nor unix:/PATH nor systemd")
    return _tcp(host.strip("[]"), int(port))


def _tcp(host: str, port: int) -> list[socket.socket]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[socket.socket] = []
    try:
        for family, _, _, _, address in dict.fromkeys(found):
            # asyncio sets TCP_NODELAY only on sockets whose protocol is IPPROTO_TCP; without it a pipelining client
            # waits 40 ms for every mail.
            listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            sockets.append(listener)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind(address)
            listener.listen(BACKLOG)
            listener.setblocking(False)
    except OSError:
        for listener in sockets:
            listener.close()
        raise
    return sockets


def _unix(path: Path, mode: int) -> socket.socket:
    """Bind beside the path, set the mode, then move into place: nobody meets a socket that is open to all, or deaf.

    It stays there when we end: the next start replaces it, and a successor's socket is never removed by mistake.
    """
    _refuse_if_alive(path)
    beside = path.with_name(f".{path.name}{_BESIDE}")
    beside.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(beside))
        beside.chmod(mode)
        listener.listen(BACKLOG)
        listener.setblocking(False)
        beside.rename(path)
    except OSError:
        listener.close()
        beside.unlink(missing_ok=True)
        raise
    return listener


def final_path(bound: str) -> str:
    """Return where a unix socket ended up that was bound under this name."""
    path = Path(bound)
    return str(path.with_name(path.name[1:].removesuffix(_BESIDE))) if bound.endswith(_BESIDE) else bound


def _refuse_if_alive(path: Path) -> None:
    try:
        kind = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(kind):
        raise FileExistsError(f"{path} exists and is not a socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return  # left behind by a process that is gone
    raise OSError(f"{path}: another process listens there")
