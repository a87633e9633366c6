"""The whole daemon as a process: mail in over LMTP, a ticket, an acknowledgement out; signals; bad starts."""

from __future__ import annotations

import asyncio
import re
import signal
import smtplib
import socket
import subprocess
import sys
import time
from email import message_from_bytes

import pytest

from tests.faults.load import Load
from tests.faults.oracle import read_intakes
from tests.support.daemon import Daemon
from tests.support.ports import free_port
from tests.support.recorder import Recorder

QUESTION = (
    b"From: Marie Dubois <marie@customer.test>\r\nTo: support@example.org\r\nSubject: The printer is offline\r\n"
    b"Message-ID: <1@customer.test>\r\nDate: Mon, 04 May 2026 10:00:00 +0200\r\n\r\nIt blinks.\r\n"
)


def deliver(daemon, content=QUESTION, sender="marie@customer.test", recipient="support@tickets.example.org"):
    with smtplib.LMTP("127.0.0.1", daemon.lmtp, local_hostname="mx.test", timeout=30) as client:
        return client.sendmail(sender, [recipient], content)


@pytest.fixture(scope="module")
def relay():
    with Recorder() as recorder:
        yield recorder


@pytest.fixture(scope="module")
def daemon(relay, tmp_path_factory):
    """Return one daemon for the tests that leave it as they found it."""
    metrics_port = free_port()
    folder = tmp_path_factory.mktemp("serve")
    with Daemon(folder, relay=relay.port) as running:
        running.config.write_text(
            running.text.replace("database:", f"  metrics: 127.0.0.1:{metrics_port}\ndatabase:", 1)
        )
        running.metrics = metrics_port
        yield running.start()


pytestmark = pytest.mark.xdist_group("serve")


def test_mail_in_ticket_acknowledgement_out(daemon, relay):
    refused = deliver(daemon)
    daemon.until(lambda: [mail for mail in relay.mails if mail["In-Reply-To"] == "<1@customer.test>"])
    intake = next(row for row in daemon.rows("intakes") if row["message_id"] == "1@customer.test")
    ticket = next(row for row in daemon.rows("tickets") if row["number"] == intake["ticket"])
    daemon.until(lambda: all(row["state"] == "sent" for row in daemon.rows("outbox")))
    conversation = daemon.get(f"/api/v1/tickets/{ticket['number']}")[1]
    mail = next(mail for mail in relay.mails if mail["In-Reply-To"] == "<1@customer.test>")
    message = message_from_bytes(mail.content)

    assert refused == {}
    assert (intake["state"], intake["disposition"], intake["ticket"]) == ("done", "ticket", ticket["number"])
    assert (ticket["subject"], ticket["requester"]) == ("The printer is offline", "marie@customer.test")
    assert mail.rcpt_tos == ("marie@customer.test",)
    assert message["Auto-Submitted"] == "auto-replied"
    assert message["In-Reply-To"] == "<1@customer.test>"
    assert [entry["kind"] for entry in conversation["entries"]] == ["customer", "acknowledgement"]


def test_one_id_follows_the_mail_through_the_log(daemon):
    deliver(daemon, QUESTION.replace(b"<1@", b"<6@").replace(b"marie@customer", b"jan@third"), sender="jan@third.test")
    daemon.until(lambda: "recipient=jan@third.test" in daemon.log.read_text())
    lines = daemon.log.read_text().splitlines()
    taken = next(line for line in lines if "lmtp.taken" in line and "jan@third.test" in line)
    session = re.search(r"session=(\S+)", taken)

    assert session
    names = [line.split()[2] for line in lines if session[0] in line.split()]
    assert names == ["lmtp.taken", "intake.done", "outbound.sent"]


def test_an_unknown_recipient_is_refused_and_nothing_else(daemon):
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        deliver(daemon, recipient="nobody@tickets.example.org")

    ((code, _),) = refused.value.recipients.values()
    assert code == 550


def test_metrics_of_the_running_daemon_pass_promtool_and_hold_no_address(daemon):
    status, body = daemon.get("/metrics")
    checked = subprocess.run(["promtool", "check", "metrics"], input=body.encode(), capture_output=True, check=False)

    assert status == 200
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")
    assert "@" not in body
    assert 'poterne_ready{check="workers"} 1.0' in body
    assert 'poterne_ready{check="database"} 1.0' in body
    assert "poterne_oldest_waiting_intake_seconds 0.0" in body


