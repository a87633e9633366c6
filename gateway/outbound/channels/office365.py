"""Office 365 by OAuth (XOAUTH2). Exchange Online sends as the account alone, so that is the envelope sender."""

from __future__ import annotations

from gateway.config.channels import Channel as Settings
from gateway.outbound.channels.kept import KeptChannel, Quirk
from gateway.outbound.channels.parts import SUBMISSION_PORT, Parts, kept
from gateway.outbound.session import OAuth, Password

# Answers with a 5xx that are about the account or its allowance, not about a recipient: the mail waits.
QUIRKS = (
    Quirk("5.1.90", "the account's daily limit of recipients is reached"),
    Quirk("5.2.252", "the account may not send as this From: use the account's own address"),
    Quirk("5.7.3", "the sign-in is not accepted: run `poterne connect` again"),
    Quirk("5.7.57", "the sign-in did not happen: check that SMTP AUTH is allowed for the mailbox"),
    Quirk("5.7.60", "the account may not send as this From: grant Send As, or use the account's own address"),
    Quirk("5.7.139", "SMTP AUTH is disabled for the tenant or the mailbox: an administrator enables it"),
    Quirk("5.7.501", "Microsoft suspects abuse and blocks the account: an administrator unblocks it"),
    Quirk("5.7.705", "the tenant has exceeded its allowance for sending"),
    Quirk("5.7.708", "Microsoft does not take mail from this address of ours"),
)


def build(settings: Settings, parts: Parts) -> KeptChannel:
    """Build an Office 365 channel."""
    if not settings.account:
        raise ValueError("a channel of type office365 needs an account")
    username = settings.username or settings.account
    auth: Password | OAuth
    if parts.tokens is not None:
        auth = OAuth(username, parts.tokens)
    elif parts.password:
        auth = Password(username, parts.password)  # tenants on premises still have passwords
    else:
        raise ValueError("a channel of type office365 needs tenant and client_id, and `poterne connect`")
    return kept(
        settings,
        parts,
        host="smtp.office365.com",
        port=SUBMISSION_PORT,
        tls=settings.tls or "starttls",
        auth=auth,
        quirks=QUIRKS,
        sender=settings.account,
    )
