"""Local parts that machines write from. A table; whoever stands in it gets no automatic mail, but keeps the ticket.

abuse, postmaster and root are read by people (RFC 2142 §4, RFC 5230 §4.6): silence is all that they get for it.
"""

from __future__ import annotations

from typing import Final

ROBOTS: Final = frozenset(
    {
        "noreply",
        "no-reply",
        "donotreply",
        "do-not-reply",
        "dont-reply",
        "not-reply",
        "noresponse",
        "no-response",
        "noanswer",
        "nepasrepondre",
        "ne-pas-repondre",
        "nicht-antworten",
        "keineantwort",
        "keine-antwort",
        "no-responder",
        "non-rispondere",
        "nao-responda",
        "bounce",
        "bounces",
        "notification",
        "notifications",
        "notify",
        "mailer-daemon",
        "mailerdaemon",
        "postmaster",
        "listserv",
        "majordomo",
        "mailman",
        "root",
        "daemon",
        "cron",
        "abuse",
        "autoreply",
        "auto-reply",
        "autoresponder",
        "auto-confirm",
    }
)
BEGINNINGS: Final = (
    "owner-",
    "noreply-",
    "no-reply-",
    "donotreply-",
    "do-not-reply-",
    "bounce-",
    "bounces-",
    "srs0=",
    "srs1=",
)
ENDINGS: Final = ("-noreply", "-no-reply", "-donotreply", "-do-not-reply", "-request", "-owner", "-bounces", "-bounce")


_HYPHENS: Final = str.maketrans("_. ", "---")


def local_part(address: str) -> str:
    """Return the local part as the table spells it: lower case, no plus-tag, dots and underscores as hyphens."""
    local = address.rpartition("@")[0].lower().strip('"').partition("+")[0]
    return local.translate(_HYPHENS)


def is_robot(address: str) -> bool:
    """Tell whether a machine writes from this address, by its name."""
    local = local_part(address)
    return local in ROBOTS or local.startswith(BEGINNINGS) or local.endswith(ENDINGS)
