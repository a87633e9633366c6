"""kill -9 while a direct inbox is fetched: `python -m tests.faults.inbox --kills 50 --mails 2000`.

Every mail in the mailbox becomes one intake with the octets that the server handed out; none is doubled; and a
mail that the mailbox shows as taken is in the database, whatever moment the daemon died at.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.oracle import query, read_intakes, report
from tests.support.daemon import Daemon
from tests.support.provider import Provider, open_provider

ACCOUNT = "help@example.net"
CONNECTION = """\
connections:
  desk:
    type: imap
    queue: support
    account: {account}
    host: localhost
    port: {imaps}
    ca_file: {ca}
    smtp_host: localhost
    smtp_port: {smtp}
    poll: 2s
    backfill: true
    password: {{file: "{password}"}}
"""


@dataclass
class Outcome:
    mails: int = 0
    kills: int = 0
    intakes: int = 0
    seconds: float = 0
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.mails} mails, {self.kills} kills, {self.intakes} intakes in {self.seconds:.0f} s, "
            f"{len(self.faults)} faults"
        )


def fill(provider: Provider, mails: int) -> None:
    """Put distinct mails into the mailbox, as the provider's own server would store them."""
    box = provider.dovecot.folder / "mail" / ACCOUNT
    provider.deliver(content(0))
    for number in range(1, mails):
        path = box / "new" / f"{1_700_000_000 + number}.M{number}P1.test"
        path.write_bytes(content(number))
        path.chmod(0o666)


def content(number: int) -> bytes:
    return (
        f"From: Customer {number} <customer{number}@local.test>\r\nTo: {ACCOUNT}\r\nSubject: Question {number}\r\n"
        f"Message-ID: <{number}@local.test>\r\nDate: Mon, 04 May 2026 10:00:00 +0200\r\n\r\nQuestion {number}.\r\n"
    ).encode()


def marked_as_taken(provider: Provider) -> int:
    """Count the mails that the mailbox shows as taken (flag S in their Maildir name)."""
    current = provider.dovecot.folder / "mail" / ACCOUNT / "cur"
    return sum("S" in path.name.partition(":2,")[2] for path in current.iterdir()) if current.is_dir() else 0


def run(folder: Path, *, kills: int, mails: int, seed: int = 0) -> Outcome:
    """Fetch a full mailbox with a daemon that is killed again and again."""
    outcome = Outcome(mails=mails)
    chance = random.Random(seed)
    started = time.monotonic()
    password = folder / "app-password"
    password.touch(mode=0o600)
    password.write_text("app-pass")
    with open_provider(ACCOUNT) as provider:
        fill(provider, mails)
        more = CONNECTION.format(
            account=ACCOUNT,
            imaps=provider.dovecot.imaps,
            smtp=provider.postfix.port,
            ca=provider.ca_file,
            password=password,
        )
        with Daemon(folder, more=more) as daemon:
            for _ in range(kills):
                before = taken(daemon)
                daemon.start(ready=False)
                goal = before + chance.randint(1, max(1, mails // (kills + 2)))
                daemon.until(lambda goal=goal: taken(daemon) >= min(goal, mails), 60)
                time.sleep(chance.uniform(0, 0.05))
                daemon.kill()
                outcome.kills += 1
                marked, there = marked_as_taken(provider), taken(daemon)
                if marked > there:
                    outcome.faults.append(f"the mailbox shows {marked} as taken, the database has {there}")
            daemon.start()
            daemon.until(lambda: taken(daemon) >= mails, 300)
            daemon.until(lambda: marked_as_taken(provider) >= mails, 60)
            daemon.until(daemon.settled, 300)
            if daemon.command("audit").returncode != 0:
                outcome.faults.append("audit finds a difference")
            compare(daemon, mails, outcome)
    outcome.seconds = time.monotonic() - started
    return outcome


def taken(daemon: Daemon) -> int:
    """Count the intakes by a connection of our own."""
    path = Path(daemon.database.removeprefix("sqlite:///"))
    if not path.exists():
        return 0
    try:
        return int(query(daemon.database, "SELECT count(*) FROM intakes")[0][0])
    except Exception:  # the schema is being made
        return 0


def compare(daemon: Daemon, mails: int, outcome: Outcome) -> None:
    """Compare what was put in with what is there, without the store's code."""
    rows = read_intakes(daemon.database)
    outcome.intakes = len(rows)
    # The provider's server put a line on top of mail 0; all others are the octets that we know.
    kept = Counter(row.stored_sha256 for row in rows)
    for number in range(1, mails):
        if (copies := kept[hashlib.sha256(content(number)).hexdigest()]) != 1:
            outcome.faults.append(f"mail {number} is {copies} intakes")
    if len(rows) != mails:
        outcome.faults.append(f"{mails} mails are {len(rows)} intakes")
    for row in rows:
        if row.stated_sha256 != row.stored_sha256:
            outcome.faults.append(f"intake {row.id} is not the octets that it says")
        if row.state != "done" or row.disposition not in {"ticket", "append", "quarantine"}:
            outcome.faults.append(f"intake {row.id} is {row.state}, {row.disposition}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.inbox", description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--mails", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="poterne-inbox-") as folder:
        outcome = run(Path(folder), kills=wanted.kills, mails=wanted.mails, seed=wanted.seed)
    return report(outcome, outcome.faults)


if __name__ == "__main__":
    raise SystemExit(main())
