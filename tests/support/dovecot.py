"""A real Dovecot of the test's own: LMTP for the benchmark, IMAP with passwords and OAuth for direct inboxes.

Needs root, because Dovecot changes its user. Mail goes to Maildirs under `folder/mail`, one for each address.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

from tests.support.ports import free_port

CONFIGURATION = """\
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/dovecot.log
protocols = {protocols}
listen = 127.0.0.1
first_valid_uid = 1
disable_plaintext_auth = no
auth_mechanisms = plain login{oauth_mechanisms}
mail_location = maildir:{folder}/mail/%u
postmaster_address = postmaster@example.org
hostname = dovecot.example.org
{oauth_passdb}
passdb {{
  driver = static
  mechanisms = plain login
  args = password={password}
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={folder}/mail/%u allow_all_users=yes
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp}
  }}
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
{ssl}
{imap}
{more}
"""
IMAP = """\
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = {ssl}
  }}
}}
"""
OAUTH_PASSDB = """\
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {folder}/oauth2.conf.ext
}}
"""
OAUTH = """\
introspection_mode = post
introspection_url = {url}
username_attribute = username
active_attribute = active
active_value = true
"""
START_SECONDS = 15


class Dovecot:
    """`with Dovecot(folder) as dovecot`, then connect to `dovecot.lmtp` or `dovecot.imap` on 127.0.0.1."""

    def __init__(
        self,
        folder: Path,
        *,
        imap: bool = True,
        password: str = "app-pass",
        introspection_url: str | None = None,
        certificate: tuple[Path, Path] | None = None,
        more: str = "",
    ) -> None:
        self.folder = folder
        self.password = password
        self.lmtp, self.imap, self.imaps = free_port(), free_port(), free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.config = folder / "dovecot.conf"
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        (folder / "run").mkdir(exist_ok=True)
        if introspection_url:
            (folder / "oauth2.conf.ext").write_text(OAUTH.format(url=introspection_url))
        ssl = "ssl = no"
        if certificate:
            ssl = f"ssl = yes\nssl_cert = <{certificate[0]}\nssl_key = <{certificate[1]}"
        self.config.write_text(
            CONFIGURATION.format(
                folder=folder,
                protocols="imap lmtp" if imap else "lmtp",
                password=password,
                lmtp=self.lmtp,
                oauth_mechanisms=" xoauth2 oauthbearer" if introspection_url else "",
                oauth_passdb=OAUTH_PASSDB.format(folder=folder) if introspection_url else "",
                ssl=ssl,
                imap=IMAP.format(imap=self.imap, imaps=self.imaps, ssl="yes" if certificate else "no") if imap else "",
                more=more,
            )
        )

    def start(self) -> Self:
        """Start it; return once LMTP answers."""
        mail = self.folder / "mail"
        mail.mkdir(exist_ok=True)
        shutil.chown(mail, "mail", "mail")
        self.process = subprocess.Popen(["dovecot", "-F", "-c", str(self.config)], start_new_session=True)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.lmtp), timeout=1) as probe:
                    if probe.recv(100).startswith(b"220 "):
                        return self
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Dovecot does not start:\n{self.log()}")
            time.sleep(0.05)

    def log(self) -> str:
        path = self.folder / "dovecot.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def stop(self) -> None:
        """Stop it and everything that it started."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process = None

    def empty(self) -> None:
        """Throw away all mail. Only while it is stopped."""
        assert self.process is None
        shutil.rmtree(self.folder / "mail", ignore_errors=True)

    def mails(self, address: str) -> list[bytes]:
        """Return what was delivered to an address, oldest first."""
        box = self.folder / "mail" / address
        files = [path for part in ("new", "cur") if (box / part).is_dir() for path in (box / part).iterdir()]
        return [path.read_bytes() for path in sorted(files, key=lambda path: path.name)]

    def kick(self, user: str) -> None:
        """Close the IMAP connections of a user."""
        subprocess.run(["doveadm", "-c", str(self.config), "kick", user], check=False, capture_output=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
