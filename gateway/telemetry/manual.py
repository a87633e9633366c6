"""Writes docs/metrics.md and docs/log.md from the tables in this package: `python -m gateway.telemetry.manual DOCS`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from prometheus_client.metrics import MetricWrapperBase

from gateway.telemetry import failpoint, metrics
from gateway.telemetry.events import EVENTS

METRICS_HEAD = """# Metrics

`/metrics` on the HTTP listener, or on a listener of its own (`listen.metrics`), in the text format of Prometheus.
Labels are bounded: names from the configuration and words from tables in the code, never an address, a subject or a
number. Alerts to start with stand in [alerts.rules.yml](alerts.rules.yml). The usual `process_*` metrics come along.

| metric | type | labels | meaning |
| --- | --- | --- | --- |
"""

LOG_HEAD = """# Log events

One line for each event, on standard error: time, level, name, then the fields in alphabetical order. `POTERNE_LOG=json`
gives one JSON object a line instead; `POTERNE_LOG_LEVEL=debug|info|warning|error` sets the threshold (`info`).

`session` is one id that follows a mail from RCPT over its intake to the delivery of the acknowledgement that it caused;
`intake`, `ticket`, `outgoing` and `delivery` are the numbers that the listings show. Values of keys that name secrets,
and every secret of the configuration wherever it would stand, are replaced by `[redacted]`; control characters are
escaped, so that no mail can forge a line. Names never change their meaning.

| event | meaning |
| --- | --- |
"""

FAILPOINTS_HEAD = """
## Fail-points

For tests only: `POTERNE_FAILPOINT=name:crash|raise|hang[:N]` makes the daemon kill itself, fail or stand still when it
passes that point for the N-th time.

| point | where it stands |
| --- | --- |
"""


def metrics_page() -> str:
    """Return docs/metrics.md."""
    return METRICS_HEAD + "".join(_metric_lines())


def _metric_lines() -> Iterable[str]:
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            (family,) = list(metric.describe())
            suffix = {"counter": "_total", "info": "_info"}.get(family.type, "")
            labels = ", ".join(f"`{label}`" for label in metric._labelnames)  # noqa: SLF001 - no public way to ask
            yield f"| `{family.name}{suffix}` | {family.type} | {labels} | {family.documentation} |\n"


def log_page() -> str:
    """Return docs/log.md."""
    events = "".join(f"| `{name}` | {text} |\n" for name, text in EVENTS.items())
    points = "".join(f"| `{name}` | {text} |\n" for name, text in failpoint.POINTS.items())
    return LOG_HEAD + events + FAILPOINTS_HEAD + points


def main(docs: Path) -> None:
    """Write both pages into the folder `docs`."""
    (docs / "metrics.md").write_text(metrics_page(), encoding="utf-8")
    (docs / "log.md").write_text(log_page(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
