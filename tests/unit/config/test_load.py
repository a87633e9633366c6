from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.config import default_settings_path, examine, load, load_without_secrets
from gateway.config.settings import BoundLimits
from gateway.errors import ConfigError

ROOT = Path(__file__).parents[3]


def test_the_contract_example_loads_as_written(contract: Path) -> None:
    loaded = load_without_secrets(contract)

    assert loaded.queues["support"].addresses[1].type == "incident"
    assert loaded.queues["support"].from_ == "Example Support <support@example.org>"
    assert loaded.limits.message_size == 50 << 20
    assert loaded.loop_protection.overrides[0].treat_as == "human"
    assert loaded.ways_out.keys() == {"relay", "it", "google", "o365"}


def test_the_contract_example_lacks_nothing_but_its_secrets(contract: Path) -> None:
    seen = examine(contract, {})

    assert seen.settings is not None
    assert {problem.key for problem in seen.problems} == {
        "secret",
        "channels.google.password",
        "connections.google.password",
        "dkim[0].key",
    }
    assert [problem.key for problem in seen.elsewhere] == ["channels.it.password"]


def test_a_configuration_with_all_its_secrets_loads(contract: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(contract.parent)
    pem = ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for name, octets in (("secret", b"s" * 32), ("gmail-app-password", b"p"), ("example.org.pem", pem)):
        Path(name).write_bytes(octets)
        Path(name).chmod(0o600)
    Path("it-smtp").write_bytes(b"p")

    assert load(contract, {"CREDENTIALS_DIRECTORY": str(contract.parent)}).hostname == "tickets.example.org"
    with pytest.raises(ConfigError, match=r"channels\.it\.password: credential it-smtp exists only inside the service"):
        load(contract, {})


@pytest.mark.parametrize("name", ["minimal.yaml", "poterne.yaml"])
def test_shipped_configurations_load(name: str) -> None:
    assert list(load_without_secrets(ROOT / "config" / name).queues) == ["support"]


def test_a_queue_is_called_by_its_key_unless_it_has_a_name(tmp_path: Path) -> None:
    loaded = load_without_secrets(ROOT / "config" / "minimal.yaml")

    assert loaded.queues["support"].name == "support"


def test_naming_one_window_of_the_bound_keeps_the_others() -> None:
    assert BoundLimits(address={"1d": 2}).address == {"1d": 2, "10min": 1, "7d": 8}


def test_merge_keys_share_what_queues_have_in_common(tmp_path: Path) -> None:
    path = tmp_path / "poterne.yaml"
    path.write_text(
        "hostname: tickets.example.org\n"
        "secret: {env: KEY}\n"
        "queues:\n"
        "  one: &common {creation_addresses: [one@tickets.example.org], spam: hold, colour: '#000000'}\n"
        "  two:\n"
        "    <<: *common\n"
        "    creation_addresses: [two@tickets.example.org]\n"
    )
    loaded = load_without_secrets(path)

    assert loaded.queues["two"].spam == "hold"
    assert loaded.queues["two"].addresses[0].address == "two@tickets.example.org"


def test_a_problem_in_a_merged_key_has_the_place_of_its_mapping(tmp_path: Path) -> None:
    path = tmp_path / "poterne.yaml"
    path.write_text("hostname: t.example.org\nqueues:\n  a: &a {spam: maybe}\n  b:\n    <<: *a\n    colour: blue\n")
    places = {problem.key: (problem.line, problem.column) for problem in examine(path, {}).problems}

    assert places["queues.a.spam"] == (3, 10)
    assert places["queues.b.spam"] == (4, 3)
    assert places["queues.b.colour"] == (6, 5)


def test_the_file_is_named_by_option_variable_or_custom() -> None:
    assert default_settings_path({}) == Path("/etc/poterne/poterne.yaml")
    assert default_settings_path({"POTERNE_CONFIG": "/srv/desk.yaml"}) == Path("/srv/desk.yaml")
    assert default_settings_path({"POTERNE_CONFIG": ""}) == Path("/etc/poterne/poterne.yaml")


def test_a_file_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.yaml:1:1: \(file\): cannot be read: No such file"):
        load(tmp_path / "absent.yaml")


@pytest.mark.parametrize(
    "text", ["a: " + "[" * 5000, "a: " + "[" * 900 + "]" * 900, "x: " * 3000, "&a [*a]", "a: &a [*a]"]
)
def test_hostile_nesting_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "poterne.yaml"
    path.write_text(text)

    assert examine(path, {}).problems


def test_a_huge_file_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    path = tmp_path / "poterne.yaml"
    path.write_bytes(b"#" * (5 << 20))

    assert "is larger than" in str(examine(path, {}).problems[0])


KEYS = st.sampled_from(
    ["hostname", "secret", "queues", "support", "from", "file", "dkim", "routing", "when", "set", "limits", "colour"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["10min", "a@example.org"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=6))
def test_examining_is_total(tmp_path_factory: pytest.TempPathFactory, tree: dict[str, object]) -> None:
    """Whatever the file says, there are problems with places, and never an exception."""
    import json

    path = tmp_path_factory.getbasetemp() / "random.yaml"
    path.write_text(json.dumps(tree), encoding="utf-8")
    seen = examine(path, {})

    assert seen.problems
    assert all(problem.line >= 1 and problem.problem and problem.cure for problem in seen.problems)


def test_500_queues_load_quickly(tmp_path: Path) -> None:
    import time

    queues = "".join(
        f"  q{n}: {{creation_addresses: [q{n}@tickets.example.org], inboxes: [q{n}@example.org], "
        f"from: Desk {n} <q{n}@example.org>}}\n"
        for n in range(500)
    )
    path = tmp_path / "poterne.yaml"
    path.write_text(f"hostname: tickets.example.org\nsecret: {{env: KEY}}\nqueues:\n{queues}")
    started = time.perf_counter()
    loaded = load_without_secrets(path)
    took = timedelta(seconds=time.perf_counter() - started)

    assert len(loaded.queues) == 500
    assert took < timedelta(seconds=10), "a reload must not hold up the daemon"
    assert "ruamel" in sys.modules