def test_the_metrics_listener_shows_health_and_nothing_else(daemon):
    import urllib.error
    import urllib.request

    base = f"http://127.0.0.1:{daemon.metrics}"
    with urllib.request.urlopen(f"{base}/readyz", timeout=10) as answer:
        ready = answer.status
    with pytest.raises(urllib.error.HTTPError) as missing:
        urllib.request.urlopen(f"{base}/api/v1/tickets", timeout=10)
    missing.value.close()

    assert ready == 200
    assert missing.value.code == 404


def test_a_bad_configuration_keeps_the_old_one_and_a_good_one_is_used(daemon):
    good = daemon.config.read_text()
    daemon.config.write_text(good + "colour: blue\n")
    daemon.signal(signal.SIGHUP)
    daemon.until(lambda: "config.refused" in daemon.log_end())
    refused = re.search(r"config\.refused because=(.*)", daemon.log_end())
    still = deliver(daemon, QUESTION.replace(b"<1@", b"<2@"))
    metric_when_bad = "poterne_config_last_reload_success 0.0" in daemon.get("/metrics")[1]
    daemon.config.write_text(good.replace("support@tickets", "help@tickets"))
    daemon.signal(signal.SIGHUP)
    daemon.until(lambda: "config.reloaded" in daemon.log_end())
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        deliver(daemon)
    moved = deliver(daemon, QUESTION.replace(b"<1@", b"<3@"), recipient="help@tickets.example.org")
    daemon.config.write_text(good)
    daemon.signal(signal.SIGHUP)
    daemon.until(lambda: daemon.log.read_text().count("config.reloaded") == 2)

    assert refused
    assert f"{daemon.config}:" in refused[1]
    assert "colour" in refused[1]
    assert still == moved == {}
    assert metric_when_bad
    assert "poterne_config_last_reload_success 1.0" in daemon.get("/metrics")[1]


def test_a_reload_moves_a_channel_to_another_server(daemon, relay):
    good = daemon.config.read_text()
    reloaded = daemon.log.read_text().count("config.reloaded")
    with Recorder() as other:
        daemon.config.write_text(good.replace(f"port: {relay.port}", f"port: {other.port}"))
        daemon.signal(signal.SIGHUP)
        daemon.until(lambda: daemon.log.read_text().count("config.reloaded") == reloaded + 1)
        question = QUESTION.replace(b"<1@", b"<4@").replace(b"marie@customer", b"paul@elsewhere")
        deliver(daemon, question, sender="paul@elsewhere.test")
        daemon.until(lambda: other.mails)
        daemon.config.write_text(good)
        daemon.signal(signal.SIGHUP)
        daemon.until(lambda: daemon.log.read_text().count("config.reloaded") == reloaded + 2)

    assert other.mails[0].rcpt_tos == ("paul@elsewhere.test",)
    assert daemon.get("/readyz")[0] == 200


def test_a_key_that_became_unusable_keeps_the_old_configuration(daemon):
    secret = daemon.folder / "secret"
    refused = daemon.log.read_text().count("config.refused")
    secret.chmod(0o644)
    daemon.signal(signal.SIGHUP)
    daemon.until(lambda: daemon.log.read_text().count("config.refused") == refused + 1)
    secret.chmod(0o600)

    assert "chmod 0600" in daemon.log_end()
    assert deliver(daemon, QUESTION.replace(b"<1@", b"<5@")) == {}


def test_a_second_daemon_on_the_same_database_refuses_to_start(daemon, tmp_path):
    with Daemon(tmp_path, database=daemon.database) as second:
        second.start(ready=False)
        assert second.process is not None
        code = second.process.wait(20)

    assert code == 75
    assert "another Poterne (process" in second.log_end()


def test_a_taken_port_is_told_in_one_line(daemon, tmp_path):
    with Daemon(tmp_path) as second:
        second.config.write_text(second.text.replace(str(second.lmtp), str(daemon.lmtp)))
        second.start(ready=False)
        assert second.process is not None
        code = second.process.wait(20)

    assert code == 71
    assert f"poterne: cannot listen at 127.0.0.1:{daemon.lmtp} for lmtp: " in second.log_end()
    assert "Traceback" not in second.log_end()


