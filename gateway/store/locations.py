"""What a database URL names."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.engine import make_url


def is_sqlite(url: str) -> bool:
    """Tell whether the URL names an SQLite file."""
    return make_url(url).get_backend_name() == "sqlite"


def sqlite_path(url: str) -> Path:
    """Return the file that an SQLite URL names. A database in memory would lose mail, so there is none."""
    database = make_url(url).database
    if not database or database == ":memory:":
        raise ValueError(f"database: {url!r} names no file; write sqlite:////absolute/path.db")
    return Path(database)
