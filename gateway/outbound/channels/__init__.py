"""The ways out, by type. A new one is one file and one line in `CHANNELS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from gateway.config.channels import Channel as Settings
from gateway.outbound.channels import gmail, office365, relay, smtp
from gateway.outbound.channels.kept import KeptChannel
from gateway.outbound.channels.parts import Parts

CHANNELS: Mapping[str, Callable[[Settings, Parts], KeptChannel]] = MappingProxyType(
    {
        "relay": relay.build,
        "smtp": smtp.build,
        "gmail": gmail.build,
        "office365": office365.build,
    }
)


def build_channel(settings: Settings, parts: Parts) -> KeptChannel:
    """Build the channel that the settings describe. Raises ValueError for what could not send safely."""
    return CHANNELS[settings.type](settings, parts)
