"""The real daemon as a process of its own: start, wait until it is ready, ask, signal, kill, start again."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Self

from gateway.http.sessions import machine_token
from tests.support.ports import free_port

QUEUE = """
  {key}:
    creation_addresses: [{key}@tickets.example.org]
    inboxes: [{key}@example.org]
    from: Team {key} <{key}@example.org>
"""
CONFIGURATION = """\
hostname: tickets.example.org
listen:
  lmtp: 127.0.0.1:{lmtp}
  http: 127.0.0.1:{http}
database: {database}
secret: {{file: "{secret}"}}
limits: {{{limits}}}
queues:{queues}
channels:
  relay: {{type: relay, host: 127.0.0.1, port: {relay}, timeout: 10s}}
{more}
"""


class Daemon:
    """`poterne serve` on a folder. The same folder and database serve any number of starts."""

    def __init__(
        self,
        folder: Path,
        *,
        database: str | None = None,
        relay: int = 9,
        queues: tuple[str, ...] = ("support",),
        limits: str = "",
        more: str = "",
        environment: dict[str, str] | None = None,
        wrapper: tuple[str, ...] = (),
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.lmtp, self.http = free_port(), free_port()
        self.metrics = 0  # the port of listen.metrics, if a test configures one
        self.database = database or f"sqlite:///{folder}/poterne.db"
        self.config = folder / "poterne.yaml"
        self.log = folder / "daemon.log"
        self.environment = environment or {}
        self.wrapper = wrapper
        self.module = "gateway"
        self.descriptors: tuple[int, ...] = ()  # that the process inherits
        self.process: subprocess.Popen[bytes] | None = None
        secret = folder / "secret"
        if not secret.exists():
            secret.touch(mode=0o600)
            secret.write_text(secrets.token_urlsafe(48))
        self.text = CONFIGURATION.format(
            lmtp=self.lmtp,
            http=self.http,
            database=self.database,
            secret=secret,
            limits=limits,
            queues="".join(QUEUE.format(key=key) for key in queues),
            relay=relay,
            more=more,
        )
        self.config.write_text(self.text)

    def start(self, *, ready: bool = True, seconds: float = 30) -> Daemon:
        """Start it; return once /readyz is green, or at once."""
        command = [*self.wrapper, sys.executable, "-m", self.module, "serve", "-c", str(self.config)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                env=os.environ | self.environment,
                start_new_session=True,
                pass_fds=self.descriptors,
            )
        if ready:
            self.until(lambda: self.get("/readyz")[0] == 200, seconds)
        return self

    def until(self, condition, seconds: float = 20, pause: float = 0.05) -> None:
        """Wait for something to become true. Raises AssertionError with the end of the log if it does not."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.process is not None
            assert self.process.poll() is None, f"the daemon ended with {self.process.returncode}:\n{self.log_end()}"
            assert time.monotonic() < deadline, f"not within {seconds} s:\n{self.log_end()}"
            time.sleep(pause)

    def log_end(self, size: int = 4000) -> str:
        return self.log.read_text(errors="replace")[-size:] if self.log.exists() else "(no log)"

    def get(self, path: str, seconds: float = 15) -> tuple[int, Any]:
        """Return status and body of an HTTP request; status 0 if nobody answers."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.http}{path}")
        if path.startswith("/api/"):
            key = (self.folder / "secret").read_bytes()
            request.add_header("Authorization", f"Bearer {machine_token(key)}")
        try:
            with urllib.request.urlopen(request, timeout=seconds) as answer:
                status, body = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                status, body = error.code, error.read()
        except OSError:
            return 0, None
        try:
            return status, json.loads(body)
        except ValueError:
            return status, body.decode()

    def rows(self, listing: str) -> list[dict[str, Any]]:
        """Return a whole listing of the API, newest first."""
        found: list[dict[str, Any]] = []
        cursor = ""
        while True:
            status, page = self.get(f"/api/v1/{listing}?limit=1000{cursor}")
            assert status == 200, page
            found += page["items"]
            if page["next"] is None:
                return found
            cursor = f"&cursor={page['next']}"

    def settled(self) -> bool:
        """Tell whether no intake waits for its disposition."""
        status, page = self.get("/metrics")
        return (
            status == 200
            and "\npoterne_waiting_intakes 0.0" in page
            and all(row["state"] == "done" for row in self.get("/api/v1/intakes?limit=50")[1]["items"])
        )

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill9(self) -> None:
        """Kill the daemon's own process, and nothing that it started."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def wait_for_death(self, seconds: float = 30) -> None:
        """Return once it has killed itself. Raises AssertionError if it ends otherwise, TimeoutExpired if it lives."""
        assert self.process is not None
        code = self.process.wait(seconds)
        assert code == -signal.SIGKILL, f"ended with {code}:\n{self.log_end()}"

    def kill(self) -> None:
        """Clear away the daemon and everything that it started."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def stop(self, seconds: float = 40) -> int:
        """End it as systemd would; return the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            if self.wrapper[:1] == ("strace",):  # it keeps signals to itself
                os.killpg(self.process.pid, signal.SIGTERM)
            else:
                self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def command(self, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
        """Run another poterne command on the same configuration."""
        return subprocess.run(
            [sys.executable, "-m", "gateway", *arguments],
            env=os.environ | {"POTERNE_CONFIG": str(self.config)},
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
