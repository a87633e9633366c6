"""Any SMTP server, with or without a sign-in; TLS by default, and then certificate and name are checked."""

from __future__ import annotations

from gateway.config.channels import Channel as Settings
from gateway.outbound.channels.kept import KeptChannel
from gateway.outbound.channels.parts import SUBMISSION_PORT, Parts, kept
from gateway.outbound.session import OAuth, Password

IMPLICIT_PORT = 465  # RFC 8314 §3.3


def build(settings: Settings, parts: Parts) -> KeptChannel:
    """Build an SMTP channel."""
    if not settings.host:
        raise ValueError("a channel of type smtp needs a host")
    auth: Password | OAuth | None = None
    if settings.username and parts.tokens is not None:
        auth = OAuth(settings.username, parts.tokens)
    elif settings.username:
        auth = Password(settings.username, parts.password)
    tls = settings.tls or ("implicit" if settings.port == IMPLICIT_PORT else "starttls")
    return kept(settings, parts, host=settings.host, port=SUBMISSION_PORT, tls=tls, auth=auth)
