"""The real daemon tells a real HTTPS receiver: signed, at least once with the same id, and a dead one costs nobody."""

from __future__ import annotations

import base64
import os
import time
from pathlib import Path

import pytest
import standardwebhooks

from tests.e2e.test_outbound_crash import deliver
from tests.support.certificates import write_ca_file
from tests.support.daemon import Daemon
from tests.support.ports import free_port
from tests.support.receiver import Receiver, Reply
from tests.support.recorder import Recorder

pytestmark = pytest.mark.xdist_group("webhooks")
SECRET = f"whsec_{base64.b64encode(b'a key for the end-to-end tests').decode()}"


def make_daemon(folder: Path, relay: Recorder, receiver: Receiver, **more: str) -> Daemon:
    """Return a daemon with the webhook `live`, and others by name and URL."""
    secret = folder / "webhook-secret"
    secret.touch(mode=0o600)
    secret.write_text(SECRET)
    common = f"secret: {{file: {secret}}}, ca_file: {write_ca_file(folder)}, timeout: 5s"
    lines = [f"  {name}: {{url: '{url}', {common}}}" for name, url in {"live": receiver.url, **more}.items()]
    return Daemon(folder / "daemon", relay=relay.port, more="\n".join(["webhooks:", *lines]))


def test_the_way_of_a_mail_and_of_its_answer_is_told_while_another_receiver_is_dead(tmp_path: Path) -> None:
    dead = f"https://127.0.0.1:{free_port()}/hook"
    with Recorder() as relay, Receiver() as receiver, make_daemon(tmp_path, relay, receiver, dead=dead) as daemon:
        daemon.start()
        deliver(daemon, 1)
        daemon.until(lambda: "delivery.sent" in receiver.types())
        first = receiver.types()
        done = daemon.command("reply", "1", text="It is mended.\n")
        daemon.until(lambda: receiver.types().count("delivery.sent") == 2)
        daemon.until(lambda: 'poterne_webhook_down{webhook="dead"} 1.0' in daemon.get("/metrics")[1])
        metrics = daemon.get("/metrics")[1]

    assert done.returncode == 0, done.stderr
    assert sorted(first) == ["delivery.sent", "entry.created", "entry.created", "ticket.created"]
    assert first[0] == "ticket.created"
    second = receiver.requests[len(first) :]
    assert sorted(request.type for request in second) == ["delivery.sent", "entry.created", "ticket.updated"]
    assert [r.payload["data"]["changes"] for r in second if r.type == "ticket.updated"] == [
        {"status": {"from": "new", "to": "waiting"}}
    ]
    for request in receiver.requests:
        assert standardwebhooks.Webhook(SECRET).verify(request.body, request.headers) == request.payload
    assert len({request.key for request in receiver.requests}) == 7
    assert 'poterne_webhook_deliveries_total{outcome="sent",webhook="live"} 7.0' in metrics
    assert 'poterne_webhook_waiting{webhook="live"} 0.0' in metrics
    assert 'poterne_webhook_waiting{webhook="dead"} 7.0' in metrics
    assert 'poterne_webhook_events_total{event="ticket.created"} 1.0' in metrics
    assert len(relay.mails) == 2
    assert SECRET.removeprefix("whsec_") not in daemon.log.read_text()


@pytest.mark.parametrize(("point", "copies"), [("webhook.claimed", 1), ("webhook.before-record", 2)])
def test_a_crash_between_attempt_and_record_tells_it_again_with_the_same_id(
    point: str, copies: int, tmp_path: Path
) -> None:
    with Recorder() as relay, Receiver() as receiver, make_daemon(tmp_path, relay, receiver) as daemon:
        daemon.environment = {"POTERNE_FAILPOINT": f"{point}:crash"}
        daemon.start()
        deliver(daemon, 1)
        daemon.wait_for_death()
        before = [request.key for request in receiver.requests]
        daemon.environment = {}
        daemon.start()
        daemon.until(lambda: "delivery.sent" in receiver.types())
        time.sleep(0.3)

    told = [request.key for request in receiver.requests if request.type == "ticket.created"]
    assert len(before) == copies - 1
    assert (len(told), len(set(told))) == (copies, 1)
    assert len({request.body for request in receiver.requests if request.type == "ticket.created"}) == 1


def test_a_receiver_that_comes_back_gets_what_waited_at_once_and_a_reload_brings_another(tmp_path: Path) -> None:
    with Recorder() as relay, Receiver(Reply(503)) as receiver, make_daemon(tmp_path, relay, receiver) as daemon:
        daemon.start()
        deliver(daemon, 1)
        daemon.until(lambda: 'poterne_webhook_down{webhook="live"} 1.0' in daemon.get("/metrics")[1])
        receiver.answers = [Reply()]
        daemon.until(lambda: "delivery.sent" in receiver.types())  # the last of the ticket's
        with Receiver() as other:
            daemon.config.write_text(daemon.config.read_text().replace(receiver.url, other.url))
            assert daemon.process is not None
            os.kill(daemon.process.pid, 1)
            daemon.until(lambda: "config.reloaded" in daemon.log.read_text())
            deliver(daemon, 2)
            daemon.until(lambda: "delivery.sent" in other.types())

    assert receiver.types()[-4:-2] == ["ticket.created", "entry.created"]
    assert len({request.key for request in receiver.requests}) == 4
    assert sorted(other.types()) == ["delivery.sent", "entry.created", "entry.created", "ticket.created"]
