"""`poterne postfix maps` and `poterne check --postfix`, judged by the real postconf(1) and postmap(1)."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from gateway.cli.postfix_tables import lmtp_target, tables
from gateway.config import Settings, load_without_secrets
from tests.unit.cli.conftest import Poterne


def settings(listen: str = "127.0.0.1:8024") -> Settings:
    return Settings.model_validate(
        {
            "hostname": "tickets.example.org",
            "secret": {"env": "KEY"},
            "listen": {"lmtp": listen},
            "queues": {
                "a": {
                    "creation_addresses": ["In@Tickets.example.org"],
                    "inboxes": ["a@example.org", "in@tickets.example.org"],
                },
                "b": {"creation_addresses": ["b@exämple.org"], "inboxes": ["b@example.org"]},
                "c": {"inboxes": ["box@example.org"]},
            },
            "connections": {
                "box": {
                    "type": "imap",
                    "queue": "c",
                    "account": "box@example.org",
                    "host": "h",
                    "password": {"env": "X"},
                }
            },
        }
    )


@pytest.mark.parametrize(
    ("listen", "target"),
    [
        ("127.0.0.1:8024", "lmtp:inet:127.0.0.1:8024"),
        ("0.0.0.0:24", "lmtp:inet:127.0.0.1:24"),
        ("[::]:24", "lmtp:inet:[::1]:24"),
        ("gateway.example.org:24", "lmtp:inet:gateway.example.org:24"),
        ("unix:/run/poterne/lmtp.sock", "lmtp:unix:/run/poterne/lmtp.sock"),
        ("systemd", "lmtp:inet:127.0.0.1:8024"),
    ],
)
def test_the_next_hop_is_where_we_listen(listen: str, target: str) -> None:
    assert lmtp_target(settings(listen)) == target


def test_the_socket_unit_listens_where_we_assume_it() -> None:
    unit = (Path(__file__).parents[3] / "systemd" / "poterne.socket").read_text()

    assert "\nListenStream=127.0.0.1:8024\n" in unit


def test_tables_hold_what_postfix_looks_up() -> None:
    transport, recipients, inboxes = tables(settings())

    assert transport.entries == (
        ("in@tickets.example.org", "lmtp:inet:127.0.0.1:8024"),
        ("b@xn--exmple-cua.org", "lmtp:inet:127.0.0.1:8024"),
    )
    assert [key for key, _ in recipients.entries] == ["in@tickets.example.org", "b@xn--exmple-cua.org"]
    # An inbox that is itself a creation address, and one that is fetched, are not forwarded.
    assert inboxes.entries == (("a@example.org", "in@tickets.example.org"), ("b@example.org", "b@xn--exmple-cua.org"))


@pytest.fixture
def postfix(poterne: Poterne, config: Path, tmp_path: Path) -> Path:
    """The configuration directory of a Postfix that has what `poterne postfix maps --write` made."""
    etc = tmp_path / "etc"
    etc.mkdir()
    (tmp_path / "spool").mkdir()
    assert poterne("postfix", "maps", "--directory", etc, "-c", config).code == 0
    (etc / "main.cf").write_text(
        "compatibility_level = 3.6\n"
        f"queue_directory = {tmp_path}/spool\n"
        "command_directory = /usr/sbin\n"
        "daemon_directory = /usr/lib/postfix/sbin\n"
        "mydestination =\n"
        "relay_domains = tickets.example.org\n"
        f"transport_maps = texthash:{etc}/poterne_transport\n"
        f"relay_recipient_maps = texthash:{etc}/poterne_recipients\n"
        f"virtual_alias_maps = texthash:{etc}/poterne_inboxes\n"
        "recipient_delimiter = +\n"
        "message_size_limit = 52428800\n"
        "mailbox_size_limit = 0\n"
        "virtual_mailbox_limit = 0\n"
        "lmtp_line_length_limit = 0\n"
        "smtpd_forbid_bare_newline = normalize\n"
    )
    (etc / "master.cf").write_text("lmtp unix - - n - - lmtp\n")
    settle(etc)
    return etc


def settle(etc: Path) -> None:
    """Let the files look old: Postfix waits until one that has just changed is stable."""
    for path in etc.iterdir():
        os.utime(path, (1_700_000_000, 1_700_000_000))


def change(postfix: Path, parameter: str, value: str) -> None:
    subprocess.run(["postconf", "-c", postfix, f"{parameter} = {value}"], check=True)
    settle(postfix)


def test_a_postfix_with_our_tables_agrees(poterne: Poterne, config: Path, postfix: Path) -> None:
    seen = poterne("check", "--postfix-directory", postfix, "-c", config)

    assert seen.code == 0, seen.err
    assert seen.out == f"{config}: can be used (2 queues), and Postfix agrees with it\n"


def test_real_postmap_reads_the_tables(postfix: Path) -> None:
    """hash: tables are built by postmap, which says on stderr what it cannot read."""
    for name in ("poterne_transport", "poterne_recipients", "poterne_inboxes"):
        built = subprocess.run(
            ["postmap", "-c", postfix, f"hash:{postfix}/{name}"], capture_output=True, text=True, check=True
        )
        assert built.stderr == ""
    found = subprocess.run(
        ["postmap", "-c", postfix, "-q", "incident@tickets.example.org", f"hash:{postfix}/poterne_transport"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert found.stdout == "lmtp:inet:127.0.0.1:8024\n"


OTHER_RECIPIENTS = "inline:{nobody@tickets.example.org=OK}"
OTHER_INBOX = "inline:{support@example.org=root@example.org}"
OTHER_PORT = "inline:{ {tickets.example.org=lmtp:inet:127.0.0.1:24} }"
SUPPORT = "support-in@tickets.example.org"

# parameter, a value that harms, and what is said of it
HARM = [
    ("message_size_limit", "0", "is unlimited: larger mails would bounce; set it to 52428800"),
    ("message_size_limit", "62428800", "is 62428800, above limits.message_size of 52428800"),
    ("mailbox_size_limit", "51200000", "is 51200000, below message_size_limit of 52428800: Postfix refuses to deliver"),
    ("mydestination", "$myhostname, tickets.example.org", "tickets.example.org of queue support stands there"),
    ("lmtp_line_length_limit", "998", "is 998: long lines are folded on the way to us"),
    ("transport_maps", "", f"{SUPPORT} of queue support does not lead to poterne"),
    ("transport_maps", OTHER_PORT, "leads to lmtp:inet:127.0.0.1:24, poterne listens on lmtp:inet:127.0.0.1:8024"),
    ("relay_domains", "example.org", "tickets.example.org of queue support is no relay domain"),
    ("recipient_delimiter", "-", "has no +: answers to a reply address"),
    ("smtpd_forbid_bare_newline", "no", "is no: a sender can smuggle"),
    ("relay_recipient_maps", OTHER_RECIPIENTS, f"{SUPPORT} of queue support is refused as unknown"),
    (
        "virtual_alias_maps",
        OTHER_INBOX,
        f"leads to root@example.org, not to a creation address; let it lead to {SUPPORT}",
    ),
]


@pytest.mark.parametrize(("parameter", "value", "said"), HARM)
def test_each_way_to_lose_mail_is_noticed(  # noqa: PLR0917 - fixtures and one case
    poterne: Poterne, config: Path, postfix: Path, parameter: str, value: str, said: str
) -> None:
    change(postfix, parameter, value)
    seen = poterne("check", "--postfix-directory", postfix, "-c", config)

    assert seen.code == 1
    assert f"postfix: {parameter}: " in seen.err
    assert said in seen.err


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("transport_maps", "inline:{ {tickets.example.org = lmtp:[127.0.0.1]:8024} }"),
        ("transport_maps", "inline:{ {tickets.example.org = lmtp:inet:localhost:8024} }"),
        ("relay_domains", "inline:{tickets.example.org=x}"),
        ("relay_recipient_maps", ""),
        ("virtual_alias_maps", ""),
    ],
)
def test_other_ways_to_say_the_same_are_accepted(
    poterne: Poterne, config: Path, postfix: Path, parameter: str, value: str
) -> None:
    change(postfix, parameter, value)
    seen = poterne("check", "--postfix-directory", postfix, "-c", config)

    assert [line for line in seen.err.splitlines() if line.startswith("postfix: ") and "inet:" not in line] == []


def test_a_transport_that_bounces_forwarded_mail_is_noticed(poterne: Poterne, config: Path, postfix: Path) -> None:
    (postfix / "master.cf").write_text("lmtp unix - - n - - lmtp flags=DRX\n")
    settle(postfix)
    seen = poterne("check", "--postfix-directory", postfix, "-c", config)

    assert "postfix: master.cf lmtp: has flags=DRX: D bounces every mail that was forwarded twice" in seen.err


def test_the_differences_as_json(poterne: Poterne, config: Path, postfix: Path) -> None:
    change(postfix, "message_size_limit", "0")
    seen = poterne("check", "--json", "--postfix-directory", postfix, "-c", config)

    assert seen.objects[-1]["severity"] == "postfix"
    assert seen.objects[-1]["key"] == "message_size_limit"


def test_without_postfix_the_check_says_so(
    poterne: Poterne, config: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    seen = poterne("check", "--postfix", "-c", config)

    assert seen.code == 69
    assert "cannot run postconf: No such file or directory; install Postfix on this machine" in seen.err


def test_one_table_alone_can_be_piped(poterne: Poterne, config: Path) -> None:
    seen = poterne("postfix", "maps", "recipients", "-c", config)
    lines = [line for line in seen.out.splitlines() if not line.startswith("#")]

    assert lines == [
        "support-in@tickets.example.org  OK",
        "incident@tickets.example.org    OK",
        "billing-in@tickets.example.org  OK",
    ]
    assert load_without_secrets(config).queues.keys() == {"support", "billing"}
