"""What a process that the daemon starts for itself does first."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_NO_NEW_PRIVS: Final = 38
NICENESS: Final = 5  # a third of the daemon's claim to a processor: it keeps others at work, and clients wait for it


def bind_to(parent: int) -> None:
    """Die when the daemon dies, whatever it dies of; dump no core; from now on leave the stop signals to the daemon.

    And let the daemon go first. So this is a group of the daemon's session, and no session of its own: where Linux
    shares processors out among sessions (sched(7), autogroup), a niceness counts among the processes of one.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != parent:  # it died before it could be bound to
        sys.exit(1)
    with contextlib.suppress(OSError):  # it leads a group already, as one that somebody started by hand
        os.setpgid(0, 0)
    with contextlib.suppress(OSError):  # a service manager may refuse it, and all that is lost is some speed
        os.nice(NICENESS)
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
