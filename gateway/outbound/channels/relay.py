"""The local relay, usually Postfix on this machine: plain SMTP without a sign-in, unless the settings say otherwise."""

from __future__ import annotations

from gateway.config.channels import Channel as Settings
from gateway.outbound.channels.kept import KeptChannel
from gateway.outbound.channels.parts import Parts, kept
from gateway.outbound.session import Password


def build(settings: Settings, parts: Parts) -> KeptChannel:
    """Build a relay channel."""
    auth = Password(settings.username, parts.password) if settings.username else None
    return kept(settings, parts, host="127.0.0.1", port=25, tls=settings.tls or "none", auth=auth)
