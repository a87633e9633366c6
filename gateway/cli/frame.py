"""The frame around every command: which module holds it, which file configures it, how it ends.

Nothing heavy is imported here, so that `poterne --version` and a wrong option answer at once. Errors are one line on
stderr, with the cure; the exit code follows sysexits.h, so that scripts and systemd can tell what happened.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import click

from gateway import __version__
from gateway.cli import sysexits
from gateway.errors import ConfigError, PoterneError

TRACEBACK_VARIABLE = "POTERNE_TRACEBACK"

# command -> module and attribute, and what it does in a few words; the order is that of the help text
COMMANDS: Mapping[str, tuple[str, str]] = {
    "serve": ("gateway.cli.daemon:serve", "Run the daemon."),
    "check": ("gateway.cli.check:check", "Tell what is wrong with the configuration, and with Postfix."),
    "migrate": ("gateway.cli.database:migrate", "Bring the database up to the present schema."),
    "demo": ("gateway.cli.demo:demo", "Play mails in and a reply out, on this machine alone."),
    "explain": ("gateway.cli.explain:explain", "Tell what would become of a mail, and why."),
    "intakes": ("gateway.cli.listings:intakes", "List accepted mails; trace one."),
    "tickets": ("gateway.cli.listings:tickets", "List tickets."),
    "reply": ("gateway.cli.reply:reply", "Answer a ticket with the text on standard input."),
    "outbox": ("gateway.cli.outbox:outbox", "List what leaves; retry, cancel, pause, resume."),
    "webhooks": ("gateway.cli.webhooks:webhooks", "List what is told to whom; retry, pause, try."),
    "quarantine": ("gateway.cli.quarantine:quarantine", "List what is held; replay or release it."),
    "replay": ("gateway.cli.replay:replay", "Judge earlier mails again, without side effects."),
    "audit": ("gateway.cli.audit:audit", "Check that the ledger adds up."),
    "blocklist": ("gateway.cli.blocklist:blocklist", "Addresses that nothing is ever sent to."),
    "postfix": ("gateway.cli.postfix:postfix", "Print the tables that Postfix needs."),
    "dkim": ("gateway.cli.dkim:dkim", "Make keys, print their records, verify signatures."),
    "connect": ("gateway.cli.connect:connect", "Sign an account of Office 365 in."),
    "agent": ("gateway.cli.agent:agent", "Add, list and disable those who may sign in."),
    "doctor": ("gateway.cli.doctor:doctor", "Look whether everything around poterne is sound."),
}


@dataclass(slots=True)
class Invocation:
    """What one call of `poterne` was given: the file after -c, if any."""

    config: Path | None = None

    def settings_path(self) -> Path:
        """Return the file to read: -c, else POTERNE_CONFIG, else /etc/poterne/poterne.yaml."""
        from gateway.config import default_settings_path

        return self.config or default_settings_path()


class CommandError(Exception):
    """A command that ends with a message: what is wrong, how to cure it, and the exit code."""

    def __init__(self, problem: str, cure: str = "", code: int = sysexits.DATAERR) -> None:
        super().__init__(f"{problem}; {cure}" if cure else problem)
        self.code = code


def invocation() -> Invocation:
    """Return what this call was given."""
    return click.get_current_context().ensure_object(Invocation)


def _remember_config(context: click.Context, _parameter: click.Parameter, value: Path | None) -> None:
    if value is not None:
        context.ensure_object(Invocation).config = value


def config_option() -> click.Option:
    """Return the option -c, which every command takes, before or after its name."""
    return click.Option(
        ["-c", "--config"],
        type=click.Path(path_type=Path),
        metavar="FILE",
        expose_value=False,
        callback=_remember_config,
        help="Configuration [default: POTERNE_CONFIG, else /etc/poterne/poterne.yaml].",
    )


class Command(click.Command):
    """A command that takes -c."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.params.append(config_option())


class Group(click.Group):
    """A group whose commands, too, take -c."""

    command_class = Command

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.params.append(config_option())


class LazyGroup(Group):
    """The top: imports the module of a command when that command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all names, in the order of the table."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one command."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table: nobody waits for the modules."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_place, summary) in COMMANDS.items()])


def command(**options: Any) -> Callable[[Callable[..., Any]], Command]:
    """Make a function a command that takes -c."""
    return click.command(cls=Command, **options)


def group(**options: Any) -> Callable[[Callable[..., Any]], Group]:
    """Make a function a group of commands."""
    return click.group(cls=Group, **options)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="poterne")
@click.pass_context
def poterne(context: click.Context) -> None:
    """A mail gateway that never loses a mail, never loops, never takes a customer for a robot."""
    context.ensure_object(Invocation)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and exit with its code."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; whatever went wrong is one line on stderr."""
    try:
        result = poterne.main(
            args=None if arguments is None else list(arguments), prog_name="poterne", standalone_mode=False
        )
    except click.exceptions.Exit as end:
        return end.exit_code
    except (click.Abort, KeyboardInterrupt):
        return sysexits.INTERRUPTED
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        hint = f"; see: {context.command_path} --help" if context is not None else ""
        return complain(error.format_message().replace("\n", " ") + hint, sysexits.USAGE)
    except CommandError as error:
        return complain(str(error), error.code)
    except ConfigError as error:
        for problem in error.problems:
            complain(str(problem), sysexits.CONFIG, prefix="")
        return sysexits.CONFIG
    except PoterneError as error:
        return complain(str(error) or type(error).__name__, sysexits.code_of(error))
    except Exception as error:
        # The edge: a bug of ours ends in one line like everything else, and says how to see where it is.
        if os.environ.get(TRACEBACK_VARIABLE):
            traceback.print_exc()
        where = f"set {TRACEBACK_VARIABLE}=1 to see where, and report it"
        return complain(f"unexpected {type(error).__name__}: {_one_line(error)}; {where}", sysexits.code_of(error))
    return result if isinstance(result, int) else sysexits.OK


def complain(text: str, code: int, prefix: str = "poterne: ") -> int:
    """Write one line to stderr and return the code."""
    click.echo(f"{prefix}{text}", err=True)
    return code


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or "no message"
