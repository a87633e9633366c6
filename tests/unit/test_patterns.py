"""Regular expressions mean the same in every Python that we run in."""

from __future__ import annotations

import re
from pathlib import Path

import gateway

POSSESSIVE_GROUP = re.compile(r"\)(?:[*+?]|\{[\d,]+\})\+|\(\?>")


def test_no_pattern_has_a_possessive_group():
    """Before 3.11.5 `re` stays where the last try of such a group failed: `<(?:@b)?+` passed for `<@`."""
    assert POSSESSIVE_GROUP.search(r"(?:@b)?+")
    assert POSSESSIVE_GROUP.search("(a{2}){3,4}+")
    files = sorted(Path(gateway.__file__).parent.rglob("*.py"))
    found = [str(file) for file in files if POSSESSIVE_GROUP.search(file.read_text())]

    assert len(files) > 100
    assert found == []
