"""Checks of what the configuration points at: secrets, signing keys, certificates, logos. These read files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.config.channels import Secret
from gateway.config.checks import Finding
from gateway.config.document import Loc
from gateway.config.secrets import SecretUnavailable, read_key, read_secret, read_webhook_key
from gateway.config.settings import Settings

MIN_RSA_BITS = 2048  # RFC 8301 §3.2: at least 1024, 2048 recommended; what is made today is made for years


@dataclass(frozen=True, slots=True)
class FileFinding(Finding):
    """A finding about a file; `elsewhere` for a secret that only the service can read: it cannot be judged here."""

    elsewhere: bool = False


def files_are_usable(settings: Settings, environment: Mapping[str, str]) -> Iterator[FileFinding]:
    """Refuse secrets that are missing, too short or open to others, bad signing keys, and files that cannot be read."""
    yield from _keys(settings, environment)
    for loc, secret in _secrets(settings):
        try:
            read_secret(secret, environment)
        except SecretUnavailable as error:
            yield _finding(loc, error)
    for loc, secret in _webhook_secrets(settings):
        try:
            read_webhook_key(secret, environment)
        except SecretUnavailable as error:
            yield _finding(loc, error)
    for index, item in enumerate(settings.dkim):
        try:
            check_signing_key(read_secret(item.key, environment).value)
        except SecretUnavailable as error:
            yield _finding(("dkim", index, "key"), error)
    for loc, path in _files(settings):
        try:
            if loc == ("templates",):
                next(path.iterdir(), None)
            else:
                with path.open("rb") as file:
                    file.read(1)
        except OSError as error:
            reason = (error.strerror or "unreadable").lower()
            yield FileFinding(loc, f"cannot read {path}: {reason}", "name one that poterne can read")


def check_signing_key(pem: bytes) -> None:
    """Refuse what is no private key that DKIM can sign with (RFC 8301, RFC 8463). Raises SecretUnavailable."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    cure = "make one with: poterne dkim generate"
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # TypeError: the key is encrypted. What the library says may quote the key, so it is not shown.
        raise SecretUnavailable("is not an unencrypted private key in PEM", cure) from None
    if isinstance(key, RSAPrivateKey):
        if key.key_size < MIN_RSA_BITS:
            raise SecretUnavailable(f"is an RSA key of {key.key_size} bit, too short to trust", cure)
    elif not isinstance(key, Ed25519PrivateKey):
        raise SecretUnavailable("is neither an RSA nor an Ed25519 key", cure)


def _keys(settings: Settings, environment: Mapping[str, str]) -> Iterator[FileFinding]:
    owned: list[tuple[Loc, Secret]] = [(("secret",), settings.secret)]
    owned += [(("previous_secrets", index), secret) for index, secret in enumerate(settings.previous_secrets)]
    for loc, secret in owned:
        try:
            read_key(secret, environment)
        except SecretUnavailable as error:
            yield _finding(loc, error)


def _secrets(settings: Settings) -> Iterator[tuple[Loc, Secret]]:
    """Yield every secret but the instance's keys and those that sign, which have checks of their own."""
    for name, channel in settings.channels.items():
        for key in ("password", "client_secret"):
            if (secret := getattr(channel, key)) is not None:
                yield ("channels", name, key), secret
    for name, connection in settings.connections.items():
        for key in ("password", "client_secret"):
            if (secret := getattr(connection, key)) is not None:
                yield ("connections", name, key), secret
    if settings.agents.oidc_client_secret is not None:
        yield ("agents", "oidc_client_secret"), settings.agents.oidc_client_secret


def _webhook_secrets(settings: Settings) -> Iterator[tuple[Loc, Secret]]:
    for name, webhook in settings.webhooks.items():
        yield ("webhooks", name, "secret"), webhook.secret
        for index, secret in enumerate(webhook.previous_secrets):
            yield ("webhooks", name, "previous_secrets", index), secret


def _files(settings: Settings) -> Iterator[tuple[Loc, Path]]:
    for key, queue in settings.queues.items():
        if queue.appearance.logo is not None:
            yield ("queues", key, "appearance", "logo"), queue.appearance.logo
    for name, channel in settings.channels.items():
        if channel.ca_file is not None:
            yield ("channels", name, "ca_file"), channel.ca_file
    for name, connection in settings.connections.items():
        if connection.ca_file is not None:
            yield ("connections", name, "ca_file"), connection.ca_file
    for name, webhook in settings.webhooks.items():
        if webhook.ca_file is not None:
            yield ("webhooks", name, "ca_file"), webhook.ca_file
    if settings.templates is not None:
        yield ("templates",), settings.templates


def _finding(loc: Loc, error: SecretUnavailable) -> FileFinding:
    return FileFinding(loc, error.problem, error.cure, elsewhere=error.elsewhere)
