"""The units: accepted by systemd, tight, and possible with the libraries that we load."""

from __future__ import annotations

import re
import shutil
import smtplib
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.daemon import Daemon
from tests.support.ports import free_port

pytestmark = pytest.mark.xdist_group("systemd")

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "systemd"


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": "/usr/bin:/bin"},
    )


@pytest.fixture
def units(tmp_path: Path) -> list[str]:
    """The units as installed here: the only thing that differs is where the command lies."""
    for name in ("poterne.service", "poterne.socket"):
        shutil.copy(UNITS / name, tmp_path / name)
    service = tmp_path / "poterne.service"
    text = service.read_text()
    command = Path(sys.executable).with_name("poterne")
    assert "/opt/poterne/bin/poterne serve" in text
    assert command.exists()
    service.write_text(text.replace("/opt/poterne/bin/poterne", str(command)))
    return [str(service), str(tmp_path / "poterne.socket")]


def test_systemd_accepts_the_units_without_a_word(units: list[str]) -> None:
    done = analyze("verify", "--man=no", *units)

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_systemd_would_refuse_a_broken_unit(units: list[str]) -> None:
    """The check above can fail: an unknown option is noticed."""
    service = Path(units[0])
    service.write_text(service.read_text().replace("NoNewPrivileges=yes", "NoNewPriviledges=yes"))
    done = analyze("verify", "--man=no", *units)

    assert "NoNewPriviledges" in done.stdout + done.stderr


def test_the_service_is_exposed_as_little_as_promised(units: list[str]) -> None:
    done = analyze("security", "--offline=yes", units[0])
    found = re.search(r"exposure level for poterne\.service: ([0-9.]+)", done.stdout)

    assert found is not None, done.stderr
    assert float(found[1]) <= 1.5


HARDENED = """\
NoNewPrivileges=yes CapabilityBoundingSet= ProtectSystem=strict ProtectHome=yes ProtectProc=invisible ProcSubset=pid
ProtectClock=yes ProtectControlGroups=yes ProtectHostname=yes ProtectKernelLogs=yes ProtectKernelModules=yes
ProtectKernelTunables=yes PrivateDevices=yes PrivateTmp=yes PrivateUsers=yes PrivateIPC=yes PrivateMounts=yes
RemoveIPC=yes LockPersonality=yes RestrictNamespaces=yes RestrictRealtime=yes RestrictSUIDSGID=yes
MemoryDenyWriteExecute=yes SystemCallArchitectures=native UMask=0077"""


@pytest.mark.parametrize("line", HARDENED.split())
def test_no_protection_is_lost_unnoticed(line: str) -> None:
    """The exposure has room for one to go; a list has none."""
    assert f"\n{line}\n" in (UNITS / "poterne.service").read_text()


def test_the_service_waits_for_readiness_and_is_watched() -> None:
    text = (UNITS / "poterne.service").read_text()

    for line in ("Type=notify", "WatchdogSec=60s", "DynamicUser=yes", "LoadCredential=secret:/etc/poterne/secret"):
        assert f"\n{line}\n" in text
    assert "FileDescriptorName=lmtp" in (UNITS / "poterne.socket").read_text()


# What the daemon and its parser processes load and do: every library with machine code, at work.
WORK = """
import re2, nh3, selectolax.lexbor, uvloop, psycopg, sqlalchemy, argon2, charset_normalizer, ruamel.yaml
import fastapi, uvicorn, aiosmtpd, imapclient, jinja2, msal, structlog, prometheus_client, pydantic
import sqlite3, ssl, asyncio, hashlib, hmac
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives import hashes
rsa.generate_private_key(65537, 2048).sign(b"x", padding.PKCS1v15(), hashes.SHA256())
ed25519.Ed25519PrivateKey.generate().sign(b"x")
import dkim, nacl.signing
nacl.signing.SigningKey.generate().sign(b"x")
argon2.PasswordHasher().hash("x")
assert re2.search("a+b", "caab")
nh3.clean("<b onclick=x>y</b>")
selectolax.lexbor.LexborHTMLParser("<p>x</p>").text()
sqlite3.connect(":memory:").execute("select 1")
sqlalchemy.create_engine("sqlite://").connect().close()
ssl.create_default_context()
uvloop.run(asyncio.sleep(0))
import gateway.config
"""
MAPPINGS = re.compile(r"(?:mmap|mprotect|pkey_mprotect)\((?:[^,]+), (?:[^,]+), ([A-Z_|]+)[,)]")


def executable_and_writable(trace: str) -> list[str]:
    """Return the calls that MemoryDenyWriteExecute= would refuse (systemd.exec(5))."""
    wrong = []
    for line in trace.splitlines():
        found = MAPPINGS.search(line)
        if found is None or "PROT_EXEC" not in found[1]:
            continue
        # Mapping code from a file is fine; making memory executable afterwards, or both at once, is not.
        if "PROT_WRITE" in found[1] or "mprotect" in line:
            wrong.append(line)
    return wrong


