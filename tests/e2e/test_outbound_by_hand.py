"""The operator's hand on mail that leaves, with the real daemon: pause, hold, cancel, resume, retry, and what shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_outbound_crash import deliver
from tests.faults.oracle import query
from tests.support.daemon import Daemon
from tests.support.recorder import Recorder

pytestmark = pytest.mark.xdist_group("outbound-by-hand")
SIDE = "  side: {{type: relay, host: 127.0.0.1, port: {port}}}\n"


def by_recipient(daemon: Daemon) -> dict[str, dict[str, Any]]:
    return {row["recipient"]: row for row in daemon.rows("outbox")}


def test_a_pause_holds_one_channel_and_each_mail_obeys_the_hand_on_it(tmp_path: Path) -> None:
    names = [f"marie{number}@customer{number}.test" for number in range(5)]
    with (
        Recorder() as relay,
        Recorder() as side,
        Daemon(tmp_path, relay=relay.port, queues=("support", "sales"), more=SIDE.format(port=side.port)) as daemon,
    ):
        text = daemon.config.read_text()
        daemon.config.write_text(text.replace("    from: Team sales", "    reply_via: side\n    from: Team sales"))
        daemon.start()
        assert daemon.command("outbox", "pause", "relay", "--because", "the provider moves").returncode == 0
        for number in range(4):
            deliver(daemon, number)
        deliver(daemon, 4, "sales")
        daemon.until(lambda: len(side.mails) == 1)  # the other channel goes on
        daemon.until(lambda: len(daemon.rows("outbox")) == 5)
        rows = by_recipient(daemon)
        held, cancelled = rows[names[0]]["id"], rows[names[1]]["id"]
        assert daemon.command("outbox", "hold", str(held)).returncode == 0
        assert daemon.command("outbox", "cancel", str(cancelled)).returncode == 0
        assert relay.mails == []
        assert daemon.command("outbox", "resume", "relay").returncode == 0
        # A relay has a mail before its result is written
        daemon.until(lambda: [row["state"] for row in by_recipient(daemon).values()].count("sent") == 3)
        states = {name: row["state"] for name, row in by_recipient(daemon).items()}
        assert [states[name] for name in names] == ["held", "cancelled", "sent", "sent", "sent"]
        assert len(relay.mails) == 2
        assert daemon.command("outbox", "retry", str(held)).returncode == 0
        daemon.until(lambda: len(relay.mails) == 3)
        refused = daemon.command("outbox", "cancel", str(rows[names[2]]["id"]))

    assert refused.returncode != 0  # it has left
    assert [mail.rcpt_tos for mail in relay.mails].count((names[1],)) == 0
    assert len({mail["Message-ID"] for mail in relay.mails}) == 3


def test_a_reply_that_fails_for_good_shows_on_its_ticket_at_once_and_can_be_sent_again(tmp_path: Path) -> None:
    name = "marie1@customer1.test"
    answers: list[str | None] = [None]
    with Recorder(answer=lambda _recipient: answers[-1]) as relay, Daemon(tmp_path, relay=relay.port) as daemon:
        daemon.start()
        deliver(daemon, 1)
        daemon.until(lambda: len(relay.mails) == 1)
        (ticket,) = daemon.rows("tickets")
        answers.append("550 5.1.1 no such user here")
        assert daemon.command("reply", str(ticket["number"]), text="It is mended.").returncode == 0
        daemon.until(lambda: "failed" in [row["state"] for row in daemon.rows("outbox")])
        failed = next(row for row in daemon.rows("outbox") if row["state"] == "failed")
        shown = query(daemon.database, "SELECT text FROM entries WHERE kind = 'delivery' ORDER BY id")[-1][0]
        attempts = daemon.command("outbox", "attempts", str(failed["id"])).stdout
        answers.append(None)
        assert daemon.command("outbox", "retry", str(failed["id"])).returncode == 0
        daemon.until(lambda: len(relay.mails) == 2)
        daemon.until(lambda: [row["state"] for row in daemon.rows("outbox")] == ["sent", "sent"])

    assert shown.startswith(f"Mail to {name}: failed (550 5.1.1 no such user here)")
    assert "550 5.1.1 no such user here" in attempts
    assert relay.mails[-1].rcpt_tos == (name,)
