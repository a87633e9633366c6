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


def test_templates_that_cannot_be_used_are_named_with_line_and_cure(poterne: Poterne, config: Path) -> None:
    own = config.parent / "own"
    (own / "en").mkdir(parents=True)
    (own / "en/solved.txt").write_text("Subject: Solved\n\nHello {{ nmae }},\n")
    (own / "en/reply.txt").write_text("Subject: Re: {{ subject }}\n\nSee above.\n")
    (own / "en/acknowlegement.txt").write_text("Subject: Thank you\n")
    (own / "README").write_text("Our own words.\n")
    config.write_text(f"{config.read_text()}templates: {own}\n")
    seen = poterne("check", "-c", config)

    assert seen.code == 78
    errors = [line for line in seen.err.splitlines() if not line.startswith("warning")]
    assert errors[0] == (
        f"{own}/en/acknowlegement.txt:1:1: templates: is the name of no template; "
        "call it en/acknowledgement.txt, or move it out of the folder"
    )
    assert errors[1].startswith(f"{own}/en/reply.txt:1:1: templates: leaves out text; put {{{{ text }}}} into it;")
    assert errors[2].startswith(f"{own}/en/solved.txt:3:1: templates: 'nmae' is undefined; use what there is: author,")
    assert len(errors) == 3


def test_a_logo_that_is_none_is_named(poterne: Poterne, config: Path) -> None:
    logo = config.parent / "logo.png"
    logo.write_text("<svg/>")
    text = config.read_text().replace("    acknowledge: false", f"    appearance: {{logo: {logo}}}")
    config.write_text(text)
    seen = poterne("check", "-c", config)

    assert seen.code == 78
    assert f"{logo}:1:1: appearance.logo: is neither PNG nor JPEG; name a PNG or JPEG file" in seen.err
