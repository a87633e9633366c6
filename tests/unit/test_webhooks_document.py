"""The manual of webhooks says what the code does: its tables are the code's, its examples fit the schema."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from gateway.config.settings import Webhook
from gateway.model import EVENT_TYPES, EventType
from gateway.outbound.schedule import GIVE_UP_AFTER
from gateway.outbound.webhooks import verdict
from gateway.outbound.webhooks.post import LARGEST_BODY
from gateway.store import event_data
from gateway.store.webhook_book import STILL_TRIED

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "webhooks.md").read_text(encoding="utf-8")
SCHEMA: dict[str, Any] = json.loads((DOCS / "webhooks.schema.json").read_text(encoding="utf-8"))
EXAMPLES = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)]


def part(name: str) -> Any:
    """Return a validator of one part of the schema."""
    return jsonschema_rs.validator_for({"$ref": f"#/$defs/{name}", "$defs": SCHEMA["$defs"]})


def test_the_table_of_types_is_the_codes() -> None:
    table = re.findall(r"^\| `([a-z.]+)` \| (.+) \|$", TEXT, re.MULTILINE)

    assert table == [(kind.value, text) for kind, text in EVENT_TYPES.items()]


def test_the_schema_knows_every_type_and_nothing_else() -> None:
    known: set[str] = set()
    for case in SCHEMA["oneOf"]:
        kind = case["properties"]["type"]
        known |= set(kind.get("enum", [kind.get("const")]))

    assert known == set(EventType)


def test_the_examples_fit_the_schema() -> None:
    whole, *parts = EXAMPLES

    assert jsonschema_rs.validator_for(SCHEMA).is_valid(whole)
    assert [list(example) for example in parts] == [["entry"], ["delivery"], ["intake"]]
    for example in parts:
        ((name, value),) = example.items()
        part(name).validate(value)


@pytest.mark.parametrize("name", ["ticket", "entry", "delivery", "intake"])
def test_the_schema_demands_every_key_and_allows_no_other(name: str) -> None:
    described = SCHEMA["$defs"][name]

    assert sorted(described["required"]) == sorted(described["properties"])
    assert described["additionalProperties"] is False


def test_the_numbers_in_the_manual_are_the_codes() -> None:
    entry = SCHEMA["$defs"]["entry"]["properties"]

    assert f"after {event_data.TEXT:,} characters" in TEXT
    assert (entry["text"]["maxLength"], entry["attachments"]["maxItems"]) == (event_data.TEXT, event_data.FILES)
    assert f"read up to {LARGEST_BODY >> 10} KiB" in TEXT
    assert verdict.LONGEST_WAIT.total_seconds() == 3600
    assert "(an hour at most)" in TEXT
    assert Webhook.model_fields["keep"].default.days == 30
    assert "`keep` (30 days)" in TEXT
    assert STILL_TRIED > GIVE_UP_AFTER
    assert STILL_TRIED.days == 6
    assert "at least six days" in TEXT
    assert f"| {', '.join(map(str, sorted(verdict.BUSY)))} |" in TEXT
