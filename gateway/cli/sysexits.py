"""Exit codes as in sysexits.h, and which error ends with which."""

from __future__ import annotations

from gateway import errors

OK = 0
FOUND_PROBLEMS = 1  # a check that ran well and found something: like diff and grep
USAGE = 64
DATAERR = 65
NOINPUT = 66
UNAVAILABLE = 69
SOFTWARE = 70
OSERR = 71
CANTCREAT = 73
IOERR = 74
TEMPFAIL = 75
NOPERM = 77
CONFIG = 78
INTERRUPTED = 130

# The first that fits counts.
CODES: tuple[tuple[type[BaseException], int], ...] = (
    (errors.ConfigError, CONFIG),
    (errors.NotFound, NOINPUT),
    (errors.NotSendable, DATAERR),
    (errors.SignInRefused, NOPERM),
    (errors.StoreLocked, TEMPFAIL),
    (errors.SchemaMismatch, CONFIG),
    (errors.StorageFull, IOERR),
    (errors.Transient, TEMPFAIL),
    (errors.Permanent, DATAERR),
    (PermissionError, NOPERM),
    (FileNotFoundError, NOINPUT),
    (FileExistsError, CANTCREAT),
    (OSError, OSERR),
    (BaseException, SOFTWARE),
)


def code_of(error: BaseException) -> int:
    """Return the exit code of an error."""
    return next(code for kind, code in CODES if isinstance(error, kind))
