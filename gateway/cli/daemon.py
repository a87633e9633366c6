"""`poterne serve`: the daemon."""

from __future__ import annotations

import os

from gateway.cli import sysexits
from gateway.cli.frame import CommandError, command, invocation
from gateway.cli.opening import keep_private

LEVEL, FORMAT = "POTERNE_LOG_LEVEL", "POTERNE_LOG"


@command()
def serve() -> None:
    """Run the daemon until SIGTERM or SIGINT. SIGHUP reads the configuration again; a bad file changes nothing."""
    set_up_log(os.environ.get(LEVEL, "info"), os.environ.get(FORMAT, "text"))
    from gateway.app import ListenError
    from gateway.app import serve as run_daemon

    keep_private()
    try:
        run_daemon(invocation().settings_path())
    except ListenError as error:
        raise CommandError(str(error), "see listen: in the configuration", sysexits.OSERR) from None


def set_up_log(level: str, form: str) -> None:
    """Configure the log from the environment. Raises CommandError for words that it does not know."""
    from gateway.telemetry import log

    if level not in log.LEVELS:
        raise CommandError(f"{LEVEL}: no level {level!r}", f"use one of {', '.join(log.LEVELS)}", sysexits.USAGE)
    if form not in log.FORMATS:
        raise CommandError(f"{FORMAT}: no format {form!r}", f"use one of {', '.join(log.FORMATS)}", sysexits.USAGE)
    log.configure(level, form)
    log.capture_libraries()
