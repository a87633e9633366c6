"""The real daemon dies while it sends: the relay gets one mail per Message-ID, or the same octets again (I8)."""

from __future__ import annotations

import random
import smtplib
import time
from collections import defaultdict
from email import message_from_bytes
from pathlib import Path

import pytest

from tests.support.daemon import Daemon
from tests.support.recorder import Recorder

pytestmark = pytest.mark.xdist_group("outbound-crash")
KILLS = 4
MAILS = 32
WORDS = ("amber", "basil", "cedar", "delta", "ember", "fjord", "grove", "heron", "indigo", "kelp", "lilac", "maple")


def deliver(daemon: Daemon, number: int, queue: str = "support") -> None:
    # Texts that are alike get few acknowledgements (I2), so these are not.
    words = [random.Random(number).sample(WORDS, 8) for number in (number, number + 1000)]
    content = (
        f"From: Marie <marie{number}@customer{number}.test>\r\nTo: {queue}@example.org\r\n"
        f"Subject: {' '.join(words[0])}\r\nMessage-ID: <{number}@customer.test>\r\n\r\n{' '.join(words[1])}\r\n"
    )
    with smtplib.LMTP("127.0.0.1", daemon.lmtp, local_hostname="mx.test", timeout=30) as client:
        client.sendmail(f"marie{number}@customer{number}.test", [f"{queue}@tickets.example.org"], content)


def by_message_id(relay: Recorder) -> dict[str, list[bytes]]:
    found = defaultdict(list)
    for mail in relay.mails:
        found[message_from_bytes(mail.content)["Message-ID"]].append(mail.content)
    return found


@pytest.mark.parametrize(
    ("point", "copies"),
    [("outbound.claimed", 1), ("outbound.signed", 1), ("outbound.after-dot", 2), ("outbound.before-record", 2)],
)
def test_a_crash_at_each_step_loses_nothing_and_repeats_only_what_may_have_been_lost(
    point: str, copies: int, tmp_path: Path
) -> None:
    with Recorder() as relay, Daemon(tmp_path, relay=relay.port) as daemon:
        daemon.environment = {"POTERNE_FAILPOINT": f"{point}:crash"}
        daemon.start()
        deliver(daemon, 1)
        daemon.wait_for_death()
        daemon.environment = {}
        daemon.start()
        daemon.until(lambda: [row["state"] for row in daemon.rows("outbox")] == ["sent"])
        time.sleep(0.5)
        (outgoing,) = by_message_id(relay).values()

    assert len(outgoing) == copies
    assert len(set(outgoing)) == 1


def test_kill_9_again_and_again_sends_each_mail_once_or_the_same_octets(tmp_path: Path) -> None:
    chance = random.Random(4)
    with Recorder() as relay, Daemon(tmp_path, relay=relay.port) as daemon:
        daemon.start()
        for number in range(MAILS):
            deliver(daemon, number)
            if number % (MAILS // KILLS) == 0:
                time.sleep(chance.random() * 0.3)
                daemon.kill9()
                daemon.start()
        daemon.until(lambda: [row["state"] for row in daemon.rows("outbox")] == ["sent"] * MAILS, 60)
        rows = daemon.rows("outbox")
        audit = daemon.command("audit")

    sent = by_message_id(relay)
    assert len(rows) == MAILS
    assert {row["message_id"] for row in rows} == {name.strip("<>") for name in sent}
    assert all(len(set(copies)) == 1 for copies in sent.values())
    assert sum(len(copies) - 1 for copies in sent.values()) <= KILLS * 16  # what was under way at each kill
    assert audit.returncode == 0, audit.stdout + audit.stderr
