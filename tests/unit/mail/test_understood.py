"""The table of what is understood names a test in every row, and each of them exists."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
TABLE = ROOT / "docs" / "understood.md"
REFERENCE = re.compile(r"`((?:mail|parser)/test_\w+\.py)::(test_\w+)`")


def test_every_row_names_a_test_that_exists() -> None:
    rows = [
        line
        for line in TABLE.read_text().splitlines()
        if line.startswith("| ") and not line.startswith(("| what |", "| ---"))
    ]
    assert len(rows) > 30
    for row in rows:
        found = REFERENCE.search(row.rpartition(" | ")[2])
        assert found, row
        source = (ROOT / "tests" / "unit" / found[1]).read_text()
        assert re.search(rf"^(?:async )?def {found[2]}\(", source, re.MULTILINE), row
