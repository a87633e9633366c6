"""An instance as values: the settings, and what is made from them and from the secrets and files that they name.

Everything is read and tried here, before anything starts: what cannot be used stops the start, or keeps what a reload
would have replaced.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.engine import make_url

from gateway.config import SecretUnavailable, Settings, read_key, read_secret
from gateway.config.load import load
from gateway.config.settings import Channel, Connection, Secret
from gateway.errors import ConfigError, ConfigProblem
from gateway.outbound.appearance import MailTemplates, load_look
from gateway.outbound.assembly import signing_keys
from gateway.outbound.dkim import KeyRefused, SigningKey
from gateway.policy import Policy, build_letterheads, build_policy
from gateway.store import BoundTable, StoreOptions
from gateway.telemetry import metrics
from gateway.telemetry.log import get_logger, protect

log = get_logger()


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Instance:
    """What a reload replaces as a whole."""

    settings: Settings
    policy: Policy
    store_options: StoreOptions
    signing_keys: tuple[SigningKey, ...] = field(repr=False)
    passwords: Mapping[str, str] = field(repr=False)  # of channels and direct inboxes, by name
    client_secrets: Mapping[str, str] = field(repr=False)  # of unattended tenants, by name
    key: bytes = field(repr=False)  # seals what the store keeps of accounts


def read_instance(path: Path) -> Instance:
    """Read the configuration and everything that it names. Raises ConfigError with what cannot be used."""
    settings = load(path)
    try:
        return build_instance(settings)
    except (SecretUnavailable, KeyRefused) as error:
        # `load` tried the same files: this one changed in between.
        problem = ConfigProblem(str(path), 1, 1, "configuration", error.problem, error.cure)
        raise ConfigError((problem,)) from None


def build_instance(settings: Settings) -> Instance:
    """Make the values of an instance. Raises ConfigError, SecretUnavailable or KeyRefused."""
    key = read_key(settings.secret).value
    previous = tuple(read_key(old).value for old in settings.previous_secrets)
    templates = MailTemplates(settings.templates)
    letterheads = build_letterheads(settings, templates, lambda look: load_look(look, settings.hostname))
    policy = build_policy(settings, key, previous, letterheads)
    accounts: dict[str, Channel | Connection] = {**settings.ways_out, **settings.connections}
    for webhook in settings.webhooks.values():
        for secret in (webhook.secret, *webhook.previous_secrets):
            _read(secret)  # the couriers read them again; from now on no log shows them
    return Instance(
        settings=settings,
        policy=policy,
        store_options=store_options(settings, policy),
        signing_keys=signing_keys(settings),
        passwords={name: _read(account.password) for name, account in accounts.items() if account.password},
        client_secrets={
            name: _read(account.client_secret) for name, account in accounts.items() if account.client_secret
        },
        key=key,
    )


def _read(secret: Secret) -> str:
    """Return a secret as text, and keep it out of the log from now on."""
    text = read_secret(secret).text()
    protect(text)
    return text


def store_options(settings: Settings, policy: Policy) -> StoreOptions:
    """Return what the store needs to know of the configuration."""
    return StoreOptions(
        raw_mail=settings.raw_mail,
        bound=BoundTable.from_limits(settings.loop_protection.limits.table()),
        own_addresses=policy.own_addresses,
        blocklist=settings.loop_protection.blocklist,
        subscriptions=settings.subscriptions,
        commit_timeout=settings.limits.commit_timeout,
    )


def shown_url(url: str) -> str:
    """Return a database URL without its password."""
    return make_url(url).render_as_string(hide_password=True)


def note_loaded(*, good: bool) -> None:
    """Show on the metrics whether the last reading of the configuration was good, and when."""
    metrics.CONFIG_LOADED.set(good)
    if good:
        metrics.CONFIG_LOADED_AT.set(time.time())


def note_refused(error: Exception) -> None:
    """Say why a new configuration is not used."""
    note_loaded(good=False)
    if isinstance(error, ConfigError):
        for problem in error.problems:
            log.error("config.refused", because=str(problem))
    else:
        log.error("config.refused", because=f"{type(error).__name__}: {error}")
