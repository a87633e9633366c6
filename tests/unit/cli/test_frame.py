from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from gateway import errors
from gateway.cli import frame, sysexits
from gateway.cli.frame import COMMANDS, CommandError
from gateway.errors import ConfigError, ConfigProblem, NotFound, StorageUnavailable, StoreLocked
from tests.unit.cli.conftest import Poterne


def test_the_version_is_printed(poterne: Poterne) -> None:
    from gateway import __version__

    assert poterne("--version").out == f"poterne, version {__version__}\n"


def test_the_frame_loads_nothing_heavy() -> None:
    """`poterne --version` and a wrong option must answer at once."""
    code = (
        "import sys\nfrom gateway.cli.frame import run\nrun(['--version'])\nrun(['--help'])\nrun(['nonsense'])\n"
        "print(sorted({'pydantic', 'sqlalchemy', 'fastapi', 'structlog', 'ruamel', 'asyncio'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"


def test_the_help_names_every_command_in_one_line_each(poterne: Poterne) -> None:
    lines = poterne("--help").out.splitlines()
    listed = [line.split()[0] for line in lines[lines.index("Commands:") + 1 :]]

    assert listed == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_takes_a_configuration(poterne: Poterne, name: str) -> None:
    shown = poterne(name, "--help")

    assert shown.code == 0
    assert f"Usage: poterne {name}" in shown.out
    assert "-c, --config FILE" in shown.out or name == "demo"


def test_the_configuration_is_named_before_or_after_the_command(poterne: Poterne, config: Path) -> None:
    before = poterne("-c", config, "postfix", "maps", "transport")
    after = poterne("postfix", "maps", "transport", "-c", config)
    between = poterne("postfix", "-c", config, "maps", "transport")

    assert before.code == after.code == between.code == 0
    assert before.out == after.out == between.out != ""


def test_the_variable_names_the_configuration(poterne: Poterne, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POTERNE_CONFIG", str(config))

    assert poterne("check").code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["check", "--nonsense"], "No such option"),
        (["explain"], "there is no FILE"),
        (["reply"], "Missing argument"),
        (["outbox", "nonsense"], "No such command"),
    ],
)
def test_a_wrong_call_is_one_line_and_exit_64(poterne: Poterne, arguments: list[str], said: str) -> None:
    seen = poterne(*arguments)

    assert seen.code == sysexits.USAGE
    assert said in seen.err
    assert "--help" in seen.err
    assert len(seen.err.splitlines()) == 1
    assert seen.out == ""


PROBLEM = ConfigProblem("a.yaml", 1, 2, "key", "is wrong", "mend it")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ConfigError((PROBLEM, PROBLEM)), 78, "a.yaml:1:2: key: is wrong; mend it\n" * 2),
        (NotFound("no ticket 7"), 66, "poterne: no ticket 7\n"),
        (StorageUnavailable("the database does not answer"), 75, "poterne: the database does not answer\n"),
        (StoreLocked("process 7 uses it"), 75, "poterne: process 7 uses it\n"),
        (errors.NotSendable("a line break in an address"), 65, "poterne: a line break in an address\n"),
        (PermissionError(13, "Permission denied", "/x"), 77, None),
        (FileNotFoundError(2, "No such file", "/x"), 66, None),
        (RuntimeError("two\nlines"), 70, None),
        (CommandError("wrong", "cure", 69), 69, "poterne: wrong; cure\n"),
        (KeyboardInterrupt(), 130, ""),
        (click.ClickException("no\nluck"), 64, "poterne: no luck\n"),
    ],
)
def test_each_error_ends_with_its_code_and_one_line(
    poterne: Poterne, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, said: str | None
) -> None:
    @frame.command()
    def check() -> None:
        raise error

    monkeypatch.setattr(frame.LazyGroup, "get_command", lambda *_: check)
    seen = poterne("check")

    assert seen.code == code
    assert seen.out == ""
    if said is None:
        assert len(seen.err.splitlines()) == 1
        assert type(error).__name__ in seen.err
        assert "POTERNE_TRACEBACK=1" in seen.err
    else:
        assert seen.err.lstrip("\n") == said, "click ends the line of a Ctrl-C"


def test_every_exception_of_ours_has_a_code() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]

    assert all(
        sysexits.code_of(kind.__new__(kind)) not in {sysexits.OK, sysexits.SOFTWARE}
        for kind in kinds
        if kind is not errors.PoterneError
    )


def test_a_listing_that_nobody_reads_to_the_end_is_no_error(config: Path) -> None:
    command = (
        f"cd {config.parent} && {sys.executable} -m gateway explain --json $(yes poterne.yaml | head -2000) | head -1"
    )
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False, timeout=60)

    assert done.stdout.startswith("{")
    assert done.stderr == ""
