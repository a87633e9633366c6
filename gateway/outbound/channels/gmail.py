"""Gmail and Google Workspace by app password. Google sends as the account alone, so that is the envelope sender."""

from __future__ import annotations

from gateway.config.channels import Channel as Settings
from gateway.outbound.channels.kept import KeptChannel, Quirk
from gateway.outbound.channels.parts import SUBMISSION_PORT, Parts, kept
from gateway.outbound.session import Password

# Answers with a 5xx that are about the account or its allowance, not about a recipient: the mail waits.
QUIRKS = (
    Quirk("5.4.5", "the account's daily limit is reached"),
    Quirk("5.7.0", "Google asks to sign in again in a browser, or refuses the account for now"),
    Quirk("5.7.8", "the app password is not accepted"),
    Quirk("5.7.9", "an app password is needed: make one in the Google account"),
    Quirk("5.7.14", "Google asks to sign in in a browser"),
    Quirk("5.7.28", "Google limits the rate of unsolicited mail of this account"),
)


def build(settings: Settings, parts: Parts) -> KeptChannel:
    """Build a Gmail channel."""
    if not settings.account:
        raise ValueError("a channel of type gmail needs an account")
    # Google shows app passwords in groups of four, with blanks that are no part of them.
    auth = Password(settings.username or settings.account, parts.password.replace(" ", ""))
    return kept(
        settings,
        parts,
        host="smtp.gmail.com",
        port=SUBMISSION_PORT,
        tls=settings.tls or "starttls",
        auth=auth,
        quirks=QUIRKS,
        sender=settings.account,
    )
