"""A letterhead for tests, with the shipped templates."""

from __future__ import annotations

from dataclasses import replace

from gateway.mail.letters import Letterhead, Look
from gateway.model import Mailbox
from gateway.outbound.appearance import MailTemplates

TEMPLATES = MailTemplates()


def make_letterhead(look: Look | None = None, **changes) -> Letterhead:
    """Return the letterhead of the queue Support."""
    plain = Letterhead(
        queue="support",
        name="Support",
        channel="relay",
        from_=Mailbox("Example Support", "support@example.org"),
        hostname="tickets.example.org",
        creation_address="support-in@tickets.example.org",
        templates=TEMPLATES,
        look=look or Look(signature="The Example team\nExample Ltd", header="Example", footer="1 Example Street"),
    )
    return replace(plain, **changes)
