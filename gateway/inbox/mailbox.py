"""One signed-in IMAP connection, in the words that fetching needs. Blocking: it lives in a thread of its own.

The folder is opened read-only (EXAMINE) to fetch, and writable only to flag or move what is durable already.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError, LoginError

from gateway.errors import SignInRefused
from gateway.ports import TokenSource

PIECE_OCTETS = 1 << 20  # large mails are fetched in pieces, so that one does not hold the connection in one answer
SIZES_AT_ONCE = 500
IDLE_SECONDS = 540  # RFC 2177 §3: renew before the server's 30 minutes; proxies cut earlier
# Presets of the providers; everything else names its host.
HOSTS: Mapping[str, str] = MappingProxyType({"gmail": "imap.gmail.com", "office365": "outlook.office365.com"})


@dataclass(frozen=True, slots=True)
class Account:
    """How to reach and open one mailbox."""

    host: str
    port: int
    tls: str  # none | starttls | implicit
    username: str
    password: str = ""  # empty if `tokens` sign in
    tokens: TokenSource | None = None
    ca_file: Path | None = None
    timeout_seconds: float = 60

    def __repr__(self) -> str:
        return f"Account({self.username!r} at {self.host}:{self.port}, {self.tls})"


class Disconnected(OSError):
    """The server closed the connection, or went silent."""


class Mailbox:
    """A signed-in connection with one folder open read-only."""

    def __init__(self, client: IMAPClient, folder: str) -> None:
        self._client = client
        self._folder = folder
        self.uid_validity = 0
        self.uid_next = 1
        self._examine()

    def _examine(self) -> None:
        answer = self._client.select_folder(self._folder, readonly=True)
        self.uid_validity = int(answer.get(b"UIDVALIDITY", 0))
        self.uid_next = int(answer.get(b"UIDNEXT", 1))

    def uids_after(self, last_uid: int) -> list[int]:
        """Return the UIDs above `last_uid`, ascending."""
        self._client.noop()
        # RFC 3501 §6.4.8: `n:*` always names the last mail, even if its UID is below n.
        found = self._client.search(["UID", f"{last_uid + 1}:*"])
        return sorted(uid for uid in found if uid > last_uid)

    def sizes(self, uids: Iterable[int]) -> dict[int, int]:
        """Return the size in octets of each mail that still exists."""
        wanted, found = list(uids), {}
        for start in range(0, len(wanted), SIZES_AT_ONCE):
            answer = self._client.fetch(wanted[start : start + SIZES_AT_ONCE], ["RFC822.SIZE"])
            found.update({uid: int(data[b"RFC822.SIZE"]) for uid, data in answer.items() if b"RFC822.SIZE" in data})
        return found

    def fetch(self, uid: int, size: int) -> bytes | None:
        """Return the mail as it lies there, without marking it seen; None if it is gone."""
        if size <= PIECE_OCTETS:
            data = self._client.fetch([uid], ["BODY.PEEK[]"]).get(uid, {})
            content: bytes | None = data.get(b"BODY[]")
            return content
        whole = bytearray()
        while True:
            piece = self._client.fetch([uid], [f"BODY.PEEK[]<{len(whole)}.{PIECE_OCTETS}>"]).get(uid, {})
            content = next((value for key, value in piece.items() if key.startswith(b"BODY[]")), None)
            if content is None:
                return None
            whole += content
            if len(content) < PIECE_OCTETS:  # RFC 3501 §6.4.5: a short answer is the end
                return bytes(whole)

    def flag(self, uids: list[int]) -> None:
        """Mark mails that are durable here as seen."""
        self._writable(lambda: self._client.add_flags(uids, [rb"\Seen"], silent=True))

    def move(self, uids: list[int], folder: str) -> None:
        """Move mails that are durable here to another folder, which is made if it is missing."""

        def job() -> None:
            if not self._client.folder_exists(folder):
                self._client.create_folder(folder)
            if self._client.has_capability("MOVE"):
                self._client.move(uids, folder)
            else:
                self._client.copy(uids, folder)
                self._client.delete_messages(uids, silent=True)
                self._client.expunge(uids if self._client.has_capability("UIDPLUS") else None)

        self._writable(job)

    def _writable(self, job: Callable[[], Any]) -> None:
        try:
            self._client.select_folder(self._folder, readonly=False)  # raises if the server opens it READ-ONLY
            job()
        finally:
            self._examine()

    def wait(self, seconds: float) -> None:
        """Wait until the server has news or the time is over. Raises Disconnected if the connection is gone."""
        if not self._client.has_capability("IDLE"):
            raise NotImplementedByServer
        self._client.idle()
        answer = self._client.idle_check(timeout=min(seconds, IDLE_SECONDS))
        # After end of file idle_check() returns at once with nothing; idle_done() then raises.
        text, _ = self._client.idle_done()
        if any(item and item[0] == b"BYE" for item in answer):
            raise Disconnected(f"the server said goodbye: {text!r}")

    def interrupt(self) -> None:
        """End a wait from another thread."""
        try:
            self._client.socket().shutdown(2)
        except OSError:
            return

    def close(self) -> None:
        """Log out; a connection that is broken already is simply dropped."""
        try:
            self._client.logout()
        except (IMAPClientError, OSError):
            self._client.shutdown()


class NotImplementedByServer(Exception):
    """The server has no IDLE: the caller polls."""


def open_mailbox(account: Account, folder: str) -> Mailbox:
    """Connect, sign in, open the folder read-only. Raises SignInRefused when only a person can help, else OSError."""
    context = ssl.create_default_context(cafile=str(account.ca_file) if account.ca_file else None)
    client = IMAPClient(
        account.host,
        account.port,
        ssl=account.tls == "implicit",
        ssl_context=context if account.tls == "implicit" else None,
        timeout=account.timeout_seconds,
    )
    try:
        if account.tls == "starttls":
            client.starttls(context)
        sign_in(client, account)
        return Mailbox(client, folder)
    except BaseException:
        client.shutdown()
        raise


def sign_in(client: IMAPClient, account: Account) -> None:
    """Sign in by password, or by token: a refused token is renewed once before a person is asked."""
    if account.tokens is None:
        try:
            client.login(account.username, account.password)
        except LoginError as error:
            raise SignInRefused(password_advice(account, str(error))) from error
        return
    for renew in (False, True):
        token = account.tokens.access_token(renew=renew)
        try:
            client.oauth2_login(account.username, token)
        except LoginError as error:
            if renew:
                raise SignInRefused(token_advice(account, str(error))) from error
            continue
        return


def password_advice(account: Account, answer: str) -> str:
    """Say what the administrator does about a refused password."""
    if account.host == HOSTS["gmail"]:
        cure = "make an app password (2-step verification must be on) and allow IMAP in Gmail's settings"
    else:
        cure = "check username and password, and that IMAP is allowed for this account"
    return f"{account.host} refused {account.username}: {answer}; {cure}"


def token_advice(account: Account, answer: str) -> str:
    """Say what the administrator does about a refused token."""
    return (
        f"{account.host} refused the token of {account.username}: {answer}; check that IMAP is enabled for the "
        "mailbox and that the application has IMAP.AccessAsUser.All (unattended: IMAP.AccessAsApp with a registered "
        "service principal), then run `poterne connect` again"
    )
