"""Sets the stage: a folder of its own with configuration, key and database, free ports, and the daemon on it."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import smtplib
import socket
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONFIGURATION = """\
# Made by `poterne demo`; try the other commands on it: poterne -c THIS_FILE tickets
hostname: tickets.example.org
listen:
  lmtp: 127.0.0.1:{lmtp}
  http: 127.0.0.1:{http}
database: sqlite:///{folder}/poterne.db
secret: {{file: "{folder}/secret"}}
queues:
  support:
    name: Support
    colour: "#2f6fde"
    creation_addresses: [support-in@tickets.example.org]
    inboxes: [support@example.org]
    forwarders: [support@example.org]
    from: Example Support <support@example.org>
    appearance: {{signature: The Example team}}
channels:
  relay: {{type: relay, host: 127.0.0.1, port: {relay}}}
dkim:
  - {{domain: example.org, selector: demo, key: {{file: "{folder}/dkim.pem"}}}}
"""
FIRST_PORT, LAST_PORT = 30000, 32767  # below the ephemeral ports of Linux
START_SECONDS = 30
STOP_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Stage:
    """Where everything of one run is."""

    folder: Path
    lmtp: int
    http: int
    relay: int

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.folder / "poterne.yaml"

    @property
    def token(self) -> str:
        """The token by which this machine's operator reads the API."""
        from gateway.http.sessions import machine_token

        return machine_token((self.folder / "secret").read_bytes())

    @property
    def page(self) -> str:
        """The address of the daemon's page."""
        return f"http://127.0.0.1:{self.http}/"


def free_port() -> int:
    """Return a port that nobody listens on at this moment."""
    for _ in range(200):
        port = FIRST_PORT + secrets.randbelow(LAST_PORT - FIRST_PORT)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("no free port between 30000 and 32767")


def new_folder(parent: Path) -> Path:
    """Make the folder of this run; the folders of earlier runs stay as they are."""
    for number in range(1, 100_000):
        folder = parent / f"run-{number:03d}"
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder.resolve()
    raise OSError(f"{parent} holds too many runs; remove it")


def prepare(parent: Path) -> Stage:
    """Write configuration and key. The DKIM key is made by `poterne dkim generate`, as an operator would."""
    folder = new_folder(parent)
    stage = Stage(folder, free_port(), free_port(), free_port())
    secret = folder / "secret"
    secret.touch(mode=0o600)
    secret.write_text(secrets.token_urlsafe(48))
    stage.config.write_text(CONFIGURATION.format(folder=folder, lmtp=stage.lmtp, http=stage.http, relay=stage.relay))
    return stage


async def poterne(stage: Stage, *arguments: str, text: str = "") -> str:
    """Run a poterne command on the stage's configuration; return what it prints. Raises RuntimeError if it fails."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "gateway",
        *arguments,
        env=os.environ | {"POTERNE_CONFIG": str(stage.config)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate(text.encode())
    if process.returncode:
        raise RuntimeError(f"poterne {' '.join(arguments)}: exit {process.returncode}: {errors.decode().strip()}")
    return output.decode()


class Daemon:
    """`poterne serve` as a process of its own, as in production."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it and wait until it is ready. Raises RuntimeError with the end of its log if it is not."""
        with (self._stage.folder / "daemon.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "gateway",
                "serve",
                "-c",
                str(self._stage.config),
                stdout=log,
                stderr=log,
            )
        try:
            async with asyncio.timeout(START_SECONDS):
                while not await asyncio.to_thread(self._ready):
                    if self._process.returncode is not None:
                        raise RuntimeError(f"the daemon ended: {self._log_end()}")
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise RuntimeError(f"the daemon is not ready: {self._log_end()}") from None

    def _ready(self) -> bool:
        try:
            return bool(read_json(f"{self._stage.page}readyz")["status"] == "ready")
        except OSError:
            return False

    def _log_end(self) -> str:
        return (self._stage.folder / "daemon.log").read_text(errors="replace")[-2000:]

    async def stop(self) -> int:
        """End it as systemd would; return its exit code."""
        if self._process is None:
            return 0
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(STOP_SECONDS):
            return await self._process.wait()

    async def wait(self) -> int:
        """Wait until it ends by itself."""
        assert self._process is not None
        return await self._process.wait()


def read_json(url: str, token: str = "") -> Any:
    """Return what a URL of the daemon answers; the API asks for a token."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - always our own http address
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return json.load(answer)


def deliver(stage: Stage, mail_from: str, rcpt_to: str, content: bytes) -> None:
    """Hand a mail over by LMTP, as Postfix would. Raises smtplib.SMTPException if it is not taken."""
    with smtplib.LMTP("127.0.0.1", stage.lmtp, local_hostname="mx.example.org", timeout=30) as client:
        client.sendmail(mail_from, [rcpt_to], content)
