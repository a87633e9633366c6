"""What the service manager and the daemon say to each other: readiness, the watchdog, and sockets handed over.

Both are a few octets on a socket (sd_notify(3)) and three variables (sd_listen_fds(3)); neither needs a library, and
without a service manager both do nothing.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, MutableMapping

FIRST_DESCRIPTOR = 3  # SD_LISTEN_FDS_START


def notify(*lines: str, environment: Mapping[str, str] | None = None) -> bool:
    """Tell the service manager `READY=1`, `RELOADING=1`, `STOPPING=1`, `WATCHDOG=1`, `STATUS=…`; False if none listens.

    Never raises: a daemon that works must not die because nobody hears that it does.
    """
    path = (os.environ if environment is None else environment).get("NOTIFY_SOCKET", "")
    if not path.startswith(("/", "@")):
        return False
    # A leading @ stands for the NUL of the abstract namespace (unix(7)).
    address = "\0" + path[1:] if path.startswith("@") else path
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.settimeout(1)  # a manager that does not read must not stop the event loop for good
            channel.connect(address)
            channel.sendall("\n".join(lines).encode())
    except OSError:
        return False
    return True


def activated(environment: MutableMapping[str, str] | None = None) -> dict[str, list[socket.socket]]:
    """Return the sockets that were handed over, by their FileDescriptorName=, and take them: a second call has none.

    The variables are removed, so that no child process takes the descriptors for its own.
    """
    environment = os.environ if environment is None else environment
    ours = environment.get("LISTEN_PID") == str(os.getpid())
    count = environment.get("LISTEN_FDS", "")
    names = environment.get("LISTEN_FDNAMES", "").split(":")
    if not ours or not count.isdigit():
        return {}
    for variable in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        environment.pop(variable, None)
    found: dict[str, list[socket.socket]] = {}
    for index in range(int(count)):
        name = names[index] if index < len(names) and names[index] else "unknown"
        descriptor = FIRST_DESCRIPTOR + index
        os.set_inheritable(descriptor, False)
        # Family, type and protocol are read off the descriptor. asyncio sets TCP_NODELAY only on IPPROTO_TCP.
        found.setdefault(name, []).append(socket.socket(fileno=descriptor))
    return found
