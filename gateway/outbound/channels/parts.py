"""What channels are built from besides their settings: our name, secrets that were read, trust."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path

from gateway.config.channels import Channel as Settings
from gateway.outbound.channels.kept import KeptChannel, Quirk
from gateway.outbound.session import OAuth, Password, Server
from gateway.ports import TokenSource

SUBMISSION_PORT = 587


@dataclass(frozen=True, slots=True)
class Parts:
    """What the composition root hands to a channel."""

    hostname: str  # ours, for EHLO
    password: str = field(default="", repr=False)
    tokens: TokenSource | None = field(default=None, repr=False)


def trust(ca_file: Path | None) -> ssl.SSLContext:
    """Return a context that checks certificate and name, with the system's authorities or those of a file."""
    context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 8996 retires what is older
    return context


def kept(
    settings: Settings,
    parts: Parts,
    *,
    host: str,
    port: int,
    tls: str,
    auth: Password | OAuth | None,
    quirks: tuple[Quirk, ...] = (),
    sender: str | None = None,
) -> KeptChannel:
    """Build a channel with kept connections to one server."""
    server = Server(
        host=settings.host or host,
        port=settings.port or port,
        hostname=parts.hostname,
        tls=None if tls == "none" else trust(settings.ca_file),
        implicit=tls == "implicit",
        auth=auth,
        timeout=settings.timeout.total_seconds(),
    )
    return KeptChannel(server, settings.connections, quirks=quirks, sender=sender)
