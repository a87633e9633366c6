"""Two Poternes that really run and acknowledge each other, with every header stripped between them, for a day.

The wire between them lets only sender, subject and text through, and changes both, so that neither sees that a machine
writes. Time passes by moving the ledgers of both back, hour by hour: that is what the windows of the bound look at.
"""

from __future__ import annotations

import random
import smtplib
import sqlite3
import time
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from tests.support.daemon import Daemon
from tests.support.recorder import Recorder

HOURS = 6  # that pass at once: four attempts in a day, of which the bound allows three
DAY = 24 // HOURS
# What the bound, the detectors and the breaker compare with the present.
MOMENTS = {
    "automatic_counts": ("queued_at", "sent_at"),
    "automatic_mails": ("queued_at", "sent_at"),
    "intakes": ("received_at",),
    "tickets": ("created_at", "updated_at"),
    "suspicions": ("since", "suspect_until"),
    "breakers": ("tripped_at", "open_until"),
    "demands": ("at",),
}
WORDS = ("printer", "garden", "invoice", "kettle", "ladder", "mirror", "carpet", "window", "engine", "lamp", "fence")

pytestmark = pytest.mark.xdist_group("two poternes")


class Side:
    """One of the two, with the wire that leads from it to the other."""

    def __init__(self, folder: Path, domain: str) -> None:
        self.domain = domain
        self.wire = Recorder()
        self.carried = 0
        self.in_period: list[int] = []  # automatic mails to the other one
        self.rng = random.Random(domain)
        self.wire.__enter__()
        self.daemon = Daemon(folder, relay=self.wire.port)
        self.daemon.text = self.daemon.text.replace("example.org", domain)
        self.daemon.config.write_text(self.daemon.text)

    def start(self) -> None:
        self.daemon.start()

    def end(self) -> None:
        self.daemon.kill()
        self.wire.__exit__(None, None, None)

    def write_to(self, other: Side, text: str) -> None:
        """Write as this side's desk, with nothing that would tell what wrote it."""
        words = " ".join(self.rng.choices(WORDS, k=30))
        lines = [
            f"From: support@{self.domain}",
            f"To: support@{other.domain}",
            f"Subject: {' '.join(self.rng.choices(WORDS, k=4))}",
            f"Message-ID: <{self.rng.getrandbits(64):x}@{self.domain}>",
        ]
        content = "\r\n".join([*lines, "", words, text[:500], ""]).encode("ascii", "replace")
        with smtplib.LMTP("127.0.0.1", other.daemon.lmtp, local_hostname="mx.test", timeout=30) as client:
            client.sendmail(f"support@{self.domain}", [f"support@tickets.{other.domain}"], content)

    def carry(self, other: Side) -> int:
        """Take over to the other side what this one sent since; return how many mails that were."""
        mails = self.wire.mails[self.carried :]
        self.carried += len(mails)
        for mail in mails:
            message = message_from_bytes(mail.content, policy=policy.default)
            assert message["Auto-Submitted"] == "auto-replied"
            body = message.get_body(("plain",))
            self.write_to(other, body.get_content().replace("\n", "\r\n") if body is not None else "")
        return len(mails)

    def is_quiet(self) -> bool:
        return self.daemon.settled() and all(row["state"] != "queued" for row in self.daemon.rows("outbox"))

    def let_pass(self, hours: int, *, forgetful: bool = False) -> None:
        """Move everything that the ledger remembers into the past."""
        passed = hours * 3_600_000_000
        with sqlite3.connect(self.daemon.folder / "poterne.db", timeout=30, isolation_level=None) as ledger:
            ledger.execute("BEGIN IMMEDIATE")
            for table, columns in MOMENTS.items():
                ledger.execute(f"UPDATE {table} SET {', '.join(f'{name} = {name} - {passed}' for name in columns)}")
            if forgetful:
                ledger.execute("DELETE FROM automatic_counts")
                ledger.execute("DELETE FROM suspicions")
                ledger.execute("UPDATE intakes SET organisation = NULL")  # the detector looks at these
            ledger.execute("COMMIT")
        ledger.close()


def talk(one: Side, other: Side) -> None:
    """Carry mails to and fro until both have nothing to say any more."""
    deadline = time.monotonic() + 150
    for side in (one, other):
        side.in_period.append(0)
    while True:
        for side, opposite in ((one, other), (other, one)):
            side.daemon.until(side.is_quiet, 60)
            side.in_period[-1] += side.carry(opposite)
        if all(side.is_quiet() and side.carried == len(side.wire.mails) for side in (one, other)):
            return
        assert time.monotonic() < deadline, "they never stop"


@pytest.mark.parametrize("forgetful", [False, True], ids=["as_it_is", "with_a_ledger_that_forgets"])
def test_they_send_each_other_at_most_three_automatic_mails_in_a_day(tmp_path: Path, forgetful: bool) -> None:
    """With a ledger that is emptied all the time, they do not stop: the test would notice."""
    one, other = Side(tmp_path / "one", "example.org"), Side(tmp_path / "two", "example.net")
    try:
        for side in (one, other):
            side.start()
        for _ in range(4 if forgetful else DAY + 1):
            one.write_to(other, "We have a question.")
            talk(one, other)
            for side in (one, other):
                side.let_pass(HOURS, forgetful=forgetful)
    finally:
        for side in (one, other):
            side.end()
    fullest = [max(sum(side.in_period[at : at + DAY]) for at in range(2)) for side in (one, other)]

    if forgetful:
        assert max(fullest) > 3, [side.in_period for side in (one, other)]
    else:
        assert max(fullest) <= 3, [side.in_period for side in (one, other)]
        assert min(fullest) >= 1
