from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.telemetry.notify import activated, notify


@pytest.fixture
def manager(tmp_path: Path) -> socket.socket:
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    channel.bind(str(tmp_path / "notify"))
    channel.settimeout(5)
    return channel


def test_the_service_manager_hears_each_line(manager: socket.socket) -> None:
    with manager:
        assert notify("READY=1", "STATUS=works", environment={"NOTIFY_SOCKET": manager.getsockname()})
        assert manager.recv(200) == b"READY=1\nSTATUS=works"


def test_an_abstract_socket_is_understood() -> None:
    name = f"\0poterne-notify-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(name)
        channel.settimeout(5)

        assert notify("WATCHDOG=1", environment={"NOTIFY_SOCKET": "@" + name[1:]})
        assert channel.recv(200) == b"WATCHDOG=1"


@pytest.mark.parametrize("path", ["", "relative", "/nonexistent/notify", "/" + "x" * 300])
def test_a_manager_that_is_not_there_disturbs_nothing(path: str) -> None:
    assert notify("READY=1", environment={"NOTIFY_SOCKET": path}) is False


def test_without_a_manager_no_socket_is_handed_over() -> None:
    assert activated({}) == {}
    assert activated({"LISTEN_PID": "1", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "lmtp"}) == {}
    assert activated({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "x"}) == {}


CHILD = """
import os, sys
from gateway.telemetry.notify import activated
os.environ["LISTEN_PID"] = str(os.getpid())
first, second = activated(), activated()
for name, sockets in sorted(first.items()):
    print(name, [(s.family.name, s.proto, s.getsockname()[1], s.get_inheritable()) for s in sockets])
print(second, [v for v in os.environ if v.startswith("LISTEN_")])
"""


def test_handed_over_sockets_are_taken_once_by_their_names() -> None:
    """A child gets two listeners as descriptors 3 and 4, the way systemd hands them over."""
    with socket.create_server(("127.0.0.1", 0)) as lmtp, socket.create_server(("127.0.0.1", 0)) as http:
        ports = [lmtp.getsockname()[1], http.getsockname()[1]]

        def hand_over() -> None:
            # Well out of the way first: either socket may be descriptor 3 or 4 itself.
            high = [os.dup2(lmtp.fileno(), 103), os.dup2(http.fileno(), 104)]
            for index, descriptor in enumerate(high):
                os.dup2(descriptor, 3 + index)

        done = subprocess.run(
            [sys.executable, "-c", CHILD],
            check=True,
            capture_output=True,
            text=True,
            close_fds=False,
            preexec_fn=hand_over,
            env={**os.environ, "LISTEN_FDS": "2", "LISTEN_FDNAMES": "lmtp:http"},
        )

    assert done.stdout.splitlines() == [
        f"http [('AF_INET', 6, {ports[1]}, False)]",
        f"lmtp [('AF_INET', 6, {ports[0]}, False)]",
        "{} []",
    ]