def traced(code: str, output: Path) -> str:
    subprocess.run(
        [
            "strace",
            "-f",
            "-qq",
            "-o",
            str(output),
            "-e",
            "trace=mmap,mprotect,pkey_mprotect",
            sys.executable,
            "-c",
            code,
        ],
        check=True,
        timeout=120,
        cwd=ROOT,
        capture_output=True,
    )
    return output.read_text()


def test_nothing_that_we_load_needs_memory_that_is_writable_and_executable(tmp_path: Path) -> None:
    trace = traced(WORK, tmp_path / "trace")

    assert trace.count("PROT_EXEC") > 20, "the trace shows the libraries' code being mapped"
    assert executable_and_writable(trace) == []
    assert "MemoryDenyWriteExecute=yes" in (UNITS / "poterne.service").read_text()


def test_the_trace_would_show_such_memory(tmp_path: Path) -> None:
    code = "import mmap; mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)"

    assert len(executable_and_writable(traced(code, tmp_path / "trace"))) == 1


MAIL = b"From: a@example.net\r\nSubject: x\r\nMessage-ID: <1@example.net>\r\n\r\nThe total is wrong.\r\n"


def test_systemds_own_socket_activation_starts_it(tmp_path: Path) -> None:
    """The first connection starts the daemon, on the socket that waited for it; nobody is refused meanwhile."""
    port = free_port()
    wrapper = ("systemd-socket-activate", "--listen", f"127.0.0.1:{port}", "--fdname=lmtp")
    with Daemon(tmp_path / "desk", wrapper=wrapper) as daemon:
        daemon.config.write_text(daemon.text.replace(f"lmtp: 127.0.0.1:{daemon.lmtp}", "lmtp: systemd"))
        daemon.start(ready=False)
        daemon.until(lambda: "Listening on" in daemon.log_end())
        with smtplib.LMTP("127.0.0.1", port, timeout=60) as client:
            client.sendmail("a@example.net", ["support@tickets.example.org"], MAIL)
        daemon.until(lambda: len(daemon.rows("intakes")) == 1)

        assert daemon.stop() == 0


# --- the daemon at work, seen from outside --------------------------------------------------------------------

SYSCALL = re.compile(r"^\d+ +(?:<\.\.\. )?([a-z_0-9]+)(?:\(| resumed)", re.MULTILINE)


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Every system call of a daemon and its parsers: start, a mail in, a ticket, an attempt to answer, reload, stop."""
    folder = tmp_path_factory.mktemp("traced")
    output = folder / "trace"
    wrapper = ("strace", "-f", "-qq", "-s", "0", "-o", str(output))
    with Daemon(folder / "desk", wrapper=wrapper) as daemon:
        daemon.start(seconds=90)
        with smtplib.LMTP("127.0.0.1", daemon.lmtp, timeout=60) as client:
            client.sendmail("a@example.net", ["support@tickets.example.org"], MAIL)
        daemon.until(daemon.settled, seconds=60)
        daemon.until(lambda: daemon.rows("tickets"), seconds=60)
        assert daemon.stop(seconds=90) == 0
    return output.read_text()


def members(group: str, groups: dict[str, set[str]]) -> set[str]:
    """Return the system calls of a group, groups inside it taken apart."""
    found = set[str]()
    for word in groups[group]:
        found |= members(word, groups) if word.startswith("@") else {word}
    return found


def allowed() -> set[str]:
    """Return the system calls that the unit lets through (systemd.exec(5)): the first list allows, ~ takes away."""
    groups: dict[str, set[str]] = {}
    name = ""
    for line in analyze("syscall-filter").stdout.splitlines():
        word = line.strip()
        if line.startswith("@"):
            name = word
            groups[name] = set()
        elif name and word and not word.startswith("#"):
            groups[name].add(word)
    found = members("@default", groups)
    for words in re.findall(r"^SystemCallFilter=(.*)$", (UNITS / "poterne.service").read_text(), re.MULTILINE):
        for word in words.removeprefix("~").split():
            calls = members(word, groups) if word.startswith("@") else {word}
            found = found - calls if words.startswith("~") else found | calls
    return found


def test_the_filter_of_the_unit_lets_the_daemon_work(trace: str) -> None:
    # SQLite gives its files to the owner of the database when it runs as root, as here; the service's user is not root.
    used = set(SYSCALL.findall(trace)) - {"fchown"}

    assert {"fdatasync", "execve", "prlimit64", "setpriority", "accept4"} <= used, "the trace shows the daemon at work"
    assert used - allowed() == set()
    assert not {"setuid", "chroot", "sched_setscheduler", "bpf"} & allowed(), "the filter forbids something"


def test_the_daemon_at_work_makes_no_memory_executable(trace: str) -> None:
    assert trace.count("PROT_EXEC") > 50
    assert executable_and_writable(trace) == []
