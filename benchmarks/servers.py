"""The two servers that are compared: Poterne's daemon and Dovecot's LMTP, each on a fresh store of its own."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.daemon import Daemon
from tests.support.dovecot import Dovecot

MAILBOXES = 20
STOP_PATIENCE = 600.0  # seconds for the last ticket


@dataclass(frozen=True)
class Server:
    """One running server: where it takes LMTP, for whom, and its process."""

    name: str
    port: int
    process: int
    recipients: tuple[str, ...]
    store: Path

    def wait_until_finished(self, mails: int) -> None:
        """Return once every mail has become what it becomes. Dovecot is finished when it says 250."""
        if self.name == "dovecot":
            return
        deadline = time.monotonic() + STOP_PATIENCE
        with sqlite3.connect(f"file:{self.store}?mode=ro", uri=True) as database:
            while True:
                (waiting,) = database.execute("SELECT count(*) FROM intakes WHERE state = 'waiting'").fetchone()
                if waiting == 0:
                    break
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{waiting} mails are not finished")
                time.sleep(0.01)
            (done,) = database.execute("SELECT count(*) FROM intakes WHERE state = 'done'").fetchone()
        if done != mails:
            raise RuntimeError(f"{done} intakes for {mails} mails")

    def finished(self, mails: int) -> int:
        """Return how many of `mails` have become what they become."""
        if self.name == "dovecot":
            return mails
        with sqlite3.connect(f"file:{self.store}?mode=ro", uri=True) as database:
            (done,) = database.execute("SELECT count(*) FROM intakes WHERE state = 'done'").fetchone()
        return int(done)

    def dispositions(self) -> dict[str, int]:
        """Return how many mails became what."""
        with sqlite3.connect(f"file:{self.store}?mode=ro", uri=True) as database:
            return dict(database.execute("SELECT disposition, count(*) FROM intakes GROUP BY 1").fetchall())


@contextmanager
def poterne(folder: Path, *, relay: int = 9, environment: dict[str, str] | None = None) -> Iterator[Server]:
    """The whole daemon, as `poterne serve` runs it, with SQLite and its default of synchronous commits."""
    with Daemon(folder, relay=relay, environment=environment) as daemon:
        daemon.start()
        assert daemon.process is not None
        recipients = tuple(f"support+m{number}@tickets.example.org" for number in range(MAILBOXES))
        yield Server("poterne", daemon.lmtp, daemon.process.pid, recipients, folder / "poterne.db")
        daemon.stop()
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def dovecot(folder: Path) -> Iterator[Server]:
    """Dovecot's LMTP into Maildirs, with its default mail_fsync."""
    with Dovecot(folder, imap=False) as running:
        assert running.process is not None
        recipients = tuple(f"m{number}@tickets.example.org" for number in range(MAILBOXES))
        yield Server("dovecot", running.lmtp, running.process.pid, recipients, folder / "mail")
    shutil.rmtree(folder, ignore_errors=True)


SERVERS = {"poterne": poterne, "dovecot": dovecot}
