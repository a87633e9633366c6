"""Opens the store of an instance, alone or with the policy that its mails are judged and written by."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from sqlalchemy.exc import OperationalError

from gateway.config import SecretUnavailable, Settings, read_key
from gateway.errors import ConfigError, ConfigProblem, StorageUnavailable
from gateway.model import InboxRow
from gateway.policy import Policy, build_letterheads, build_policy, own_addresses
from gateway.ports import Operations, Outbox, Reader, Store, WebhookOperations
from gateway.store import BoundTable, SqlStore, StoreOptions, migrate, open_store


class Books(Store, Outbox, Reader, Operations, WebhookOperations, Protocol):
    """Everything that the store can do for an operator."""

    async def inbox_rows(self) -> Sequence[InboxRow]:
        """Return how each direct inbox goes."""


@dataclass(frozen=True, slots=True)
class Desk:
    """An opened instance: its settings, its policy, its store."""

    settings: Settings
    policy: Policy
    books: Books


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""
        return datetime.now(UTC)


@asynccontextmanager
async def open_books(settings: Settings) -> AsyncIterator[Books]:
    """Open the store for a command. Raises SchemaMismatch, or Transient; takes no lock and migrates nothing."""
    async with opened(settings) as store:
        yield store


def opened(settings: Settings) -> SqlStore:
    """Open the store itself. Raises SchemaMismatch, or StorageUnavailable for a database that does not answer."""
    with no_answer_is_transient():
        return open_store(settings.database, clock=SystemClock(), options=store_options(settings))


@contextmanager
def no_answer_is_transient() -> Iterator[None]:
    """Turn what the driver says before there is a store into our own word, on one line and without the URL."""
    try:
        yield
    except OperationalError as error:
        reason = " ".join(str(error.orig).split())
        raise StorageUnavailable(f"the database does not answer: {reason}") from None


def store_options(settings: Settings) -> StoreOptions:
    """Return what the store needs to know of the configuration."""
    return StoreOptions(
        raw_mail=settings.raw_mail,
        bound=BoundTable.from_limits(settings.loop_protection.limits.table()),
        own_addresses=own_addresses(settings),
        blocklist=settings.loop_protection.blocklist,
        subscriptions=settings.subscriptions,
        commit_timeout=settings.limits.commit_timeout,
        daemon=False,
    )


@asynccontextmanager
async def open_desk(settings: Settings) -> AsyncIterator[Desk]:
    """Open the store with the policy, able to mint tokens and to write letters. Raises ConfigError without secrets."""
    policy = read_policy(settings)
    async with open_books(settings) as books:
        yield Desk(settings, policy, books)


def read_policy(settings: Settings) -> Policy:
    """Build the policy with the secrets of the instance and its letterheads. Raises ConfigError."""
    from gateway.outbound.appearance import MailTemplates, load_look

    keys = []
    for key, secret in [("secret", settings.secret), *(("previous_secrets", old) for old in settings.previous_secrets)]:
        try:
            keys.append(read_key(secret).value)
        except SecretUnavailable as error:
            raise ConfigError((ConfigProblem("configuration", 1, 1, key, error.problem, error.cure),)) from None
    templates = MailTemplates(settings.templates)
    letterheads = build_letterheads(settings, templates, lambda look: load_look(look, settings.hostname))
    return build_policy(settings, keys[0], tuple(keys[1:]), letterheads)


def upgrade(settings: Settings) -> None:
    """Bring the database up to the present schema. Raises StoreLocked while a daemon uses an SQLite file."""
    with no_answer_is_transient():
        migrate(settings.database)
