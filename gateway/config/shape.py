"""What the types of the configuration look like: their sections, the words for their values, their defaults as YAML."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from gateway.config import units
from gateway.config.channels import Section
from gateway.config.document import Loc
from gateway.config.settings import CreationAddress, Settings, check_socket_mode

SIZE_STEPS = (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10))
DURATION_STEPS = (("d", 86400), ("h", 3600), ("min", 60))

# The word for a kind of value, by the function that checks it.
WORDS: Mapping[object, str] = {
    units.parse_size: "size",
    units.parse_duration: "duration",
    units.address: "address",
    units.mailbox: "mailbox",
    units.domain: "domain",
    units.selector: "selector",
    units.pattern: "pattern",
    units.colour: "colour",
    units.name: "name",
    units.as_rate: "rate",
    units.as_listener: "listener",
    units.as_window: "duration",
    check_socket_mode: "file mode",
}
PLAIN: Mapping[object, str] = {str: "text", int: "number", bool: "true or false", Path: "path", timedelta: "duration"}


def section_at(loc: Loc) -> type[Section]:
    """Return the type of the mapping at `loc`; keys of tables and indexes of lists are passed over."""
    section: type[Section] = Settings
    for step in loc:
        info = next((info for key, info in keys_of(section) if key == step), None)
        if info is not None:
            section = next(iter(sections_in(info.annotation)), section)
    return section


def keys_of(section: type[Section]) -> Iterator[tuple[str, FieldInfo]]:
    """Yield each key of a section as it is written, with what is known about it, in the order of the type."""
    for name, info in section.model_fields.items():
        yield info.alias or name, info


def sections_in(annotation: Any) -> Iterator[type[Section]]:
    """Yield the sections that a type is made of, outermost first."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    for inner in typing.get_args(annotation):
        yield from sections_in(inner)


def container_of(annotation: Any) -> Literal["table", "list", "section", "value"]:
    """Tell what a key holds: a mapping of named sections, a list of sections, one section, or a value."""
    inside = [found for found in sections_in(annotation) if found is not CreationAddress]
    if not inside:
        return "value"
    origin = typing.get_origin(annotation)
    return "table" if origin is dict else "list" if origin is tuple else "section"


def word_for(annotation: Any, metadata: tuple[Any, ...] | list[Any] = ()) -> str:
    """Say in a few words what kind of value a type takes."""
    for item in metadata:
        found = getattr(item, "func", None) if isinstance(item, AfterValidator | BeforeValidator) else None
        if found is not None:
            return WORDS.get(found, "text")
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return word_for(inner[0], inner[1:])
    if origin is Literal:
        return ", ".join(str(word) for word in inner)
    if origin is tuple:
        return f"list of {word_for(inner[0])}"
    if origin is dict:
        return f"mapping of {word_for(inner[0])} to {word_for(inner[1])}"
    if origin in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(word_for(item) for item in inner if item is not type(None)))
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation.__name__
    return PLAIN.get(annotation, "text")


def default_of(info: FieldInfo) -> str | None:
    """Return the default of a key as YAML, or None for a key that has to be written."""
    if info.default is PydanticUndefined:
        return None
    return as_yaml(info.default, "size" if word_for(info.annotation, info.metadata) == "size" else "")


def as_yaml(value: object, word: str = "") -> str:
    """Write a value in one line of YAML, in the units that people write."""
    if value is None or isinstance(value, Section):
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, timedelta):
        seconds = int(value.total_seconds())
        unit, factor = next(((u, f) for u, f in DURATION_STEPS if seconds and seconds % f == 0), ("s", 1))
        return f"{seconds // factor}{unit}"
    if isinstance(value, int):
        unit, factor = next(((u, f) for u, f in SIZE_STEPS if word == "size" and value % f == 0), ("", 1))
        return f"{value // factor}{unit}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{as_yaml(key)}: {as_yaml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(as_yaml(item) for item in value) + "]"
    text = str(value)
    bare = text and all(char.isalnum() or char in "_-./:@+" for char in text) and text not in YAML_WORDS
    return text if bare and not text.isdigit() else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


YAML_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "~"})
