"""Real Postfix instances of the test's own: in front of the daemon, or behind it as relay with Maildirs.

Needs root, because Postfix changes its user; nothing outside of the instance's folder is touched. The folder has to be
readable for Postfix's user: see `open_folder`.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.support.ports import free_port

MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
maillog_file = /dev/stdout
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = {host}
myorigin = {host}
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
{transports}
default_transport = {default}
relay_transport = {default}
disable_dns_lookups = yes
message_size_limit = 52428800
mailbox_size_limit = 0
virtual_mailbox_limit = 0
lmtp_destination_recipient_limit = 50
lmtp_line_length_limit = 0
smtpd_forbid_bare_newline = normalize
smtpd_forbid_bare_newline_exclusions =
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
maximal_queue_lifetime = 1d
bounce_queue_lifetime = 1d
smtputf8_enable = yes
fast_flush_domains =
{mailboxes}
virtual_mailbox_base = {folder}/mail
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
{more}
"""
MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 1 1 qmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
proxymap  unix  - - n - - proxymap
smtp      unix  - - n - - smtp
lmtp      unix  - - n - - lmtp
virtual   unix  - n n - - virtual
showq     unix  n - n - - showq
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
"""
DELIVERY = re.compile(r"(\w+): to=<([^>]*)>.* dsn=([\d.]+), status=(\w+) \((.*)\)$", re.MULTILINE)
START_SECONDS = 15


@dataclass(frozen=True)
class Logged:
    """What Postfix's log says of one attempt for one recipient."""

    queue_id: str
    to: str
    dsn: str
    status: str  # sent, deferred, bounced
    text: str


def routed(transports: Mapping[str, str]) -> str:
    """Return the lines that relay domains over transports of their own."""
    if not transports:
        return "relay_domains ="
    table = ", ".join(f"{{{domain} = {where}}}" for domain, where in transports.items())
    return f"relay_domains = {', '.join(transports)}\ntransport_maps = inline:{{ {table} }}"


def boxed(mailboxes: Sequence[str]) -> str:
    """Return the lines that give each address a Maildir."""
    if not mailboxes:
        return "virtual_mailbox_domains ="
    domains = sorted({address.partition("@")[2] for address in mailboxes})
    table = ", ".join(f"{{{address} = {address}/}}" for address in mailboxes)
    return f"virtual_mailbox_domains = {', '.join(domains)}\nvirtual_mailbox_maps = inline:{{ {table} }}"


@contextlib.contextmanager
def open_folder() -> Iterator[Path]:
    """A temporary folder that other users may enter: pytest's own are closed to them."""
    folder = Path(tempfile.mkdtemp(prefix="poterne-", dir="/var/tmp"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Postfix:
    """`with Postfix(folder, transports={"tickets.example.org": "lmtp:inet:127.0.0.1:30024"}) as front`."""

    def __init__(
        self,
        folder: Path,
        *,
        host: str = "mx.example.org",
        transports: Mapping[str, str] | None = None,
        mailboxes: Sequence[str] = (),
        default: str = "discard:",
        more: str = "",
    ) -> None:
        self.folder = folder
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        for name in ("etc", "spool", "data", "mail"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        shutil.chown(folder / "data", "postfix")
        shutil.chown(folder / "mail", "mail", "mail")
        owner = (folder / "mail").stat()
        (folder / "etc/master.cf").write_text(MASTER.format(port=self.port))
        (folder / "etc/main.cf").write_text(
            MAIN.format(
                folder=folder,
                host=host,
                transports=routed(transports or {}),
                default=default,
                mailboxes=boxed(mailboxes),
                uid=owner.st_uid,
                gid=owner.st_gid,
                more=more,
            )
        )

    def start(self) -> Self:
        """Start it; return once SMTP answers."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                ["postfix", "-c", str(self.folder / "etc"), "start-fg"], stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=5) as probe:
                    if probe.recv(100).startswith(b"220 "):
                        probe.sendall(b"QUIT\r\n")
                        return self
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Postfix does not start:\n{self.log()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop it and everything that it started."""
        if self.process is None:
            return
        self._run("postfix", "stop")
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process = None

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def logged(self, to: str = "") -> list[Logged]:
        """Return what the log says of attempts to deliver, of one recipient or of all, oldest first."""
        found = [Logged(*(match[part] for part in (1, 2, 3, 4, 5))) for match in DELIVERY.finditer(self.log())]
        return [entry for entry in found if to in {"", entry.to}]

    def queue(self) -> list[dict[str, object]]:
        """Return what waits in the queue."""
        return [json.loads(line) for line in self._run("postqueue", "-j").splitlines()]

    def flush(self) -> None:
        """Try everything that waits again, now."""
        self._run("postqueue", "-f")

    def mails(self, address: str) -> list[bytes]:
        """Return what was delivered to a mailbox, oldest first."""
        box = self.folder / "mail" / address
        files = [path for part in ("new", "cur") if (box / part).is_dir() for path in (box / part).iterdir()]
        return [path.read_bytes() for path in sorted(files, key=lambda path: (path.stat().st_mtime_ns, path.name))]

    def _run(self, command: str, *arguments: str) -> str:
        done = subprocess.run(
            [command, "-c", str(self.folder / "etc"), *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        return done.stdout

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def swaks(port: int, mail_from: str, recipients: Sequence[str], content: bytes) -> subprocess.CompletedProcess[str]:
    """Send a mail as a person at a shell would. The content is header and body, with newlines."""
    with tempfile.NamedTemporaryFile(suffix=".eml") as file:
        file.write(content)
        file.flush()
        command = ["swaks", "--server", "127.0.0.1", "--port", str(port), "--from", mail_from]
        command += ["--to", ",".join(recipients), "--data", f"@{file.name}", "--helo", "client.example.com"]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
