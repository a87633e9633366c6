"""Fixtures that every test may use: databases of both kinds, and a clock that the test moves."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.store import migrate
from tests.support.postgres import PostgresServer, postgres_server


class MovableClock:
    """A clock (ports.Clock) that stands still until the test moves it."""

    def __init__(self, start: datetime | None = None) -> None:
        self.moment = start or datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def move(self, **duration: float) -> None:
        """Move by a timedelta, given as its keywords: `clock.move(minutes=10)`."""
        self.moment += timedelta(**duration)


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One PostgreSQL server per test process; it does not survive power cuts, so it is quick."""
    with postgres_server() as server:
        yield server


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """The URL of an empty database of its own."""
    url = postgres.new_database()
    yield url
    postgres.drop(url)


@pytest.fixture(scope="session")
def migrated_database(postgres: PostgresServer) -> str:
    """The URL of the one database at the present schema that tests use in turn."""
    url = postgres.new_database()
    migrate(url)
    return url


@pytest.fixture
def migrated_postgres_url(postgres: PostgresServer, migrated_database: str) -> str:
    """The URL of a database at the present schema, without rows."""
    postgres.empty(migrated_database)
    return migrated_database


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of an SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path}/poterne.db"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file at the present schema, to be copied: quicker than migrating for every test."""
    path = tmp_path_factory.mktemp("template") / "poterne.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def migrated_sqlite_url(sqlite_url: str, sqlite_template: Path, tmp_path: Path) -> str:
    """The URL of an SQLite file at the present schema, without rows."""
    shutil.copyfile(sqlite_template, tmp_path / "poterne.db")
    return sqlite_url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a database without rows, ready for `open_store`: each test runs on SQLite and on PostgreSQL."""
    url: str = request.getfixturevalue("migrated_sqlite_url" if request.param == "sqlite" else "migrated_postgres_url")
    return url
