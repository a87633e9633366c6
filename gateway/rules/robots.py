"""Local parts that machines write from. A table; whoever stands in it gets no automatic mail, but keeps the ticket.

Under some of these names nobody ever writes by hand. Others are read, and answered, by people: abuse, postmaster and
root (RFC 2142 §4, RFC 5230 §4.6), and the owners of lists: silence is all that they get for it.
"""

from __future__ import annotations

from typing import Final

MACHINES: Final = frozenset(
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
        "bitte-nicht-antworten",
        "keineantwort",
        "keine-antwort",
        "no-responder",
        "non-rispondere",
        "nao-responda",
        "niet-beantwoorden",
        "unmonitored",
        "bounce",
        "bounces",
        "notification",
        "notifications",
        "notify",
        "newsletter",
        "newsletters",
        "mailer-daemon",
        "mailerdaemon",
        "listserv",
        "majordomo",
        "mailman",
        "daemon",
        "cron",
        "autoreply",
        "auto-reply",
        "autoresponder",
        "auto-confirm",
        "automailer",
    }
)
STAFFED: Final = frozenset({"abuse", "postmaster", "root"})
# Names that begin or end like these, "noreply2" and "shop-noreply" among them.
MACHINES_BEGIN: Final = ("noreply", "no-reply", "donotreply", "do-not-reply", "bounce-", "bounces-", "srs0=", "srs1=")
MACHINES_END: Final = ("-noreply", "-no-reply", "-donotreply", "-do-not-reply", "-bounces", "-bounce")
STAFFED_BEGIN: Final = ("owner-",)
STAFFED_END: Final = ("-request", "-owner")


_HYPHENS: Final = str.maketrans("_. ", "---")


def local_part(address: str) -> str:
    """Return the local part as the table spells it: lower case, no plus-tag, dots and underscores as hyphens."""
    local = address.rpartition("@")[0].lower().strip('"').partition("+")[0]
    return local.translate(_HYPHENS)


def is_machine(address: str) -> bool:
    """Tell whether nobody writes by hand under this address, by its name."""
    local = local_part(address)
    return local in MACHINES or local.startswith(MACHINES_BEGIN) or local.endswith(MACHINES_END)


def is_robot(address: str) -> bool:
    """Tell whether a machine writes from this address, by its name; people may read what comes to it."""
    local = local_part(address)
    staffed = local in STAFFED or local.startswith(STAFFED_BEGIN) or local.endswith(STAFFED_END)
    return staffed or is_machine(address)
