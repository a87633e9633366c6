"""Metrics keep to Prometheus' conventions, hold no address, and are all documented."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from prometheus_client.metrics import MetricWrapperBase

from gateway.telemetry import metrics

ROOT = Path(metrics.__file__).parents[2]
BOUNDED_LABELS = {
    "channel",
    "check",
    "class",
    "command",
    "connection",
    "disposition",
    "event",
    "kind",
    "method",
    "outcome",
    "python",
    "queue",
    "reason",
    "route",
    "rule",
    "source",
    "stage",
    "task",
    "version",
    "webhook",
}


def own_metrics() -> dict[str, MetricWrapperBase]:
    found = {name: value for name, value in vars(metrics).items() if isinstance(value, MetricWrapperBase)}
    assert len(found) > 20
    return found


def test_promtool_accepts_the_exposition_with_every_metric_in_use():
    for metric in own_metrics().values():
        if metric._labelnames:
            metric.labels(*["example"] * len(metric._labelnames))
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=metrics.exposition(), capture_output=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_labels_come_from_a_closed_set_of_kinds():
    labels = {label for metric in own_metrics().values() for label in metric._labelnames}

    assert labels <= BOUNDED_LABELS


def test_reply_classes_have_no_digit_but_the_first():
    assert [metrics.reply_class(code) for code in (250, "451", 552)] == ["2xx", "4xx", "5xx"]


def test_a_success_sets_its_time(monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 1234.0)
    metrics.succeeded("accept")

    assert metrics.REGISTRY.get_sample_value("poterne_last_success_timestamp_seconds", {"stage": "accept"}) == 1234.0
