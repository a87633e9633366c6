"""Direct inboxes against a real Dovecot and a real Postfix submission: fetch, ticket, reply, and the answer threads."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.faults.oracle import query
from tests.support.daemon import Daemon
from tests.support.provider import CUSTOMER, Provider, open_provider

pytestmark = pytest.mark.xdist_group("inbox")
ACCOUNT = "help@example.net"
CONNECTION = """\
connections:
  desk:
    type: {type}
    queue: support
    account: {account}
    host: localhost
    port: {imaps}
    ca_file: {ca}
    smtp_host: localhost
    smtp_port: {smtp}
    poll: 2s
    after: {after}
    {how}
"""


def mail(subject: str, text: str = "It does not print.", message_id: str = "", **headers: str) -> bytes:
    message = EmailMessage()
    message["From"] = f"Ada <{CUSTOMER}>"
    message["To"] = headers.pop("to", ACCOUNT)
    message["Subject"] = subject
    message["Message-ID"] = message_id or f"<{subject.replace(' ', '-').lower()}@local.test>"
    message["Date"] = "Mon, 04 May 2026 10:00:00 +0200"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message.as_bytes().replace(b"\n", b"\r\n")


@pytest.fixture
def provider() -> Iterator[Provider]:
    with open_provider(ACCOUNT) as running:
        yield running


def daemon_for(provider: Provider, folder: Path, kind: str, how: str, after: str = "flag") -> Daemon:
    more = CONNECTION.format(
        type=kind,
        account=ACCOUNT,
        imaps=provider.dovecot.imaps,
        smtp=provider.postfix.port,
        ca=provider.ca_file,
        how=how,
        after=after,
    )
    daemon = Daemon(folder, more=more)
    text = daemon.text.replace("    from: Team support <support@example.org>", "    reply_via: desk")
    daemon.config.write_text(text.replace("    inboxes: [support@example.org]\n", ""))
    return daemon


def with_password(folder: Path) -> str:
    path = folder / "app-password"
    path.touch(mode=0o600)
    path.write_text("app-pass")
    return f'password: {{file: "{path}"}}'


OAUTH = "tenant: t\n    client_id: app\n    authority: {authority}"
SECRET = '\n    client_secret: {{file: "{path}"}}'


def ready(daemon: Daemon) -> Daemon:
    """Start it and wait until it has looked at its inbox: what lay there before is not taken."""
    before = daemon.log.read_text().count("health=ok") if daemon.log.exists() else 0
    daemon.start()
    daemon.until(lambda: daemon.log.read_text().count("health=ok") > before, 40)
    return daemon


def converse(daemon: Daemon, provider: Provider) -> None:
    """Play the whole story: a customer's mail, our acknowledgement, an agent's reply, the customer's answer."""
    provider.deliver(mail("The printer is offline"))
    daemon.until(lambda: len(daemon.rows("tickets")) == 1)
    number = daemon.rows("tickets")[0]["number"]
    daemon.until(lambda: len(provider.sent()) == 1, 40)
    assert daemon.command("reply", str(number), text="It is plugged in again.").returncode == 0
    daemon.until(lambda: len(provider.sent()) == 2, 40)
    reply = message_from_bytes(provider.sent()[-1])
    assert ACCOUNT in reply["From"]
    answer = mail(
        "Something else entirely",
        "Thank you.",
        to=" ".join(reply["Reply-To"].split()),  # unfolded
        In_Reply_To=reply["Message-ID"],
        References=reply["Message-ID"],
    )
    provider.deliver(answer)
    daemon.until(lambda: len(daemon.rows("intakes")) == 2)
    daemon.until(daemon.settled)
    (ticket,) = daemon.rows("tickets")
    assert [row["disposition"] for row in daemon.rows("intakes")] == ["append", "ticket"]
    assert ticket["number"] == number


def test_an_app_password_opens_the_way_in_and_the_way_out(provider, tmp_path):
    provider.deliver(mail("From before the connection"))
    how = with_password(tmp_path)
    with daemon_for(provider, tmp_path, "imap", how) as daemon:
        ready(daemon)
        converse(daemon, provider)

        assert all("From before" not in row["subject"] for row in daemon.rows("tickets"))  # backfill was not asked for
        assert daemon.command("audit").returncode == 0


def test_what_was_taken_is_moved_where_the_policy_says(provider, tmp_path):
    how = with_password(tmp_path) + "\n    backfill: true"
    provider.deliver(mail("One"))
    provider.deliver(mail("Two"))
    with daemon_for(provider, tmp_path, "imap", how, after="move") as daemon:
        daemon.start()
        daemon.until(lambda: len(daemon.rows("intakes")) == 2)
        moved = provider.dovecot.folder / "mail" / ACCOUNT / ".Poterne"
        daemon.until(lambda: len([p for part in ("new", "cur") for p in (moved / part).glob("*")]) == 2)
        daemon.until(lambda: provider.dovecot.mails(ACCOUNT) == [])

        assert len(daemon.rows("intakes")) == 2


