"""What commands print: one JSON object a line for programs, aligned columns for people. Nothing else goes to stdout."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any

import click

json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")

GAP = "  "
ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00")  # how `jsonable` writes times


def jsonable(value: Any) -> Any:
    """Return a value as JSON knows it: times in ISO 8601, dataclasses as objects, enums by value."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: jsonable(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [jsonable(item) for item in value]
    return value


def print_json(value: Any) -> None:
    """Print one object on one line. Lone surrogates from broken mails are escaped, so that every line is UTF-8."""
    text = json.dumps(jsonable(value), ensure_ascii=False, separators=(", ", ": "))
    sys.stdout.write(text.encode("utf-8", "backslashreplace").decode("utf-8") + "\n")


def print_rows(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool) -> int:
    """Print rows as JSON lines, or as a table of `columns`. Return how many there were."""
    if as_json:
        count = 0
        for row in rows:
            print_json(row)
            count += 1
        return count
    table = [[cell(row.get(column)) for column in columns] for row in rows]
    if table:
        print_table([[column.replace("_", " ") for column in columns], *table])
    return len(table)


def print_table(lines: Sequence[Sequence[str]]) -> None:
    """Print aligned columns; the last may be cut at the width of the terminal, and is whole in a pipe."""
    widths = [max(len(line[index]) for line in lines) for index in range(len(lines[0]))]
    limit = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in lines:
        text = GAP.join(value.ljust(width) for value, width in zip(line, widths, strict=True)).rstrip()
        click.echo(text if limit is None else text[:limit])


def cell(value: Any) -> str:
    """Return one value as people read it: on one line, without control characters."""
    if value is None or value in ((), []):
        return "-"
    if isinstance(value, str) and ISO.fullmatch(value):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, list | tuple):
        return ", ".join(cell(item) for item in value)
    text = str(value)
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text) or "-"
