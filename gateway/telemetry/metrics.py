"""Every metric of the daemon. Units stand in the names, labels are bounded, and no label ever holds an address.

Label values come from the configuration (queue, channel), from enums (disposition, outcome), from tables in the code
(rule, reason, route, command), or are digits of a reply class. docs/metrics.md is checked against this file.
"""

from __future__ import annotations

import platform
import time
from importlib.metadata import PackageNotFoundError, version

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

disable_created_metrics()  # type: ignore[no-untyped-call]  # no second gauge for every counter
REGISTRY = CollectorRegistry(auto_describe=True)
ProcessCollector(registry=REGISTRY)

# Seconds. Acceptance is one fsync, processing one parse and one transaction, sending a conversation with a far server.
_FAST = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_SLOW = (0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0)
# Octets: 1 KiB to 64 MiB.
_SIZES = tuple(float(1 << power) for power in range(10, 27, 2))


def _counter(name: str, text: str, *labels: str) -> Counter:
    return Counter(f"poterne_{name}", text, labels, registry=REGISTRY)


def _gauge(name: str, text: str, *labels: str) -> Gauge:
    return Gauge(f"poterne_{name}", text, labels, registry=REGISTRY)


def _histogram(name: str, text: str, *labels: str, buckets: tuple[float, ...] = _FAST) -> Histogram:
    return Histogram(f"poterne_{name}", text, labels, buckets=buckets, registry=REGISTRY)


# --- the way in -----------------------------------------------------------------------------------------------

LMTP_CONNECTIONS = _gauge("lmtp_connections", "LMTP connections that are open.")
LMTP_REPLIES = _counter(
    "lmtp_replies_total", "LMTP replies, by command and by class of the reply (2xx, 4xx, 5xx).", "command", "class"
)
LMTP_IN_FLIGHT = _gauge("lmtp_in_flight_bytes", "Octets of mails that are being received or wait for their commit.")
ACCEPTED = _counter("accepted_total", "Intakes made durable, by source (lmtp, imap, replay).", "source")
ACCEPTED_BYTES = _counter("accepted_bytes_total", "Octets of the mails made durable.")
ACCEPT_SECONDS = _histogram("accept_seconds", "Time from the end of data to the durable commit.")
MAIL_BYTES = _histogram("mail_bytes", "Size of accepted mails.", buckets=_SIZES)

# --- judging --------------------------------------------------------------------------------------------------

INTAKES = _counter(
    "intakes_total", "Intakes that got their disposition, by queue and disposition.", "queue", "disposition"
)
PROCESS_SECONDS = _histogram(
    "process_seconds", "Time from the claim of an intake to its durable disposition.", buckets=_SLOW
)
PARSE_SECONDS = _histogram("parse_seconds", "Time that the parser process took to read a mail.")
PROCESS_FAILURES = _counter("process_failures_total", "Tries to process an intake that failed, by reason.", "reason")
PARSER_DEATHS = _counter(
    "parser_deaths_total", "Parser processes that died over a mail, by reason (timeout, killed, memory).", "reason"
)
WAITING_INTAKES = _gauge("waiting_intakes", "Durable intakes that have no disposition yet.")
OLDEST_WAITING = _gauge(
    "oldest_waiting_intake_seconds", "Age of the oldest intake without a disposition; 0 if there is none."
)
QUARANTINED = _gauge("quarantined_intakes", "Intakes in quarantine that nobody released or replayed.")

UNKNOWN_FORWARDERS = _counter(
    "unknown_forwarder_mails_total",
    "Mails through a forwarder that the queue's configuration does not name; `poterne doctor` names it.",
    "queue",
)

# --- automatic mail -------------------------------------------------------------------------------------------

AUTOMATIC = _counter(
    "automatic_mail_total", "Automatic mails that the bound allowed, by queue and kind.", "queue", "kind"
)
AUTOMATIC_REFUSED = _counter(
    "automatic_mail_refused_total", "Automatic mails that were not sent, by queue and rule.", "queue", "rule"
)
BREAKER_OPEN = _gauge("breaker_open", "1 while the breaker of a queue holds all its automatic mail.", "queue")

# --- the way out ----------------------------------------------------------------------------------------------

