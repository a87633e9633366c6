"""A file in, one frozen `Settings` out; or every problem of the file at once, each with its place and its cure.

Three readings, each only of what passed the one before: the YAML (`document`), the types (`settings`), and what has to
hold between the keys (`checks`). A value that has an error is left out, so that the others are still checked.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gateway.config import check_values, checks
from gateway.config.check_files import files_are_usable
from gateway.config.checks import Check, Finding, Names
from gateway.config.document import Document, Loc, guess, plain, read_document
from gateway.config.settings import Settings
from gateway.config.shape import keys_of, section_at
from gateway.errors import ConfigError, ConfigProblem

DEFAULT_PATH = Path("/etc/poterne/poterne.yaml")
PATH_VARIABLE = "POTERNE_CONFIG"
MAX_ROUNDS = 8  # each round leaves out what the one before refused; real files need one

CHECKS: tuple[Check, ...] = (
    checks.names_exist,
    checks.queues_can_work,
    checks.addresses_are_owned_once,
    checks.channels_are_complete,
    checks.limits_fit_together,
    checks.bound_is_not_lifted,
    check_values.storage_is_known,
    check_values.routing_is_sound,
    check_values.hosts_are_trusted_carefully,
    check_values.webhooks_hear_something,
    checks.mails_will_be_signed,
)

# What pydantic calls a mistake -> what we say, and how to mend it.
WORDS: Mapping[str, tuple[str, str]] = {
    "missing": ("is missing", "add it"),
    "string_type": ("is not text", "write text, in quotes if it looks like a number or a list"),
    "int_type": ("is not a whole number", "write a number, without quotes"),
    "bool_type": ("is neither true nor false", "write true or false"),
    "path_type": ("is not a path", "write a path, in quotes if it looks like a number"),
    "tuple_type": ("is not a list", "write it as [A, B], or one item a line after a hyphen"),
    "dict_type": ("is not a mapping", "write keys and values under it"),
    "model_type": ("is not a mapping", "write keys and values under it"),
    "too_short": ("is empty", "add at least one"),
}

RANGES: Mapping[str, str] = {
    "greater_than": "above",
    "greater_than_equal": "of at least",
    "less_than": "below",
    "less_than_equal": "of at most",
}


@dataclass(frozen=True, slots=True)
class Examination:
    """What reading a configuration showed. `settings` is None exactly if `problems` has types or syntax wrong.

    `elsewhere` are secrets that only the service itself can read (systemd credentials): not wrong, but not seen.
    """

    settings: Settings | None
    problems: tuple[ConfigProblem, ...] = ()
    warnings: tuple[ConfigProblem, ...] = ()
    elsewhere: tuple[ConfigProblem, ...] = field(default=())


def default_settings_path(environment: Mapping[str, str] | None = None) -> Path:
    """Return the file to read where -c names none: POTERNE_CONFIG, else /etc/poterne/poterne.yaml."""
    environment = os.environ if environment is None else environment
    return Path(environment.get(PATH_VARIABLE) or DEFAULT_PATH)


def load(path: Path | str, environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of a file that can be used as it stands. Raises ConfigError with every problem."""
    seen = examine(path, environment)
    problems = (*seen.problems, *seen.elsewhere)
    if problems or seen.settings is None:
        raise ConfigError(tuple(sorted(problems, key=_place)))
    return seen.settings


def load_without_secrets(path: Path | str) -> Settings:
    """Return the settings for commands that sign and send nothing: no file that the configuration names is read."""
    reading = _read_types(read_document(Path(path)))
    findings = _judge(reading)
    problems = _ordered([*reading.problems, *(item.problem for item in findings if not item.finding.warning)])
    if problems or reading.settings is None:
        raise ConfigError(problems)
    return reading.settings


def examine(path: Path | str, environment: Mapping[str, str] | None = None) -> Examination:
    """Read a configuration and everything that it points at, and tell all that is wrong or doubtful. Never raises."""
    try:
        reading = _read_types(read_document(Path(path)))
    except ConfigError as error:
        return Examination(None, error.problems)
    findings = _judge(reading)
    if reading.settings is not None:
        seen = files_are_usable(reading.settings, os.environ if environment is None else environment)
        findings += _placed(reading, seen)
    kinds = [(item.problem, item.finding.warning, getattr(item.finding, "elsewhere", False)) for item in findings]
    return Examination(
        None if reading.problems else reading.settings,
        _ordered([*reading.problems, *(found for found, warning, elsewhere in kinds if not warning and not elsewhere)]),
        # A doubt about a file that is wrong already may come from what had to be left out of it.
        () if reading.problems else _ordered(found for found, warning, _elsewhere in kinds if warning),
        _ordered(found for found, _warning, elsewhere in kinds if elsewhere),
    )


