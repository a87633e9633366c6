"""The same commands on PostgreSQL, which migrates only when it is told to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.conftest import Poterne, customer, hold, take


@pytest.fixture
def on_postgresql(config: Path, postgres_url: str) -> Path:
    sqlite = config.read_text().split("database: ")[1].split("\n")[0]
    config.write_text(config.read_text().replace(sqlite, postgres_url))
    return config


def test_an_empty_database_asks_for_the_migration(poterne: Poterne, on_postgresql: Path) -> None:
    seen = poterne("tickets", "-c", on_postgresql)

    assert seen.code == 78
    assert "run `poterne migrate`" in seen.err
    assert poterne("migrate", "-c", on_postgresql).code == 0
    assert poterne("tickets", "-c", on_postgresql).code == 0


def test_listings_replay_and_audit(poterne: Poterne, on_postgresql: Path) -> None:
    poterne("migrate", "-c", on_postgresql)
    take(on_postgresql, customer(1), customer(2))
    hold(on_postgresql, customer(3))

    assert [line["number"] for line in poterne("tickets", "--json", "-c", on_postgresql).objects] == [2, 1]
    assert len(poterne("intakes", "--json", "-c", on_postgresql).objects) == 3
    assert len(poterne("outbox", "list", "--json", "-c", on_postgresql).objects) == 2
    assert "0 of them otherwise" in poterne("replay", "--diff", "-c", on_postgresql).out
    assert poterne("audit", "-c", on_postgresql).code == 0
    assert "answers, and has the present schema" in poterne("doctor", "-c", on_postgresql).out
