"""How commands reach an instance: read its configuration, open it, run one coroutine, close it."""

from __future__ import annotations

import asyncio
import getpass
import os
from collections.abc import Awaitable, Callable, Collection
from typing import TYPE_CHECKING, TypeVar

from gateway.cli.frame import CommandError, invocation
from gateway.cli.sysexits import NOINPUT

if TYPE_CHECKING:
    from gateway.config import Settings
    from gateway.console import Books, Desk

T = TypeVar("T")


def read_settings() -> Settings:
    """Return the settings; secrets are read by those who need them. Raises ConfigError."""
    from gateway.config import load_without_secrets

    return load_without_secrets(invocation().settings_path())


def keep_private() -> None:
    """Let nobody else read what this process writes: a database that a command makes, and the log files beside it."""
    os.umask(0o077)


def with_books(work: Callable[[Books], Awaitable[T]]) -> T:
    """Run `work` on the store."""
    from gateway.console import open_books

    keep_private()
    settings = read_settings()

    async def job() -> T:
        async with open_books(settings) as books:
            return await work(books)

    return asyncio.run(job())


def with_desk(work: Callable[[Desk], Awaitable[T]]) -> T:
    """Run `work` on the store, with the secrets and the letters of the instance."""
    from gateway.console import open_desk

    keep_private()
    settings = read_settings()

    async def job() -> T:
        async with open_desk(settings) as desk:
            return await work(desk)

    return asyncio.run(job())


def known(what: str, name: str, names: Collection[str]) -> None:
    """Refuse a name that is not among those of the configuration."""
    if name not in names:
        cure = f"use one of {', '.join(sorted(names))}" if names else "the configuration has none"
        raise CommandError(f"there is no {what} {name}", cure, NOINPUT)


def operator() -> str:
    """Return who gave the command, for the record: the login name on this machine."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "operator"  # a user id without a name, as in containers