def test_a_bad_configuration_stops_the_start(tmp_path):
    with Daemon(tmp_path) as daemon:
        daemon.config.write_text(daemon.text + "colour: blue\n")
        daemon.start(ready=False)
        assert daemon.process is not None
        code = daemon.process.wait(20)

    assert code == 78
    assert f"{daemon.config}:" in daemon.log_end()


def test_the_service_manager_hears_of_every_step(tmp_path):
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(20)
        environment = {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "2000000"}
        with Daemon(tmp_path / "d", environment=environment) as daemon:
            daemon.start()
            said = [manager.recv(4096)]
            daemon.signal(signal.SIGHUP)
            while not said[-1].startswith(b"RELOADING=1\nMONOTONIC_USEC="):
                said.append(manager.recv(4096))
            said.append(manager.recv(4096))
            while not said[-1].startswith(b"WATCHDOG=1"):
                said.append(manager.recv(4096))
            code = daemon.stop()
            while not said[-1].startswith(b"STOPPING=1"):
                said.append(manager.recv(4096))

    assert code == 0
    assert said.count(b"READY=1") == 2
    assert b"WATCHDOG=1" in said


async def test_sigterm_under_load_loses_nothing_and_ends_in_time(tmp_path):
    with Recorder() as relay, Daemon(tmp_path, relay=relay.port) as daemon:
        await asyncio.to_thread(daemon.start)
        load, over = Load(daemon.lmtp, ("support",)), asyncio.Event()
        clients = asyncio.create_task(load.run(6, over))
        await asyncio.sleep(1)
        started = time.monotonic()
        code = await asyncio.to_thread(daemon.stop)
        seconds = time.monotonic() - started
        over.set()
        await clients
        stored = {row.stored_sha256: row for row in read_intakes(daemon.database)}
        unjudged = [row.id for row in stored.values() if row.state != "done"]
        await asyncio.to_thread(daemon.start)
        await asyncio.to_thread(daemon.until, daemon.settled)
        code_again = await asyncio.to_thread(daemon.stop)

    assert code == code_again == 0
    assert seconds < 30
    assert len(load.ledger.promised) > 20
    assert [mail.number for mail in load.ledger.promised.values() if mail.sha256 not in stored] == []
    assert {code for code in load.ledger.replies if code.startswith("5")} == set()
    # What was claimed is finished; what nobody had claimed waits for the next start.
    assert "task.crashed" not in daemon.log_end(10**6)
    assert all(row.state == "done" for row in read_intakes(daemon.database)), unjudged


# What a service manager does: descriptor 3 is the socket, and the variables name it.
HAND_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3, inheritable=True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="lmtp")
os.execv(sys.argv[2], sys.argv[2:])
"""


async def test_with_socket_activation_a_restart_refuses_no_connection(tmp_path):
    port = free_port()
    with Recorder() as relay, socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", port))
        sock.listen(128)
        wrapper = (sys.executable, "-c", HAND_OVER, str(sock.fileno()))
        with Daemon(tmp_path, relay=relay.port, wrapper=wrapper) as daemon:
            daemon.descriptors = (sock.fileno(),)
            daemon.config.write_text(daemon.text.replace(f"127.0.0.1:{daemon.lmtp}", "systemd"))
            load, over = Load(port, ("support",)), asyncio.Event()
            clients = asyncio.create_task(load.run(4, over))
            codes = []
            for _ in range(2):
                await asyncio.to_thread(daemon.start)
                await asyncio.sleep(0.3)
                codes.append(await asyncio.to_thread(daemon.stop))
            await asyncio.to_thread(daemon.start)
            over.set()
            await clients
            stored = {row.stored_sha256 for row in read_intakes(daemon.database)}
            codes.append(await asyncio.to_thread(daemon.stop))

    assert codes == [0, 0, 0]
    assert load.refused == 0
    assert len(load.ledger.promised) > 20
    assert [mail.number for mail in load.ledger.promised.values() if mail.sha256 not in stored] == []
