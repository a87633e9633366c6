"""Builds the couriers of webhooks from the settings, for the composition root."""

from __future__ import annotations

import ssl
from collections.abc import Mapping

from gateway.config.secrets import read_webhook_key
from gateway.config.settings import Settings, Webhook
from gateway.model import ClaimedEvent
from gateway.outbound.courier import Means
from gateway.outbound.webhooks.courier import Receiver, WebhookCourier
from gateway.outbound.webhooks.post import Target


def build_couriers(settings: Settings, means: Means[ClaimedEvent]) -> Mapping[str, WebhookCourier]:
    """Build a courier per webhook, by name. Raises SecretUnavailable or OSError for what cannot be read.

    A courier is built inside the running event loop.
    """
    return {
        name: WebhookCourier(name, receiver_of(webhook), means, connections=webhook.connections)
        for name, webhook in settings.webhooks.items()
    }


def receiver_of(webhook: Webhook) -> Receiver:
    """Return where a webhook listens, with the keys that sign. Certificates are verified, whatever the address."""
    context = ssl.create_default_context(cafile=str(webhook.ca_file) if webhook.ca_file else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    secrets = (webhook.secret, *webhook.previous_secrets)
    keys = tuple(read_webhook_key(secret).value for secret in secrets)
    return Receiver(Target.of(webhook.url, context), keys, webhook.timeout.total_seconds())
