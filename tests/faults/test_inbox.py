"""A direct inbox survives kill -9: nothing lost, nothing doubled, nothing marked that is not durable."""

import pytest

from tests.faults.inbox import run

pytestmark = pytest.mark.xdist_group("inbox")


def test_killed_while_fetching(tmp_path):
    outcome = run(tmp_path, kills=3, mails=120)

    assert outcome.faults == [], outcome
    assert outcome.kills == 3
    assert outcome.intakes == 120
