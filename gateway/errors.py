"""The exception tree. The one question it answers: is it worth trying again?

::

    PoterneError
    ├── Transient            try again later; on the wire 4xx
    │   ├── StorageUnavailable   database gone, locked, or too slow        451 4.3.0
    │   ├── StorageFull          disk, quota or table space exhausted      452 4.3.1
    │   ├── Overloaded           our own budgets are used up               452 4.3.1
    │   └── ParserDied           the parser process was killed or too slow
    ├── Permanent            will not get better by itself
    │   ├── UnknownRecipient     no queue owns this address                550 5.1.1
    │   ├── NotSendable          an address or header that must not leave
    │   ├── SignInRefused        an account, password or token was refused: a person has to act
    │   ├── StoreLocked          another daemon uses the database file
    │   ├── SchemaMismatch       the database is older or newer than this Poterne
    │   ├── Conflict             the thing changed since the caller read it
    │   └── NotFound             the thing an operator named does not exist
    └── ConfigError          the configuration stops the start (sysexits 78)

Anything that is not in this tree is Transient: we do not bounce mail for bugs of our own.
"""

from __future__ import annotations

from dataclasses import dataclass


class PoterneError(Exception):
    """Base of all errors that Poterne raises on purpose."""


class Transient(PoterneError):
    """Try again later."""


class Permanent(PoterneError):
    """Trying again will not help."""


class StorageUnavailable(Transient):
    """The database is gone, locked, or did not answer within its deadline."""


class StorageFull(Transient):
    """The disk, a quota or a table space is exhausted."""


class Overloaded(Transient):
    """A budget of our own (bytes in flight, connections) is used up."""


class ParserDied(Transient):
    """The parser process died or exceeded its limits while it read this mail."""


class UnknownRecipient(Permanent):
    """No queue owns this address."""


class NotSendable(Permanent):
    """An address, header or body that must not leave: it would inject, or cannot be expressed."""


class NotFound(Permanent):
    """What an operator or client named does not exist, or is not theirs to see."""


class SignInRefused(Permanent):
    """An account, password or token was refused; the message says what the administrator does next."""


class StoreLocked(Permanent):
    """Another daemon uses the database file; the message names its process."""


class SchemaMismatch(Permanent):
    """The database is older or newer than this Poterne; the message says what to do."""


class Conflict(Permanent):
    """The thing changed since the caller read it; nothing was overwritten."""


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """One thing wrong with the configuration: where it is, what it is, and how to cure it."""

    file: str
    line: int
    column: int
    key: str
    problem: str
    cure: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.key}: {self.problem}; {self.cure}"


class ConfigError(PoterneError):
    """The configuration cannot be used; carries every problem that was found, in file order."""

    def __init__(self, problems: tuple[ConfigProblem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


def is_transient(error: BaseException) -> bool:
    """Tell whether to try again. Unknown errors are transient: a bug of ours never bounces mail."""
    return not isinstance(error, Permanent)
