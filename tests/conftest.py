"""Fixtures that every test may use: databases of both kinds, and a clock that the test moves."""

from __future__ import annotations

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
def postgres_url(postgres: PostgresServer) -> str:
    """The URL of an empty database of its own."""
    return postgres.new_database()


@pytest.fixture(scope="session")
def migrated_template(postgres: PostgresServer) -> str:
    """The name of a database at the present schema, to be copied: quicker than migrating for every test."""
    url = postgres.new_database()
    migrate(url)
    return url.rpartition("/")[2]


@pytest.fixture
def migrated_postgres_url(postgres: PostgresServer, migrated_template: str) -> str:
    """The URL of a database of its own at the present schema, without rows."""
    return postgres.new_database(migrated_template)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of an SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path}/poterne.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a database without rows, ready for `open_store`: each test runs on SQLite and on PostgreSQL."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "migrated_postgres_url")
    return url
