"""ParsedMail as JSON with its texts beside it, and back, for the pipe between a parser process and the daemon.

JSON and not pickle: what comes out of the process that reads strangers' octets must never be code. The form follows
from the types in gateway.model, so a field added there travels by itself.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from functools import cache
from operator import attrgetter
from typing import Any

from gateway.model import ParsedMail


def dumps(mail: ParsedMail) -> bytes:
    """Return the mail as a line of JSON, and behind it its long texts in UTF-8: JSON looks at every sign of a text."""
    form = list(_plain(mail))
    if mail.text.startswith(mail.reply_text):
        form[_REPLY_TEXT] = len(mail.reply_text)  # most texts begin with what is new: it travels once
    texts = []
    for at in _LONG:
        if form[at]:
            texts.append(form[at].encode("utf-8", "surrogatepass"))
            form[at] = len(texts[-1])
    return b"".join((json.dumps(form, default=_plain, separators=(",", ":")).encode("ascii"), b"\n", *texts))


def loads(data: bytes) -> ParsedMail:
    """Return the mail that `dumps` wrote. Raises ValueError for anything else."""
    end = data.find(b"\n")
    try:
        form = json.loads(data[:end])
        end += 1
        for at in _LONG:
            if type(form[at]) is int:
                start, end = end, end + form[at]
                form[at] = data[start:end].decode("utf-8", "surrogatepass")
        if end != len(data):
            raise ValueError(f"{len(data)} octets, and texts up to {end}")
        if type(form[_REPLY_TEXT]) is int:
            form[_REPLY_TEXT] = form[_TEXT][: form[_REPLY_TEXT]]
        found: ParsedMail = _builder(ParsedMail)(form)
    except (TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        raise ValueError(f"not a ParsedMail: {error}") from error
    return found


_NAMES = [item.name for item in dataclasses.fields(ParsedMail)]
_TEXT, _REPLY_TEXT = _NAMES.index("text"), _NAMES.index("reply_text")
_LONG = [_NAMES.index(name) for name in ("text", "html", "reply_html", "words")]
_GETTERS: dict[type, Callable[[Any], Any]] = {}


def _plain(value: Any) -> Any:
    kind = type(value)
    getter = _GETTERS.get(kind)
    if getter is None:
        if isinstance(value, datetime):
            return value.isoformat()
        getter = _GETTERS[kind] = attrgetter(*(item.name for item in dataclasses.fields(value)))
    return getter(value)


@cache
def _builder(hint: object) -> Callable[[Any], Any]:
    """Return what builds a value of the type `hint` from its JSON form."""
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return _dataclass(hint)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        return _sequence(_builder(arguments[0]))
    if origin in (types.UnionType, typing.Union):
        inner = _builder(next(item for item in arguments if item is not type(None)))
        return lambda value: None if value is None else inner(value)
    if hint is datetime:
        return datetime.fromisoformat
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return hint
    if isinstance(hint, type) and hint in (str, int, bool):
        return _scalar(hint)
    raise TypeError(f"no wire form for {hint!r}")


def _scalar(kind: type) -> Callable[[Any], Any]:
    def build(value: Any) -> Any:
        if type(value) is not kind:
            raise TypeError(f"{kind.__name__} expected")
        return value

    return build


def _sequence(build: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def build_all(value: Any) -> Any:
        if type(value) is not list:
            raise TypeError("list expected")
        return tuple([build(item) for item in value])

    return build_all


def _dataclass(kind: Any) -> Callable[[Any], Any]:
    hints = typing.get_type_hints(kind)
    builders = [_builder(hints[item.name]) for item in dataclasses.fields(kind)]

    def build(value: Any) -> Any:
        return kind(*[make(item) for make, item in zip(builders, value, strict=True)])

    return build
