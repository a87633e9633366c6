"""Builds from the settings, for `app` and `console`: how an inbox is fetched, the tokens of an Office 365 account."""

from __future__ import annotations

import asyncio

from gateway.config.settings import Channel, Connection
from gateway.inbox.fetcher import FetcherOptions
from gateway.inbox.mailbox import HOSTS, Account
from gateway.inbox.oauth import MicrosoftTokens, SealedCache
from gateway.ports import TokenSource, Vault

IMAPS_PORT = 993


def fetcher_options(
    name: str, settings: Connection, password: str, tokens: TokenSource | None, message_size: int
) -> FetcherOptions:
    """Return how one inbox is fetched; its account signs in with the password, or with tokens."""
    account = Account(
        host=settings.host or HOSTS.get(settings.type, ""),
        port=settings.port or IMAPS_PORT,
        tls=settings.tls,
        username=settings.username or settings.account,
        password=password,
        tokens=tokens,
        ca_file=settings.ca_file,
    )
    return FetcherOptions(
        name=name,
        queue=settings.queue,
        account=account,
        address=settings.account,
        folder=settings.folder,
        after=settings.after,
        move_to=settings.move_to,
        backfill=settings.backfill,
        poll=settings.poll,
        message_size=message_size,
    )


def microsoft_tokens(
    name: str, settings: Channel | Connection, vault: Vault, client_secret: str | None = None
) -> MicrosoftTokens:
    """Return the tokens of an inbox's or a channel's account, which are kept in the vault under its name.

    Called inside the running event loop, in which the vault lives.
    """
    return MicrosoftTokens(
        settings.account or "",
        settings.tenant or "",
        settings.client_id or "",
        SealedCache(name, vault, asyncio.get_running_loop()),
        client_secret=client_secret,
        authority=settings.authority,
        ca_file=str(settings.ca_file) if settings.ca_file else None,
    )
