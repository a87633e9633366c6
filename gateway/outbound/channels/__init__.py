"""The ways out, by type. A new one is one file and one line in `CHANNELS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
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

# What the providers allow an account, where the configuration names no rate of its own. More is refused, or locks it.
ALLOWANCES: Mapping[str, Sequence[tuple[int, timedelta]]] = MappingProxyType(
    {
        "gmail": ((2000, timedelta(days=1)),),
        "office365": ((30, timedelta(minutes=1)), (10_000, timedelta(days=1))),
    }
)


def build_channel(settings: Settings, parts: Parts) -> KeptChannel:
    """Build the channel that the settings describe. Raises ValueError for what could not send safely."""
    return CHANNELS[settings.type](settings, parts)
