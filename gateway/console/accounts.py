"""Signs accounts of Office 365 in, for inboxes and channels."""

from __future__ import annotations

from collections.abc import Callable

from gateway.config import SecretUnavailable, Settings, read_key
from gateway.config.settings import Channel, Connection
from gateway.console.desk import opened
from gateway.errors import ConfigError, ConfigProblem
from gateway.inbox.assembly import microsoft_tokens
from gateway.inbox.oauth import sign_in_by_device_code
from gateway.store import SealedVault


def office365_names(settings: Settings) -> list[str]:
    """Return the inboxes and channels whose account a person signs in; unattended tenants need nobody."""
    found: dict[str, Channel | Connection] = {**settings.channels, **settings.connections}
    return sorted(name for name, item in found.items() if item.type == "office365" and item.client_secret is None)


async def sign_in(settings: Settings, name: str, say: Callable[[str], None]) -> str:
    """Sign in by device code and keep the token, sealed. Returns the account. Raises SignInRefused, ConfigError."""
    item = settings.connections.get(name) or settings.channels[name]
    try:
        key = read_key(settings.secret).value
    except SecretUnavailable as error:
        raise ConfigError((ConfigProblem("configuration", 1, 1, "secret", error.problem, error.cure),)) from None
    async with opened(settings) as store:
        tokens = microsoft_tokens(name, item, SealedVault(store, key))
        return await sign_in_by_device_code(tokens, say)
