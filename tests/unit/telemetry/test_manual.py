"""The manual and the code name the same events, metrics and fail-points; alerts use only metrics that exist."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
from collections import Counter
from pathlib import Path

from prometheus_client.metrics import MetricWrapperBase

from gateway.telemetry import metrics
from gateway.telemetry.events import EVENTS
from gateway.telemetry.manual import log_page, metrics_page

ROOT = Path(metrics.__file__).parents[2]
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
ALERTS = ROOT / "docs/alerts.rules.yml"


def test_the_pages_are_what_the_code_says():
    cure = "run: .venv/bin/python -m gateway.telemetry.manual docs"
    assert (ROOT / "docs/metrics.md").read_text() == metrics_page(), cure
    assert (ROOT / "docs/log.md").read_text() == log_page(), cure


@functools.cache
def strings() -> tuple[frozenset[str], frozenset[str]]:
    """Return the strings in the code: those that are logged as events, and all."""
    logged: set[str] = set()
    everything: set[str] = set()
    for path in (ROOT / "gateway").rglob("*.py"):
        if path.name == "events.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                everything.add(node.value)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
                first = node.args[0]
                if node.func.attr in LEVELS and isinstance(first, ast.Constant) and isinstance(first.value, str):
                    logged.add(first.value)
    return frozenset(logged), frozenset(everything)


def test_every_logged_event_is_named_and_every_name_is_used():
    logged, everything = strings()

    assert logged - set(EVENTS) == set()
    assert set(EVENTS) - everything == set()


def test_every_metric_is_set_somewhere():
    words = Counter(
        word for path in (ROOT / "gateway").rglob("*.py") for word in re.findall(r"\b[A-Z_]+\b", path.read_text())
    )
    names = [name for name, value in vars(metrics).items() if isinstance(value, MetricWrapperBase)]

    assert [name for name in names if words[name] < 2] == []


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
