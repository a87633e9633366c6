"""Ports for test servers: from a range below the ephemeral ports, never the same one for two processes at once."""

from __future__ import annotations

import os
import random
import socket

FIRST, LAST = 30000, 32767
_chosen = random.Random(os.getpid())
_given: set[int] = set()


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on and that this process has not returned before."""
    for _ in range(1000):
        port = _chosen.randint(FIRST, LAST)
        if port in _given:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
    raise RuntimeError(f"no free port between {FIRST} and {LAST}")
