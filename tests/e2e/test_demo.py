"""The demo works as the README promises, more than once on the same folder."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEMO = [sys.executable, "-m", "gateway", "demo", "--folder"]
DISPOSITIONS = {"ticket", "append", "auto_reply", "bounce", "own_copy", "quarantine", "duplicate", "receipt"}

pytestmark = pytest.mark.xdist_group("demo")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("demo")


def test_once_shows_what_became_of_six_mails_and_ends_well(folder):
    done = subprocess.run(
        [*DEMO, str(folder / "runs"), "--once"], capture_output=True, text=True, cwd=ROOT, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr

    mails_in, mails_out = done.stdout.split("\n\n")[1:3]
    rows = {line.split("  ")[0]: line.split() for line in mails_in.splitlines()[2:]}
    became = {what: next(word for word in words if word in DISPOSITIONS) for what, words in rows.items()}
    assert became == {
        "a customer, with an attachment": "ticket",
        "the answer to our acknowledgement": "append",
        "an out-of-office": "auto_reply",
        "a bounce of our reply": "bounce",
        "a newsletter": "ticket",
        "our own mail, forwarded back": "own_copy",
    }
    sent = [line.split() for line in mails_out.splitlines()[2:]]
    assert [(line[0], line[-1]) for line in sent] == [("acknowledgement", "good"), ("reply", "good")]


def test_a_second_run_stays_until_ctrl_c_and_shows_a_page(folder):
    (folder / "runs" / "run-001").mkdir(parents=True, exist_ok=True)  # whatever ran before, it is not touched
    output = folder / "output"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [*DEMO, str(folder / "runs")],
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 90
        while "Ctrl-C" not in output.read_text():
            assert process.poll() is None, output.read_text()
            assert time.monotonic() < deadline, output.read_text()
            time.sleep(0.1)
        address = next(word for word in output.read_text().split() if word.startswith("http://"))
        account, password = re.findall(r"Sign in as (\S+) with (\S+);", output.read_text())[0]
        with urllib.request.urlopen(address, timeout=10) as answer:
            page = answer.read().decode()
        form = urllib.parse.urlencode({"address": account, "password": password}).encode()
        signing_in = urllib.request.Request(f"{address}sign-in", form, {"Origin": address.rstrip("/")})
        with urllib.request.build_opener(urllib.request.HTTPCookieProcessor()).open(signing_in, timeout=10) as answer:
            first_page = answer.url
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: everybody gets it
        code = process.wait(30)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    assert code == 0
    assert 'action="/sign-in"' in page
    assert first_page == f"{address}password"  # the first password is to be changed
    assert sorted(path.name for path in (folder / "runs").iterdir()) == ["run-001", "run-002"]