@pytest.mark.parametrize(("point", "after"), [("inbox.before-mark", "flag"), ("inbox.before-progress", "move")])
def test_a_crash_around_the_mark_leaves_nothing_unseen_and_doubles_nothing(provider, tmp_path, point, after):
    how = with_password(tmp_path) + "\n    backfill: true"
    for number in range(3):
        provider.deliver(mail(f"Question {number}"))
    with daemon_for(provider, tmp_path, "imap", how, after=after) as daemon:
        daemon.environment = {"POTERNE_FAILPOINT": f"{point}:crash"}
        daemon.start(ready=False)
        daemon.wait_for_death()
        ((durable,),) = query(daemon.database, "SELECT count(*) FROM intakes")
        daemon.environment = {}
        daemon.start()
        daemon.until(lambda: unmarked(provider) == [])
        daemon.until(daemon.settled)

        assert durable == len(daemon.rows("intakes")) == len(daemon.rows("tickets")) == 3


def unmarked(provider: Provider) -> list[str]:
    """Return the files of mails that the inbox does not show as taken."""
    box = provider.dovecot.folder / "mail" / ACCOUNT
    found = [path.name for part in ("new", "cur") for path in (box / part).glob("*")]
    return [name for name in found if "S" not in name.partition(":2,")[2]]


def test_a_large_mail_comes_in_pieces_and_unchanged(provider, tmp_path):
    how = with_password(tmp_path) + "\n    backfill: true"
    provider.deliver(mail("Large", "0123456789abcdef\n" * 200_000))
    (stored,) = provider.dovecot.mails(ACCOUNT)
    with daemon_for(provider, tmp_path, "imap", how) as daemon:
        daemon.start()
        daemon.until(lambda: len(daemon.rows("intakes")) == 1)
        (intake,) = daemon.rows("intakes")

        assert intake["size"] == len(stored.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")) > 3 << 20


@pytest.mark.parametrize("unattended", [False, True], ids=["device-code", "client-credentials"])
def test_office365_signs_in_and_a_token_that_expires_is_renewed_by_itself(provider, tmp_path, unattended):
    how = OAUTH.format(authority=provider.sign_in.authority)
    if unattended:
        path = tmp_path / "client-secret"
        path.touch(mode=0o600)
        path.write_text("right")
        how += SECRET.format(path=path)
    with daemon_for(provider, tmp_path, "office365", how) as daemon:
        if not unattended:
            provider.sign_in.confirmed.set()
            connected = daemon.command("connect", "desk")
            assert connected.returncode == 0, connected.stderr
            assert "ABCD-1234" in connected.stdout + connected.stderr
        ready(daemon)
        converse(daemon, provider)
        provider.sign_in.expire()
        provider.dovecot.kick(ACCOUNT)  # the connection that waits in IDLE is gone, its token is stale
        provider.deliver(mail("After the token expired"))
        daemon.until(lambda: len(daemon.rows("tickets")) == 2, 60)
        daemon.until(daemon.settled)
        number = max(row["number"] for row in daemon.rows("tickets"))
        before = len(provider.sent())
        provider.sign_in.expire()
        grants = len(provider.sign_in.grants)
        provider.postfix.stop()  # the kept connection breaks: the next mail signs in anew, with the token that expired
        provider.postfix.start()
        assert daemon.command("reply", str(number), text="And again.").returncode == 0
        daemon.until(lambda: len(provider.sent()) > before, 60)

        assert len(provider.sign_in.grants) > grants
        assert daemon.command("audit").returncode == 0


def test_a_revoked_sign_in_stops_cleanly_is_visible_and_loses_nothing(provider, tmp_path):
    how = OAUTH.format(authority=provider.sign_in.authority)
    with daemon_for(provider, tmp_path, "office365", how) as daemon:
        provider.sign_in.confirmed.set()
        assert daemon.command("connect", "desk").returncode == 0
        ready(daemon)
        provider.deliver(mail("Before"))
        daemon.until(lambda: len(daemon.rows("tickets")) == 1)
        provider.sign_in.revoke()
        provider.dovecot.kick(ACCOUNT)
        provider.deliver(mail("While nobody may read"))
        daemon.until(lambda: "health=refused" in daemon.log.read_text(), 60)
        grants = len(provider.sign_in.grants)
        time.sleep(1)

        assert len(provider.sign_in.grants) - grants <= 2  # it does not hammer
        assert "run `poterne connect` again" in daemon.log.read_text()
        assert len(daemon.rows("tickets")) == 1
        doctor = daemon.command("doctor", "--json")
        findings = [json.loads(line) for line in doctor.stdout.splitlines()]
        (seen,) = [item for item in findings if item["about"] == "inbox"]
        assert (doctor.returncode, seen["grade"]) == (1, "bad")
        assert "run `poterne connect` again" in seen["seen"]
        assert query(daemon.database, "SELECT name, health FROM inboxes") == [("desk", "refused")]
        metrics = daemon.get("/metrics")[1]
        assert 'poterne_inbox_up{connection="desk"} 0.0' in metrics
        assert 'poterne_inbox_last_look_timestamp_seconds{connection="desk"}' in metrics
        assert daemon.stop() == 0
        assert daemon.command("connect", "desk").returncode == 0
        daemon.start()
        daemon.until(lambda: len(daemon.rows("tickets")) == 2, 60)
