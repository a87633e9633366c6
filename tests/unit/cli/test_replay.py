from __future__ import annotations

import sqlite3
from pathlib import Path

from tests.unit.cli.conftest import Poterne, customer, take


def contents(config: Path) -> dict[str, list[object]]:
    """Every row of every table; those of the search index are read through the index's own tables."""
    tables = "select name from sqlite_master where type = 'table' and sql not like 'create virtual%'"
    with sqlite3.connect(config.parent / "poterne.db") as database:
        found = {name: list(database.execute(f'select * from "{name}"')) for (name,) in database.execute(tables)}
    database.close()
    return found


def test_under_the_same_configuration_nothing_changes(poterne: Poterne, config: Path) -> None:
    take(
        config,
        customer(1),
        customer(2, Auto_Submitted="auto-replied"),
        customer(3, In_Reply_To="<customer-1@example.net>").replace(b"marie3@", b"marie1@"),
        customer(1),
    )
    before = contents(config)
    seen = poterne("replay", "--diff", "-c", config)

    assert seen.out.startswith("4 mails judged again, 0 of them otherwise")
    assert contents(config) == before


def test_a_changed_configuration_shows_what_it_would_change(poterne: Poterne, config: Path) -> None:
    take(config, customer(1), customer(2))
    other = config.with_name("other.yaml")
    other.write_text(
        config.read_text() + 'loop_protection: {overrides: [{sender: "marie2@example.net", treat_as: refuse}]}\n'
        "routing: [{when: {sender: marie1@example.net}, set: {queue: billing}}]\n"
    )
    before = contents(config)
    seen = poterne("replay", "--diff", "--json", "-c", other)
    found = {line["intake"]: line["changes"] for line in seen.objects}

    assert found[1]["queue"] == {"before": "support", "after": "billing"}
    assert found[2]["disposition"] == {"before": "ticket", "after": "blocked"}
    assert found[2]["verdicts"]["after"] == "override-refuse=refuse"
    assert contents(config) == before, "nothing was written"


def test_people_read_what_would_change(poterne: Poterne, config: Path) -> None:
    take(config, customer(1))
    other = config.with_name("other.yaml")
    other.write_text(
        config.read_text() + 'loop_protection: {overrides: [{sender: "*@example.net", treat_as: refuse}]}\n'
    )
    seen = poterne("replay", "--diff", "-c", other)

    assert seen.out.splitlines()[0] == "1 customer-1@example.net: blocked"
    assert "  disposition: ticket -> blocked" in seen.out
    assert seen.out.splitlines()[-1] == "1 mails judged again, 1 of them otherwise"


def test_without_diff_every_mail_is_shown(poterne: Poterne, config: Path) -> None:
    take(config, customer(1), customer(2))
    seen = poterne("replay", "--json", "-c", config)

    assert [line["disposition"] for line in seen.objects] == ["ticket", "ticket"]
    assert all(line["would_acknowledge"] and not line["changes"] for line in seen.objects)


def test_what_was_judged_by_its_moment_is_compared_by_its_other_verdicts(poterne: Poterne, config: Path) -> None:
    """Three times one text in a minute: the third was suspected of a loop, and that moment does not come back."""
    take(config, customer(1), customer(2), customer(3))
    judged = [
        {item["rule"] for item in line["verdicts"]} for line in poterne("intakes", "--json", "-c", config).objects
    ]
    assert any("loop-suspected" in names for names in judged)

    seen = poterne("replay", "--diff", "-c", config)
    assert (
        seen.out == "3 mails judged again, 0 of them otherwise; 1 in part, for they were judged by their moment, too\n"
    )

    other = config.with_name("other.yaml")
    other.write_text(
        config.read_text() + 'loop_protection: {overrides: [{sender: "*@example.net", treat_as: refuse}]}\n'
    )
    changed = {line["intake"]: line for line in poterne("replay", "--diff", "--json", "-c", other).objects}
    assert changed[3]["momentary"]
    assert changed[3]["changes"] == {"verdicts": {"before": "-", "after": "override-refuse=refuse"}}
    assert changed[1]["changes"]["disposition"]["after"] == "blocked"
