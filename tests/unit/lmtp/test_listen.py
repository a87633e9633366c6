"""Where the listener listens: TCP without Nagle, unix sockets with their mode, sockets that were handed over."""

from __future__ import annotations

import socket
import stat
import time

import pytest

from gateway.lmtp import LmtpServer, open_sockets
from tests.support.lmtp_client import LmtpClient
from tests.support.lmtp_listener import Listener
from tests.support.ports import free_port

MAIL = b"Subject: x\r\n\r\nx\r\n"


async def serve(sockets: list[socket.socket]) -> LmtpServer:
    listener = Listener()
    await listener.server.start(sockets)
    return listener.server


async def take_one(where: str) -> int:
    async with LmtpClient(where) as client:
        return (await client.deliver("", ["support@example.org"], MAIL))[0].code


async def test_tcp():
    port = free_port()
    sockets = open_sockets(f"127.0.0.1:{port}")
    server = await serve(sockets)

    assert await take_one(f"127.0.0.1:{port}") == 250
    # asyncio switches Nagle's algorithm off only on such sockets
    assert [each.proto for each in sockets] == [socket.IPPROTO_TCP]
    assert await server.stop()


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


async def test_tcp_on_ipv6():
    port = free_port()
    if not has_ipv6():
        with pytest.raises(OSError, match=r"\S"):
            open_sockets(f"[::1]:{port}")
        return
    sockets = open_sockets(f"[::1]:{port}")
    server = await serve(sockets)

    assert await take_one(f"::1:{port}") == 250
    assert await server.stop()


def test_a_taken_port_is_an_error():
    port = free_port()
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        with pytest.raises(OSError, match="in use"):
            open_sockets(f"127.0.0.1:{port}")


@pytest.mark.parametrize("where", ["", "8024", ":8024", "localhost:", "localhost:smtp", "systemd"])
def test_no_such_place(where: str):
    with pytest.raises(ValueError, match="listen"):
        open_sockets(where)


@pytest.mark.parametrize("mode", [0o600, 0o660, 0o666])
async def test_unix_socket_with_mode(tmp_path, mode: int):
    path = tmp_path / "lmtp.sock"
    server = await serve(open_sockets(f"unix:{path}", mode))

    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert await take_one(f"unix:{path}") == 250
    assert [entry.name for entry in tmp_path.iterdir()] == ["lmtp.sock"]
    assert await server.stop()


async def test_a_unix_socket_that_a_dead_process_left_is_replaced(tmp_path):
    path = tmp_path / "lmtp.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    server = await serve(open_sockets(f"unix:{path}"))

    assert await take_one(f"unix:{path}") == 250
    assert await server.stop()


async def test_a_unix_socket_that_is_alive_is_left_alone(tmp_path):
    path = tmp_path / "lmtp.sock"
    server = await serve(open_sockets(f"unix:{path}"))
    with pytest.raises(OSError, match="another process listens"):
        open_sockets(f"unix:{path}")

    assert await take_one(f"unix:{path}") == 250
    assert await server.stop()


def test_a_file_is_not_overwritten(tmp_path):
    path = tmp_path / "lmtp.sock"
    path.write_text("precious")
    with pytest.raises(FileExistsError):
        open_sockets(f"unix:{path}")

    assert path.read_text() == "precious"
    assert len(list(tmp_path.iterdir())) == 1


async def test_sockets_that_were_handed_over(tmp_path):
    tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    tcp.bind(("127.0.0.1", 0))
    tcp.listen()
    unix = socket.socket(socket.AF_UNIX)
    unix.bind(str(tmp_path / "s"))
    unix.listen()
    server = await serve(open_sockets("systemd", activated=[tcp, unix]))

    assert await take_one(f"127.0.0.1:{tcp.getsockname()[1]}") == 250
    assert await take_one(f"unix:{tmp_path / 's'}") == 250
    assert await server.stop()


async def test_a_pipelining_client_does_not_wait_for_delayed_packets():
    port = free_port()
    server = await serve(open_sockets(f"127.0.0.1:{port}"))
    async with LmtpClient(f"127.0.0.1:{port}") as client:
        started = time.monotonic()
        for _ in range(50):
            assert (await client.deliver("", ["support@example.org"], MAIL))[0].code == 250
        assert time.monotonic() - started < 1.0  # Nagle would take 40 ms each
    assert await server.stop()
