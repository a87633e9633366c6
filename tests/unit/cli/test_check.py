from __future__ import annotations

from pathlib import Path

from tests.unit.cli.conftest import Poterne


def test_a_good_configuration_is_called_good(poterne: Poterne, config: Path) -> None:
    seen = poterne("check", "-c", config)

    assert seen.code == 0
    assert seen.out == f"{config}: can be used (2 queues)\n"
    assert seen.err.startswith(f"warning: {config}:9:5: queues.support.from: mails from example.org leave without")


def test_problems_go_to_stderr_with_their_places(poterne: Poterne, config: Path) -> None:
    config.write_text(config.read_text().replace("acknowledge: false", "acknowlege: false\n    colour: red"))
    seen = poterne("check", "-c", config)

    assert seen.code == 78
    assert seen.out == ""
    assert (
        f"{config}:14:5: queues.billing.acknowlege: is not a key that poterne knows; did you mean acknowledge?"
        in seen.err
    )
    assert f"{config}:15:5: queues.billing.colour: 'red' is not a colour" in seen.err


def test_problems_as_json(poterne: Poterne, config: Path) -> None:
    config.write_text(config.read_text() + "plugins: []\n")
    seen = poterne("check", "--json", "-c", config)

    assert seen.code == 78
    assert seen.objects[0]["severity"] == "problem"
    assert (seen.objects[0]["line"], seen.objects[0]["key"]) == (15, "plugins")
    assert set(seen.objects[0]) == {"severity", "file", "line", "column", "key", "problem", "cure"}


def test_a_credential_that_only_the_service_has_is_a_warning_here(poterne: Poterne, config: Path) -> None:
    config.write_text(config.read_text().replace(f'{{file: "{config.parent}/secret"}}', "{credential: secret}"))
    seen = poterne("check", "-c", config)

    assert seen.code == 0
    assert "credential secret exists only inside the service" in seen.err


def test_a_missing_file_is_named_with_the_cure(poterne: Poterne, tmp_path: Path) -> None:
    seen = poterne("check", "-c", tmp_path / "absent.yaml")

    assert seen.code == 78
    assert (
        seen.err == f"{tmp_path}/absent.yaml:1:1: (file): cannot be read: No such file or directory; "
        "name another file with -c, or make this one readable\n"
    )
