"""docs/operations.md, done as it stands there: its commands, its configuration, its Postfix, its backup."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import smtplib
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from gateway.app import NEED_RESTART
from gateway.cli.frame import poterne
from gateway.config import load
from gateway.console import signing
from tests.support.daemon import Daemon
from tests.support.postfix import Postfix, open_folder, swaks

ROOT = Path(__file__).parents[2]
MANUAL = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
MAIL = (
    b"From: Marie Durand <marie@example.net>\nTo: support@example.org\nSubject: Invoice 2231\n"
    b"Message-ID: <one@example.net>\nDate: Mon, 02 Mar 2026 09:12:00 +0100\n\nThe total is wrong.\n"
)

pytestmark = pytest.mark.xdist_group("operations")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", MANUAL, flags=re.MULTILINE | re.DOTALL)


def calls() -> Iterator[list[str]]:
    """Every call of poterne in the manual, in blocks and in running text."""
    lines = [line for block in blocks("sh") for line in block.replace("\\\n", " ").splitlines()]
    for line in [*lines, *re.findall(r"`([^`\n]*poterne [^`\n]*)`", MANUAL)]:
        for found in re.findall(r"(?:^|\s)poterne ([a-z-].*?)(?=$|#|;)", line):
            if not found.startswith(("-t", "stands")):
                yield shlex.split(found)


@pytest.mark.parametrize("call", sorted({" ".join(call) for call in calls()}))
def test_every_command_in_the_manual_exists_with_its_options(call: str) -> None:
    words = call.split()
    if words[0] == "-c":
        words = words[2:]
    command: click.Command = poterne
    context = click.Context(poterne)
    while isinstance(command, click.Group) and words:
        found = command.get_command(context, words[0])
        assert found is not None, f"there is no command {words[0]}"
        command, words = found, words[1:]
    known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}

    assert {word for word in words if word.startswith("-")} <= known


def test_the_manual_names_enough_commands_to_be_checked() -> None:
    assert len({" ".join(call) for call in calls()}) > 20


def test_the_configuration_for_the_service_loads(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"s" * 64)
    (tmp_path / "dkim_example.org.pem").write_bytes(signing.generate("ed25519"))
    path = tmp_path / "poterne.yaml"
    path.write_text(blocks("yaml")[0])
    settings = load(path, {"CREDENTIALS_DIRECTORY": str(tmp_path)})

    assert settings.listen.lmtp == "systemd"
    assert settings.dkim[0].key.credential == "dkim_example.org.pem"


def test_the_credentials_are_those_of_the_unit() -> None:
    unit = (ROOT / "systemd" / "poterne.service").read_text()

    assert "\nLoadCredential=secret:/etc/poterne/secret\n" in unit
    assert "\nLoadCredential=dkim:/etc/poterne/dkim\n" in unit  # one credential for each file, named dkim_FILE


def test_the_manual_names_what_needs_a_restart() -> None:
    sentence = re.search(r"`config\.refused`;(.*?)need a restart", MANUAL, flags=re.DOTALL)

    assert sentence is not None
    assert tuple(re.findall(r"`(\w+)`", sentence[1])) == NEED_RESTART


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with Daemon(tmp_path_factory.mktemp("operations")) as daemon:
        daemon.config.write_text(daemon.text.replace("support@tickets.example.org", "support-in@tickets.example.org"))
        yield daemon.start()


@pytest.fixture(scope="module")
def front(desk: Daemon) -> Iterator[Postfix]:
    """A Postfix that has the manual's lines in main.cf, and the tables that poterne wrote."""
    with open_folder() as folder:
        (parameters,) = blocks("cf")
        etc = folder / "etc"
        postfix = Postfix(folder, more=parameters.replace("/etc/postfix/", f"{etc}/"))
        assert desk.command("postfix", "maps", "--directory", str(etc)).returncode == 0
        for name in ("poterne_transport", "poterne_recipients", "poterne_inboxes"):
            subprocess.run(["postmap", "-c", etc, etc / name], check=True)
        with postfix:
            yield postfix


def test_the_manuals_postfix_agrees(desk: Daemon, front: Postfix) -> None:
    done = desk.command("check", "--postfix-directory", str(front.folder / "etc"))

    assert done.stdout.endswith("and Postfix agrees with it\n"), done.stderr
    assert done.returncode == 0


@pytest.mark.parametrize(
    "recipient", ["support@example.org", "support-in@tickets.example.org", "Support-In+any.tag@tickets.example.org"]
)
def test_mail_becomes_a_ticket(desk: Daemon, front: Postfix, recipient: str) -> None:
    content = MAIL.replace(b"<one@", f"<{recipient.replace('@', '.')}@".encode())
    sent = swaks(front.port, "marie@example.net", [recipient], content)

    assert sent.returncode == 0, sent.stdout
    desk.until(lambda: any(recipient.replace("@", ".") in row["message_id"] for row in desk.rows("intakes")))


def test_unknown_addresses_are_refused_by_postfix(front: Postfix) -> None:
    sent = swaks(front.port, "marie@example.net", ["nobody@tickets.example.org"], MAIL)

    assert "550 5.1.1" in sent.stdout


def test_a_backup_of_a_running_daemon_is_whole(desk: Daemon, tmp_path: Path) -> None:
    """The manual's command, while mail comes in; what it wrote adds up, and holds what was there before."""
    stop = threading.Event()

    def send() -> None:
        number = 0
        with smtplib.LMTP("127.0.0.1", desk.lmtp, timeout=30) as client:
            while not stop.is_set():
                number += 1
                content = MAIL.replace(b"<one@", b"<busy%d@" % number)
                client.sendmail("marie@example.net", ["support-in@tickets.example.org"], content)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        desk.until(lambda: len(desk.rows("intakes")) > 20)
        before = len(desk.rows("intakes"))
        command = next(block for block in blocks("sh") if "VACUUM INTO" in block)
        command = command.replace("/var/lib/poterne", str(desk.folder)).replace("/var/backups", str(tmp_path))
        subprocess.run(["sh", "-c", command], check=True, timeout=60)
    finally:
        stop.set()
        sender.join()
    (backup,) = tmp_path.glob("poterne-*.db")
    restored = tmp_path / "restored"
    restored.mkdir()
    shutil.copy(backup, restored / "poterne.db")
    config = restored / "poterne.yaml"
    config.write_text(desk.config.read_text().replace(f"sqlite:///{desk.folder}", f"sqlite:///{restored}"))
    audit = subprocess.run(
        [desk.command("--version").args[0], "-m", "gateway", "audit", "--json", "-c", str(config)],
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ),
    )

    assert audit.returncode == 0, audit.stdout + audit.stderr
    assert int(re.findall(r'"intakes": (\d+)', audit.stdout)[0]) >= before
