"""A YAML file, read with the position of every key, and refused before it can do harm.

Foreign tags make no objects, aliases cannot multiply, keys cannot repeat; what is left is plain mappings, lists and
scalars. Everything else about the configuration is decided on what this module returns.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.config.units import shown
from gateway.errors import ConfigError, ConfigProblem

MAX_OCTETS = 4 << 20  # 500 queues take 200 kB
MAX_NODES = 100_000  # after aliases are followed: "billion laughs" is a few hundred octets of YAML
MAX_DEPTH = 24  # the deepest contract key lies 6 down

Loc = tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A configuration file as a tree that knows its positions."""

    file: str
    root: Mapping[Any, Any]

    def problem(self, loc: Loc, problem: str, cure: str) -> ConfigProblem:
        """Return the problem at `loc`: a path of keys and indexes, as pydantic gives it (union tags are skipped)."""
        line, column, key = self.where(loc)
        return ConfigProblem(self.file, line, column, key, problem, cure)

    def where(self, loc: Loc) -> tuple[int, int, str]:
        """Return line, column and dotted key of `loc`; a key that is absent has the position of its parent."""
        node: Any = self.root
        place, key = (0, 0), ""
        for step, last in _with_last(loc):
            known = _contains(node, step)
            if known:
                place = _position(node, step) or place
                node = node[step]
            elif not last or step == "[key]" or not isinstance(node, Mapping):
                continue  # a union tag, or pydantic's mark for "the key itself"
            key = f"{key}[{step}]" if isinstance(step, int) else f"{key}.{step}" if key else str(step)
        return place[0] + 1, place[1] + 1, key or "(file)"

    def names(self, section: str) -> frozenset[str]:
        """Return the keys of a top-level mapping as they are written, usable or not."""
        node = self.root.get(section)
        return frozenset(str(key) for key in node) if isinstance(node, Mapping) else frozenset()


def read_document(path: Path) -> Document:
    """Read a configuration file. Raises ConfigError for what is no configuration at all."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    name = str(path)
    text = _read_text(path)
    reader = YAML(typ="rt", pure=True)
    reader.allow_duplicate_keys = False
    try:
        root = reader.load(text)
    except MarkedYAMLError as error:
        raise ConfigError((_syntax_problem(name, error),)) from None
    except RecursionError:
        raise _refusal(name, "is nested too deeply", "write the values out") from None
    except (YAMLError, ValueError) as error:
        raise _refusal(name, f"is not YAML: {_first_line(error)}", "write YAML in UTF-8") from None
    if not isinstance(root, Mapping):
        raise _refusal(name, "holds no keys", "start from config/minimal.yaml")
    document = Document(name, root)
    _limit(document)
    problems = tuple(_foreign_tags(document))
    if problems:
        raise ConfigError(problems)
    return document


def plain(node: Any) -> Any:
    """Return a tree of plain dicts, lists and scalars, merge keys applied."""
    if isinstance(node, Mapping):
        return {key: plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [plain(value) for value in node]
    for kind in (bool, int, float, str):  # ruamel's scalars remember how they were written
        if isinstance(node, kind):
            return kind(node)
    return node


def guess(word: str, known: Sequence[str]) -> str:
    """Return what somebody who wrote `word` may have meant, as a cure."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]}?"
    return f"use one of {', '.join(known)}" if known else "remove it"


def _read_text(path: Path) -> str:
    name = str(path)
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_OCTETS + 1)
    except OSError as error:
        cure = "name another file with -c, or make this one readable"
        raise _refusal(name, f"cannot be read: {error.strerror}", cure) from None
    if len(raw) > MAX_OCTETS:
        raise _refusal(name, f"is larger than {MAX_OCTETS} octets", "keep texts and keys in files of their own")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ConfigError((ConfigProblem(name, line, 1, "(file)", "is not UTF-8", "save the file as UTF-8"),)) from None


def _limit(document: Document) -> None:
    """Refuse a tree that is too deep, or that aliases blow up, before anything walks over all of it."""
    sizes: dict[int, int] = {}
    open_nodes: set[int] = set()

    def size(node: Any, depth: int) -> int:
        if not isinstance(node, Mapping | list):
            return 1
        if id(node) in open_nodes or depth > MAX_DEPTH:
            raise _refusal(document.file, "is nested too deeply, or contains itself", "write the values out")
        if id(node) not in sizes:
            open_nodes.add(id(node))
            children = node.values() if isinstance(node, Mapping) else node
            sizes[id(node)] = 1 + sum(size(child, depth + 1) for child in children)
            open_nodes.discard(id(node))
        return sizes[id(node)]

    if size(document.root, 0) > MAX_NODES:
        raise _refusal(document.file, f"has more than {MAX_NODES} values", "use fewer aliases")


def _foreign_tags(document: Document) -> Iterator[ConfigProblem]:
    """Yield a problem for every explicit tag: configuration is data, it names no types."""
    pending: list[tuple[Loc, Any]] = [((), document.root)]
    while pending:
        loc, node = pending.pop()
        tag = getattr(getattr(node, "tag", None), "value", None)
        if tag is not None:
            yield document.problem(loc, f"has the tag {shown(tag)}", "remove the tag; values are plain")
        elif isinstance(node, Mapping):
            pending.extend(((*loc, key), value) for key, value in reversed(list(node.items())))
        elif isinstance(node, list):
            pending.extend(((*loc, index), value) for index, value in reversed(list(enumerate(node))))


def _syntax_problem(name: str, error: Any) -> ConfigProblem:
    from ruamel.yaml.constructor import DuplicateKeyError

    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    if isinstance(error, DuplicateKeyError):
        key = str(error.problem).split('"')[1] if '"' in str(error.problem) else "(key)"
        return ConfigProblem(name, line, column, key, "is written twice in one mapping", "keep one of the two")
    cure = "check the indentation, the quotes and the brackets before this place"
    return ConfigProblem(name, line, column, "(file)", f"is not YAML: {_first_line(error.problem)}", cure)


def _refusal(name: str, problem: str, cure: str) -> ConfigError:
    return ConfigError((ConfigProblem(name, 1, 1, "(file)", problem, cure),))


def _first_line(error: object) -> str:
    return str(error).strip().split("\n", 1)[0] or type(error).__name__


def _with_last(loc: Loc) -> Iterator[tuple[int | str, bool]]:
    for index, step in enumerate(loc):
        yield step, index == len(loc) - 1


def _contains(node: Any, step: int | str) -> bool:
    if isinstance(node, Mapping):
        return step in node
    return isinstance(node, list) and isinstance(step, int) and step < len(node)


def _position(node: Any, step: int | str) -> tuple[int, int] | None:
    """Return the 0-based position of a key or an item, or None for one that a merge key brought."""
    try:
        places: Any = getattr(node, "lc", None)
        found = places.key(step) if isinstance(node, Mapping) else places.item(step)
    except (AttributeError, KeyError, IndexError, TypeError):
        return None
    return int(found[0]), int(found[1])