@dataclass(frozen=True, slots=True)
class Reading:
    """A file after the types were checked: what could be kept of it, and the problems of what could not."""

    document: Document
    settings: Settings | None
    problems: tuple[ConfigProblem, ...]


@dataclass(frozen=True, slots=True)
class Placed:
    """A finding with its place in the file."""

    finding: Finding
    problem: ConfigProblem


def _read_types(document: Document) -> Reading:
    """Check the types. What is wrong is left out of the settings, so that the rest can still be checked."""
    data = plain(document.root)
    problems: tuple[ConfigProblem, ...] = ()
    for attempt in range(MAX_ROUNDS):
        try:
            return Reading(document, Settings.model_validate(data), problems)
        except ValidationError as error:
            details = error.errors(include_url=False, include_input=False)
        if attempt == 0:
            problems = tuple(_mistake(document, detail) for detail in details)
        if not _leave_out(data, details):
            break
    return Reading(document, None, problems)


def _judge(reading: Reading) -> list[Placed]:
    """Run the checks over what could be kept."""
    if reading.settings is None:
        return []
    document = reading.document
    names = Names(document.names("queues"), document.names("channels") | document.names("connections"))
    return _placed(reading, (finding for check in CHECKS for finding in check(reading.settings, names)))


def _placed(reading: Reading, findings: Iterable[Finding]) -> list[Placed]:
    """Give each finding its place. What was left out for its own error is not reported again as missing."""
    known = tuple(item.key for item in reading.problems)
    placed = [Placed(item, reading.document.problem(item.loc, item.problem, item.cure)) for item in findings]
    return [item for item in placed if not any(_is_inside(key, item.problem.key) for key in known)]


def _mistake(document: Document, detail: ErrorDetails) -> ConfigProblem:
    """Say one error of pydantic in our words."""
    kind, loc, context = detail["type"], detail["loc"], detail.get("ctx", {})
    if kind == "poterne":
        return document.problem(loc, context["problem"], context["cure"])
    if kind == "extra_forbidden":
        return document.problem(loc, "is not a key that poterne knows", guess(str(loc[-1]), _keys_at(loc[:-1])))
    if kind == "literal_error":
        expected = context["expected"].replace("'", "")
        return document.problem(loc, "is not one of the words that are known here", f"use {expected}")
    if kind in RANGES:
        limit = next(iter(context.values()))
        return document.problem(loc, "is out of range", f"use a value {RANGES[kind]} {limit}")
    problem, cure = WORDS.get(kind, (detail["msg"], "see the reference in docs/configuration.md"))
    return document.problem(loc, problem, cure)


def _keys_at(loc: Loc) -> list[str]:
    """Return the keys that a mapping at `loc` may have, as they are written."""
    return [key for key, _info in keys_of(section_at(loc))]


def _leave_out(data: Any, details: Sequence[ErrorDetails]) -> bool:
    """Take what is wrong out of the data, so that the rest can be checked. False if there is nothing to check then."""
    # Where a key is missing, the mapping around it is what is wrong: its path ends there by itself.
    paths = [list(_path(data, detail["loc"])) for detail in details if detail["loc"] != ("hostname",)]
    if any(detail["loc"] == ("hostname",) for detail in details):
        data["hostname"] = "wrong.invalid"
    if not all(paths) or any(detail["loc"] == ("queues",) for detail in details):
        return False
    for path in paths:
        node, step = path[-1]
        if isinstance(node, list):
            del node[step:]  # from here on, so that the items before keep their indexes, which name their places
        else:
            node.pop(step, None)
    return True


def _path(data: Any, loc: Loc) -> Iterator[tuple[Any, Any]]:
    """Yield each container and key on the way to `loc`; union tags and what does not exist are passed over."""
    node = data
    for step in loc:
        inside = isinstance(node, dict) and step in node
        if inside or (isinstance(node, list) and isinstance(step, int) and step < len(node)):
            yield node, step
            node = node[step]


def _is_inside(key: str, outer: str) -> bool:
    return key == outer or key.startswith((f"{outer}.", f"{outer}["))


def _ordered(problems: Iterable[ConfigProblem]) -> tuple[ConfigProblem, ...]:
    return tuple(sorted(set(problems), key=_place))


def _place(problem: ConfigProblem) -> tuple[int, int, str, str]:
    return problem.line, problem.column, problem.key, problem.problem
