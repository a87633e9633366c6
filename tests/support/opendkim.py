"""The second opinion on signatures: Debian's OpenDKIM, with public keys from a file instead of DNS."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from tests.support.ports import free_port


def opendkim_results(message: bytes, records: Mapping[str, str], directory: Path) -> tuple[str, ...]:
    """Return `algorithm result` per signature, as OpenDKIM's Authentication-Results state them."""
    (directory / "keys").write_text("".join(f"{name} {record}\n" for name, record in records.items()))
    (directory / "opendkim.conf").write_text(f"TestPublicKeys {directory}/keys\nMode v\nOn-KeyNotFound accept\n")
    (directory / "message").write_bytes(message)
    run = subprocess.run(
        ["/usr/sbin/opendkim", "-x", directory / "opendkim.conf", "-t", directory / "message", "-vvv"],
        capture_output=True,
        timeout=20,
        check=False,
    )
    text = run.stdout.decode()
    # "not signed": OpenDKIM does not consider the message at all
    assert "Authentication-Results" in text or "message not signed" in text, (run.stdout, run.stderr)
    found = re.findall(r"dkim=(\w+)[^;]*?header\.a=([\w-]+)", text, re.DOTALL)
    return tuple(f"{algorithm} {result}" for result, algorithm in found)


class Milter:
    """`with Milter(folder, records, "mx.example.org") as milter`: verifies what a Postfix in front takes, and notes it.

    What it finds it writes into Authentication-Results, above the Received of the Postfix that asks it (RFC 8601 §5).
    """

    def __init__(self, folder: Path, records: Mapping[str, str], authserv_id: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        (folder / "keys").write_text("".join(f"{name} {record}\n" for name, record in records.items()))
        (folder / "hosts").write_text("192.0.2.1\n")  # nobody is internal: everything is verified
        self.config = folder / "opendkim.conf"
        self.config.write_text(
            f"Socket inet:{self.port}@127.0.0.1\nMode v\nTestPublicKeys {folder}/keys\nAuthservID {authserv_id}\n"
            f"AlwaysAddARHeader yes\nInternalHosts {folder}/hosts\nOn-Default accept\nSyslog no\n"
        )

    @property
    def settings(self) -> str:
        """Return what Postfix needs to know."""
        return f"smtpd_milters = inet:127.0.0.1:{self.port}\nmilter_default_action = tempfail"

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(["/usr/sbin/opendkim", "-f", "-x", self.config], start_new_session=True)
        deadline = time.monotonic() + 15
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return self
            assert self.process.poll() is None, "OpenDKIM ended"
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def __exit__(self, *_: object) -> None:
        assert self.process is not None
        self.process.terminate()
        self.process.wait(10)
