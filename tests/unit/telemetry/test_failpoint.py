"""Fail-points do nothing unless asked, and exactly what is asked."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.telemetry import failpoint

GATEWAY = Path(failpoint.__file__).parents[1]


@pytest.fixture(autouse=True)
def _disarm():
    yield
    failpoint.arm("")


def test_a_point_that_is_not_armed_does_nothing():
    failpoint.arm("process.claimed:raise")
    failpoint.reach("accept.before-commit")
    with pytest.raises(failpoint.FailpointError):
        failpoint.reach("process.claimed")


def test_a_point_acts_from_the_wanted_passing_on():
    failpoint.arm("process.claimed:raise:3")
    failpoint.reach("process.claimed")
    failpoint.reach("process.claimed")
    for _ in range(2):
        with pytest.raises(failpoint.FailpointError):
            failpoint.reach("process.claimed")


@pytest.mark.parametrize("text", ["nowhere:crash", "process.claimed:explode", "process.claimed"])
def test_a_wrong_name_or_mode_is_refused(text):
    with pytest.raises(ValueError, match="no such point or mode"):
        failpoint.arm(text)


def test_crash_kills_the_process_without_clean_up():
    code = "import atexit; from gateway.telemetry import failpoint; atexit.register(print, 'cleaned up'); "
    code += "failpoint.reach('accept.before-commit'); print('survived')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"POTERNE_FAILPOINT": "accept.before-commit:crash"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == -9
    assert done.stdout == ""


def test_every_point_is_passed_somewhere_and_every_passing_is_listed():
    text = "\n".join(path.read_text() for path in GATEWAY.rglob("*.py"))
    passed = set(re.findall(r'(?:failpoint\.reach\(|\bclaimed=|\bbefore_record=)"([a-z.-]+)"', text))

    assert passed == set(failpoint.POINTS)
