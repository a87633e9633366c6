"""Log events: one line each, stable dotted names, sorted fields. Never a secret, never a control character.

Every event is named in `events.py`. Fields that recur: `session` (the id that follows a mail from RCPT to delivery),
`intake`, `ticket`, `outgoing`, `delivery`, `queue`, `channel`, `because`.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Any, TextIO, cast

import structlog
from structlog.typing import FilteringBoundLogger, WrappedLogger

Event = MutableMapping[str, Any]
LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
FORMATS = ("text", "json")

REDACTED = "[redacted]"
# Keys whose values never reach the log, whatever they hold.
SECRET_KEYS = ("password", "secret", "token", "authorization", "cookie", "credential", "private_key")
SHORTEST_SECRET = 6  # to replace shorter texts would tear holes into ordinary words
MAX_CHARACTERS = 2000  # of one value; a traceback has its own limit
MAX_TRACEBACK_CHARACTERS = 8000

_PLAIN = re.compile(r"[^ \"'=]+")
_protected: set[str] = set()
_NUMBERS = (int, float)  # as a union in the code they would be made anew for every value
_MANY = (list, tuple, set, frozenset)


def protect(secret: str) -> None:
    """Never let this text appear in the log, wherever it would stand. For every secret, as soon as it is read."""
    if len(secret) >= SHORTEST_SECRET:
        _protected.add(secret)


def redact(text: str) -> str:
    """Return the text without any protected secret."""
    for secret in _protected:
        if secret in text:
            text = text.replace(secret, REDACTED)
    return text


@cache  # the keys of events are few: they stand in our code
def _is_secret(key: str) -> bool:
    return any(word in key.lower() for word in SECRET_KEYS)


def _clean(value: object, limit: int) -> object:
    """Return a value that is safe in one line of a log: plain, bounded, without control characters or secrets."""
    if value is None or isinstance(value, _NUMBERS):
        return value
    text = redact(value if type(value) is str else _text(value))
    if not text.isprintable():
        text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"


def _text(value: object) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


def clean_fields(_logger: WrappedLogger, _method: str, event: Event) -> Event:
    """Redact by key and by content, escape what could forge a line, bound every value."""
    for key, value in event.items():
        if _is_secret(key):
            event[key] = REDACTED
        elif key == "exception":
            event[key] = _clean(value, MAX_TRACEBACK_CHARACTERS)
        elif isinstance(value, _MANY):
            event[key] = [_clean(item, MAX_CHARACTERS) for item in value]
        else:
            event[key] = _clean(value, MAX_CHARACTERS)
    return event


def _stamp(_logger: WrappedLogger, _method: str, event: Event) -> Event:
    event["at"] = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return event


def render_text(_logger: WrappedLogger, _method: str, event: Event) -> str:
    """Render `AT LEVEL EVENT key=value …` with the keys sorted; what is None is left out."""
    head = f"{event.pop('at')} {event.pop('level'):7} {event.pop('event')}"
    return " ".join([head, *[f"{key}={_quoted(value)}" for key, value in sorted(event.items()) if value is not None]])


def _quoted(value: object) -> str:
    """Return a value as it stands behind `key=`: in quotes if it would not end where it ends."""
    text = value if type(value) is str else ",".join(map(str, value)) if type(value) is list else str(value)
    if _PLAIN.fullmatch(text):
        return text
    return '"' + text.replace('"', '\\"') + '"'


class _Stream:
    """Writes whole lines to the stream, or to whatever is standard error at that moment."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def msg(self, message: str) -> None:
        stream = self._stream or sys.stderr
        try:
            stream.write(message + "\n")
            stream.flush()
        except (OSError, ValueError):
            # A full or closed log must not stop mail: the event is lost, the mail is not.
            return

    log = debug = info = warn = warning = error = critical = exception = msg


class _StandardLibrary(logging.Handler):
    """Carries what libraries log into our own events."""

    def emit(self, record: logging.LogRecord) -> None:
        get_logger().warning(
            "library.message",
            library=record.name,
            text=record.getMessage(),
            exc_info=cast("Any", record.exc_info),
        )


def configure(level: str = "info", form: str = "text", stream: TextIO | None = None) -> None:
    """Choose what is logged, how, and where to; standard error if no stream is given."""
    renderer = structlog.processors.JSONRenderer(sort_keys=True, ensure_ascii=False) if form == "json" else render_text
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            _stamp,
            clean_fields,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=lambda *_args: _Stream(stream),
        cache_logger_on_first_use=False,
    )


def capture_libraries() -> None:
    """Send warnings and errors of libraries (uvicorn, asyncio, aiosmtpd) to our log."""
    root = logging.getLogger()
    root.handlers = [_StandardLibrary(logging.WARNING)]
    root.setLevel(logging.WARNING)


def get_logger() -> FilteringBoundLogger:
    """Return the logger. Write events, not sentences: `log.info("intake.done", intake=17, disposition="ticket")`."""
    if not structlog.is_configured():
        configure()
    return cast("FilteringBoundLogger", structlog.get_logger())


@contextmanager
def bound(**fields: object) -> Iterator[None]:
    """Add fields, such as `session` and `intake`, to every event inside the block, across awaits."""
    with structlog.contextvars.bound_contextvars(**fields):
        yield
