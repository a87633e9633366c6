"""Builds the way out from the settings, for the composition root: signing keys, channels, a worker for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gateway.config.channels import Channel as ChannelSettings
from gateway.config.secrets import read_secret
from gateway.config.settings import Settings
from gateway.config.units import rates
from gateway.outbound.channels import ALLOWANCES, build_channel
from gateway.outbound.channels.parts import Parts
from gateway.outbound.dkim import SigningKey, load_key
from gateway.outbound.worker import ChannelWorker, Desk
from gateway.ports import TokenSource

Tokens = Callable[[str, ChannelSettings], TokenSource | None]
"""Gives the OAuth tokens of a channel, by its name; None for channels without OAuth."""


def signing_keys(settings: Settings) -> tuple[SigningKey, ...]:
    """Read every signing key. Raises SecretUnavailable or KeyRefused: a daemon that cannot sign does not start."""
    return tuple(load_key(item.domain, item.selector, read_secret(item.key).value) for item in settings.dkim)


def build_workers(settings: Settings, desk: Desk, tokens: Tokens) -> Mapping[str, ChannelWorker]:
    """Build a worker per channel, by name. Raises SecretUnavailable, or ValueError for an unsafe channel.

    A channel is built inside the running event loop.
    """
    return {
        name: ChannelWorker(
            name,
            build_channel(channel, _parts(settings, channel, tokens(name, channel))),
            desk,
            connections=channel.connections,
            rates=rates(channel.rate) if channel.rate else ALLOWANCES.get(channel.type, ()),
        )
        for name, channel in settings.ways_out.items()
    }


def _parts(settings: Settings, channel: ChannelSettings, tokens: TokenSource | None) -> Parts:
    password = read_secret(channel.password).text() if channel.password else ""
    return Parts(settings.hostname, password, tokens)