OUTBOX_DELIVERIES = _gauge("outbox_deliveries", "Deliveries that wait to be sent, by channel.", "channel")
OUTBOX_OLDEST = _gauge(
    "outbox_oldest_seconds", "Age of the oldest delivery that waits to be sent, by channel.", "channel"
)
DELIVERIES = _counter(
    "deliveries_total",
    "Attempts to deliver, by channel and outcome (sent, deferred, failed, unknown).",
    "channel",
    "outcome",
)
SEND_SECONDS = _histogram(
    "send_seconds", "Time from the claim of a delivery to the server's answer, by channel.", "channel", buckets=_SLOW
)
CHANNEL_PAUSED = _gauge("channel_paused", "1 while an operator has paused a channel.", "channel")
CHANNEL_DOWN = _gauge("channel_down", "1 while a channel is taken for dead and tried only now and then.", "channel")

# --- webhooks -------------------------------------------------------------------------------------------------

WEBHOOK_EVENTS = _counter("webhook_events_total", "Events written for webhooks, by type.", "event")
WEBHOOK_DELIVERIES = _counter(
    "webhook_deliveries_total",
    "Attempts to tell a webhook, by webhook and outcome (sent, deferred, failed, unknown).",
    "webhook",
    "outcome",
)
WEBHOOK_SECONDS = _histogram(
    "webhook_seconds", "Time from the claim of an event to the receiver's answer, by webhook.", "webhook", buckets=_SLOW
)
WEBHOOK_DOWN = _gauge("webhook_down", "1 while a receiver is taken for dead and tried only now and then.", "webhook")
WEBHOOK_WAITING = _gauge("webhook_waiting", "Events that wait to be told, by webhook.", "webhook")
WEBHOOK_OLDEST = _gauge(
    "webhook_oldest_seconds", "Age of the oldest event that waits to be told, by webhook.", "webhook"
)
WEBHOOK_FAILED = _gauge(
    "webhook_failed_last_day", "Events that were given up within the last 24 hours, by webhook.", "webhook"
)
WEBHOOK_STOPPED = _gauge("webhook_stopped", "1 while a webhook is paused, or gone (410), by webhook.", "webhook")

# --- direct inboxes -------------------------------------------------------------------------------------------

INBOX_UP = _gauge("inbox_up", "1 while a direct inbox is connected or fetched by another node.", "connection")
INBOX_LOOKED = _gauge(
    "inbox_last_look_timestamp_seconds",
    "Unix time at which this node last looked into a direct inbox with success.",
    "connection",
)

# --- the daemon -----------------------------------------------------------------------------------------------

LAST_SUCCESS = _gauge(
    "last_success_timestamp_seconds",
    "Unix time of the last success of a stage (accept, process, send, fetch).",
    "stage",
)
READY = _gauge("ready", "1 while a readiness check passes, by check.", "check")
TASK_CRASHES = _counter("task_crashes_total", "Crashes of a worker task; the supervisor started it again.", "task")
LOOP_LAG_SECONDS = _gauge("event_loop_lag_seconds", "How late the event loop woke at the last look.")
CONFIG_LOADED = _gauge(
    "config_last_reload_success", "1 if the last reading of the configuration was good, 0 if the old one was kept."
)
CONFIG_LOADED_AT = _gauge("config_loaded_timestamp_seconds", "Unix time at which the configuration in use was read.")

HTTP_REQUESTS = _counter(
    "http_requests_total",
    "HTTP requests, by route (its pattern), method and class of the answer.",
    "route",
    "method",
    "class",
)
HTTP_SECONDS = _histogram("http_seconds", "Time to answer an HTTP request, by route.", "route")
BUILD = Info("poterne_build", "Version of the daemon and of Python.", registry=REGISTRY)


def _version() -> str:
    try:
        return version("poterne")
    except PackageNotFoundError:
        return "unknown"


BUILD.info({"version": _version(), "python": platform.python_version()})


def succeeded(stage: str) -> None:
    """Note that a stage of the mail's way worked just now."""
    LAST_SUCCESS.labels(stage).set(time.time())


def reply_class(code: int | str) -> str:
    """Return the class of a reply code: 250 is `2xx`."""
    return f"{str(code)[:1]}xx"


def exposition() -> bytes:
    """Return everything in the text format of Prometheus."""
    return generate_latest(REGISTRY)
