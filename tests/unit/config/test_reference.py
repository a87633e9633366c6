from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.config import load_without_secrets, reference
from gateway.config.channels import Section
from gateway.config.settings import Settings
from gateway.config.shape import as_yaml, keys_of, section_at, sections_in

ROOT = Path(__file__).parents[3]


def all_sections(section: type[Section] = Settings) -> set[type[Section]]:
    inside = {inner for _key, info in keys_of(section) for inner in sections_in(info.annotation)}
    return {section, *inside, *(found for inner in inside for found in all_sections(inner))}


KEYS = sorted((section.__name__, key) for section in all_sections() for key, _info in keys_of(section))


@pytest.mark.parametrize("name", sorted(reference.DOCUMENTS))
def test_the_documents_say_what_the_types_say(name: str) -> None:
    written = (ROOT / name).read_text(encoding="utf-8")

    assert written == reference.DOCUMENTS[name](), "run: python -m gateway.config.reference"


def test_the_reference_has_a_row_for_every_key() -> None:
    text = reference.reference()
    rows = re.findall(r"^\| `([a-z_]+)` \|", text, flags=re.MULTILINE)

    assert len(rows) == len(KEYS)
    assert '| `lmtp_socket_mode` | file mode | `"0660"` |' in text


def test_every_key_has_a_sentence() -> None:
    infos = [(section.__name__, key, info) for section in all_sections() for key, info in keys_of(section)]
    silent = [(section, key) for section, key, info in infos if not (info.description or "").endswith(".")]

    assert silent == []


def test_the_example_holds_every_key() -> None:
    shown = set(re.findall(r"^ *#?-? *([a-z_]+):", reference.example(), flags=re.MULTILINE))
    inline = {"file", "env", "credential", "address", "type"}  # shown inside values

    assert {key for _section, key in KEYS} - shown - inline == set()


def test_the_example_still_loads_with_every_comment_sign_taken_away(tmp_path: Path) -> None:
    text = re.sub(r"^( *)#(?=[a-z-]|  [a-z])", r"\1", reference.example(), flags=re.MULTILINE)
    path = tmp_path / "poterne.yaml"
    path.write_text(text, encoding="utf-8")
    loaded = load_without_secrets(path)

    assert loaded.channels["it"].port == 587
    assert loaded.routing[0].set == {"priority": "high"}
    assert loaded.limits == Settings.model_fields["limits"].default, "what the example shows as default is the default"


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (None, "null"), ("no", '"no"'), ("12", '"12"'), ('a"b\\', '"a\\"b\\\\"'), ((), "[]"), ({}, "{}")],
)
def test_defaults_are_written_as_yaml_reads_them(value: object, text: str) -> None:
    assert as_yaml(value) == text


def test_a_place_in_the_file_leads_to_its_type() -> None:
    assert section_at(("queues", "support", "appearance")).__name__ == "Appearance"
    assert section_at(("queues", "support", "creation_addresses", 1, "mapping")).__name__ == "CreationAddress"
    assert section_at(()).__name__ == "Settings"
