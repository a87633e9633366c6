"""One event is one line, with sorted fields, and no secret or control character in it."""

from __future__ import annotations

import io
import json
import logging

import pytest
import structlog

from gateway.telemetry import log as log_module
from gateway.telemetry.log import REDACTED, bound, capture_libraries, configure, get_logger, protect


@pytest.fixture
def lines(monkeypatch):
    monkeypatch.setattr(log_module, "_protected", set())
    stream = io.StringIO()
    configure("debug", "json", stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    structlog.reset_defaults()


def test_text_lines_start_with_time_level_and_name_and_sort_the_fields():
    stream = io.StringIO()
    configure("info", "text", stream)
    get_logger().info("intake.held", intake=17, because='46 "Received" fields', rule="too-many-hops", seen=[1, 2])
    structlog.reset_defaults()

    at, _, rest = stream.getvalue().partition(" ")
    assert at.endswith("Z")
    assert rest == 'info    intake.held because="46 \\"Received\\" fields" intake=17 rule=too-many-hops seen=1,2\n'


def test_a_line_break_in_a_value_cannot_forge_a_line(lines):
    get_logger().info("intake.done", subject="a\r\n2026-01-01 info intake.done intake=9\x1b[31m\u2028b")

    (event,) = lines()
    assert event["subject"] == "a\\r\\n2026-01-01 info intake.done intake=9\\x1b[31m\\u2028b"


@pytest.mark.parametrize("key", ["password", "smtp_password", "Authorization", "access_token", "client_secret"])
def test_keys_that_name_secrets_lose_their_value(lines, key):
    get_logger().info("intake.done", **{key: "canary"})

    (event,) = lines()
    assert event[key] == REDACTED


def test_a_protected_secret_appears_nowhere_not_even_in_a_traceback(lines):
    protect("canary-5319")

    def log_in():
        raise RuntimeError("login failed for canary-5319")

    try:
        log_in()
    except RuntimeError:
        get_logger().exception("task.crashed", because="told canary-5319", seen=["x canary-5319 y"])

    (event,) = lines()
    assert "canary" not in json.dumps(event)
    assert "RuntimeError" in event["exception"]


def test_long_values_are_cut(lines):
    get_logger().info("intake.done", subject="x" * 5000)

    (event,) = lines()
    assert len(event["subject"]) < 2100


def test_fields_bound_once_are_on_every_event_of_the_block(lines):
    with bound(session="s-1"):
        get_logger().info("intake.claimed", intake=1)
    get_logger().info("intake.done", intake=1)

    first, second = lines()
    assert first["session"] == "s-1"
    assert "session" not in second


def test_levels_below_the_threshold_are_dropped():
    stream = io.StringIO()
    configure("warning", "text", stream)
    get_logger().info("intake.done")
    get_logger().warning("intake.held")
    structlog.reset_defaults()

    assert [line.split()[2] for line in stream.getvalue().splitlines()] == ["intake.held"]


def test_warnings_of_libraries_become_events(lines):
    root = logging.getLogger()
    before = root.handlers, root.level
    try:
        capture_libraries()
        logging.getLogger("uvicorn.error").warning("odd %s", "thing")
        logging.getLogger("uvicorn.error").info("chatter")
    finally:
        root.handlers, root.level = before

    (event,) = lines()
    assert (event["event"], event["library"], event["text"]) == ("library.message", "uvicorn.error", "odd thing")


def test_a_full_log_does_not_stop_mail():
    class Full(io.StringIO):
        def write(self, _text):
            raise OSError(28, "No space left on device")

    configure("info", "text", Full())
    get_logger().info("intake.done", intake=1)
    after = structlog.is_configured()
    structlog.reset_defaults()

    assert after
