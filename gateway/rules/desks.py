"""Prints of other help desks and trackers. They carry people's words: a ticket and a normal alert, and our silence."""

from __future__ import annotations

from typing import Final

from gateway.rules.reading import Evidence, Reading

PREFIXES: Final = (
    "x-zendesk-",
    "x-servicenow-",
    "x-jira-",
    "x-atlassian-",
    "x-rt-",
    "rt-ticket",
    "x-otrs-",
    "x-otobo-",
    "x-znuny-",
    "x-freescout-",
    "x-libredesk-",
    "x-roundup-",
    "x-redmine-",
    "x-github-",
    "x-gitlab-",
    "x-bugzilla-",
    "x-glpi-",
    "x-odoo-",
    "x-freshdesk-",
    "x-helpscout-",
    "x-front-",
    "x-intercom-",
    "x-hubspot-",
    "x-chatwoot-",
    "x-osticket-",
)
PROGRAMS: Final[dict[str, tuple[str, ...]]] = {
    "x-mailer": ("zendesk mailer", "osticket", "glpi", "mantisbt"),
    "x-powered-by": ("zammad", "otobo", "otrs", "znuny"),
    "x-managed-by": ("rt",),
    "managed-by": ("rt",),
}
MESSAGE_IDS: Final = (
    "sidekiq-frequent-fd",
    "_sprut@zendesk.com",
    "@zendesk.com",
    "sidekiq-fd",
    "fs_autoreply-",
    "fs_reply-",
)


def help_desk(reading: Reading) -> Evidence | None:
    """Match a help desk or tracker by its fields or by the shape of its Message-ID."""
    for name in reading.index:
        if name.startswith(PREFIXES):
            return reading.seen(reading.index[name][0])
        if name in PROGRAMS:
            item = reading.index[name][0]
            value = item.value[:100].strip().lower()
            if value.startswith(PROGRAMS[name]):
                return reading.seen(item)
    message_id = reading.mail.message_id.lower()
    if any(mark in message_id for mark in MESSAGE_IDS):
        return Evidence(f"Message-ID: {message_id[:60]}", "header")
    return None


def another_instance(reading: Reading) -> Evidence | None:
    """Match our loop field without a token of ours: another Poterne, or somebody who would like to steer us."""
    tokens = reading.facts.tokens
    if tokens.loop is not None:
        return None
    for name in ("x-poterne-loop", "x-poterne-ref"):
        if (found := reading.fields(name)) and not (name == "x-poterne-ref" and tokens.message is not None):
            return reading.seen(found[0])
    return None
