"""The page of the rules is what the table says."""

import os
from pathlib import Path

from gateway.model import Effect
from gateway.rules import RULES
from gateway.rules.manual import EFFECTS, document

PAGE = Path(__file__).parents[3] / "docs" / "rules.md"


def test_the_page_is_made_from_the_table():
    if os.environ.get("GOLDEN") == "write":
        PAGE.write_text(document())

    assert PAGE.read_text() == document(), "make it anew: python -m gateway.rules.manual > docs/rules.md"


def test_the_page_names_every_rule_and_every_effect():
    text = document()

    assert all(f"| `{rule.name}` |" in text for rule in RULES)
    assert set(EFFECTS) == set(Effect)
