"""`poterne check`: can this configuration be used, and does Postfix agree with it?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli import sysexits
from gateway.cli.frame import command, complain, invocation
from gateway.cli.output import json_option, print_json

if TYPE_CHECKING:
    from gateway.config import Settings
    from gateway.errors import ConfigProblem


@command()
@click.option("--postfix", is_flag=True, help="Also ask the Postfix on this machine whether it fits.")
@click.option(
    "--postfix-directory",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    help="Configuration directory of another Postfix instance.",
)
@click.option("--target", metavar="TRANSPORT:NEXTHOP", help="Where Postfix should deliver, instead of listen.lmtp.")
@json_option
def check(postfix: bool, postfix_directory: Path | None, target: str | None, as_json: bool) -> int:
    """Tell everything that is wrong with the configuration, each line with its place and its cure.

    Warnings do not stop the start. Exit code 78 if something else does, 1 if only Postfix does not fit.
    """
    from gateway.config import examine

    path = invocation().settings_path()
    seen = examine(path)
    problems = (*seen.problems, *looks(seen.settings)) if seen.settings is not None else seen.problems
    for severity, found in (("problem", problems), ("warning", (*seen.warnings, *seen.elsewhere))):
        for problem in found:
            _report(severity, problem, as_json=as_json)
    if problems or seen.settings is None:
        return sysexits.CONFIG
    asked = postfix or postfix_directory is not None
    if asked and _compare(seen.settings, postfix_directory, target, as_json=as_json):
        return sysexits.FOUND_PROBLEMS
    if not as_json:
        count = len(seen.settings.queues)
        agreed = ", and Postfix agrees with it" if postfix or postfix_directory else ""
        click.echo(f"{path}: can be used ({count} queue{'s' if count > 1 else ''}){agreed}")
    return sysexits.OK


def looks(settings: Settings) -> Sequence[ConfigProblem]:
    """Return what is wrong with the operator's templates and logos; a folder that cannot be read was named before."""
    from gateway.console.appearance import problems

    folder = settings.templates
    return problems(settings) if folder is None or folder.is_dir() else ()


def _report(severity: str, problem: ConfigProblem, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "severity": severity,
                "file": problem.file,
                "line": problem.line,
                "column": problem.column,
                "key": problem.key,
                "problem": problem.problem,
                "cure": problem.cure,
            }
        )
    else:
        complain(str(problem), 0, prefix="" if severity == "problem" else "warning: ")


def _compare(settings: Settings, directory: Path | None, target: str | None, *, as_json: bool) -> bool:
    from gateway.cli.postfix_check import Postfix, differences

    found = list(differences(settings, Postfix(directory), target))
    for item in found:
        if as_json:
            print_json({"severity": "postfix", "key": item.parameter, "problem": item.problem, "cure": item.cure})
        else:
            complain(str(item), 0, prefix="")
    return bool(found)
