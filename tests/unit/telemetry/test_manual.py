"""The manual and the code name the same events, metrics and fail-points; alerts use only metrics that exist."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from gateway.telemetry import metrics
from gateway.telemetry.events import EVENTS
from gateway.telemetry.manual import log_page, metrics_page

ROOT = Path(metrics.__file__).parents[2]
ALERTS = ROOT / "docs/alerts.rules.yml"


def test_the_pages_are_what_the_code_says():
    cure = "run: .venv/bin/python -m gateway.telemetry.manual docs"
    assert (ROOT / "docs/metrics.md").read_text() == metrics_page(), cure
    assert (ROOT / "docs/log.md").read_text() == log_page(), cure


def test_names_of_events_are_dotted_lower_case():
    wrong = [name for name in EVENTS if not re.fullmatch(r"[a-z]+(\.[a-z]+(-[a-z]+)*)+", name)]

    assert wrong == []


def test_promtool_accepts_the_alerts():
    done = subprocess.run(["promtool", "check", "rules", str(ALERTS)], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "rules found" in done.stdout


def test_alerts_ask_only_for_metrics_that_exist():
    known = {family.name for family in metrics.REGISTRY.collect()}
    asked = set(re.findall(r"\bpoterne_[a-z_]+", "\n".join(re.findall(r"expr: (.*)", ALERTS.read_text()))))
    unknown = {
        name for name in asked if name not in known and re.sub(r"_(total|bucket|count|sum)$", "", name) not in known
    }

    assert len(asked) >= 10
    assert unknown == set()
