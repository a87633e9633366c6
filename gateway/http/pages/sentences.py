"""What codes mean, as words for people; every table holds messages of the catalogues."""

from __future__ import annotations

import re
from collections.abc import Mapping

from gateway.http.pages.words import N_

STATUS: Mapping[str, str] = {
    "new": N_("new"),
    "open": N_("open"),
    "waiting": N_("waiting"),
    "solved": N_("solved"),
    "closed": N_("closed"),
    "merged": N_("merged"),
}
PRIORITY: Mapping[str, str] = {"low": N_("low"), "normal": N_("normal"), "high": N_("high"), "urgent": N_("urgent")}
DELIVERY: Mapping[str, str] = {
    "queued": N_("waiting to be sent"),
    "sent": N_("handed over"),
    "failed": N_("not delivered"),
    "cancelled": N_("cancelled"),
    "held": N_("held"),
    "refused": N_("not sent"),
    "bounced": N_("came back"),
}
GOOD, BAD = frozenset({"sent"}), frozenset({"failed", "bounced", "refused"})
DISPOSITION: Mapping[str, str] = {
    "ticket": N_("opened a ticket"),
    "append": N_("joined a ticket"),
    "auto_reply": N_("an automatic answer, kept quietly"),
    "bounce": N_("a report about mail of ours"),
    "receipt": N_("a receipt"),
    "complaint": N_("a complaint"),
    "own_copy": N_("our own mail came back"),
    "duplicate": N_("the same mail again"),
    "quarantine": N_("held in quarantine"),
    "blocked": N_("refused by a rule of yours"),
}
ENTRY: Mapping[str, str] = {
    "customer": N_("message"),
    "agent": N_("reply"),
    "note": N_("internal note"),
    "auto_reply": N_("automatic answer"),
    "acknowledgement": N_("acknowledgement"),
    "delivery": N_("delivery"),
    "receipt": N_("receipt"),
    "state": N_("change"),
}
CONVERSATION = frozenset({"customer", "agent", "note"})  # shown whole; the rest is a quiet line
MAILED: Mapping[str, str] = {
    "acknowledgement": N_("acknowledgement"),
    "reply": N_("reply"),
    "notice": N_("notice"),
    "error_reply": N_("explanation"),
    "alert": N_("alert to an agent"),
}
ROLE: Mapping[str, str] = {
    "requester": N_("requester"),
    "participant": N_("participant"),
    "newcomer": N_("newcomer, is not written to"),
    "agent": N_("agent"),
    "admin": N_("administrator"),
}
HEALTH: Mapping[str, str] = {
    "starting": N_("starting"),
    "ok": N_("well"),
    "retrying": N_("has trouble, tries again"),
    "refused": N_("refused: somebody has to act"),
    "elsewhere": N_("fetched by another node"),
}
KIND: Mapping[str, str] = {
    "human": N_("a person wrote it"),
    "auto_reply": N_("a responder wrote it"),
    "auto_generated": N_("a machine wrote it"),
    "bounce": N_("it is a delivery report"),
    "list": N_("it came from a list"),
    "receipt": N_("it is a receipt"),
    "complaint": N_("it is a complaint"),
    "calendar": N_("it is a calendar answer"),
    "own_copy": N_("it is our own mail"),
}
SCOPES: Mapping[str, str] = {  # of API tokens
    "read": N_("read: look at everything that you see"),
    "write": N_("write: answer, change, write notes"),
    "admin": N_("admin: what administrators do"),
}
SCOPE: Mapping[str, str] = {  # what a limit of the bound counts
    "address": N_("address"),
    "organisation": N_("organisation"),
    "fingerprint": N_("text (the same words to whomever)"),
    "queue": N_("queue"),
    "agent": N_("agent who is alerted"),
    "agent_ticket": N_("agent and ticket"),
}
AFTERWARDS: Mapping[str, str] = {
    "waiting": N_("and wait"),
    "solved": N_("and solve"),
    "open": N_("and keep open"),
}
SHOWN: Mapping[str, tuple[str, tuple[str, ...]]] = {  # the choices of lists: name, statuses
    "open": (N_("Open"), ("new", "open")),
    "waiting": (N_("Waiting for the customer"), ("waiting",)),
    "solved": (N_("Solved"), ("solved",)),
    "closed": (N_("Closed"), ("closed",)),
    "all": (N_("All"), ()),
}
ORDER: Mapping[str, str] = {
    "updated": N_("last change"),
    "created": N_("newest"),
    "due": N_("due soonest"),
}
_WINDOW = re.compile(r"(\d+)\s*([a-z]+)")


def window(text: str) -> str:
    """Return a window of the configuration with a space before its unit: 10 min."""
    return _WINDOW.sub(r"\1 \2", text)


TITLES: Mapping[int, str] = {
    403: N_("You may not do this"),
    404: N_("Nothing here"),
    409: N_("Somebody was faster"),
    422: N_("That does not fit"),
    429: N_("Too many tries"),
    503: N_("Just a moment"),
}
OTHER_TROUBLE = N_("Something went wrong")
# What use cases say when they refuse; other words of theirs are shown as they are.
SAID = (
    N_("the address or the password is wrong"),
    N_("too many tries; wait and try again"),
    N_("the present password is wrong"),
    N_("there is nothing here that you may see"),
    N_("the form is too old; load the page again"),
    N_("the reply is empty"),
    N_("the note is empty"),
    N_("only administrators may do this"),
    N_("a password has at least 10 characters; a few words are best"),
    N_("the new password is the old one"),
    N_("this password is guessed at once; a few words are best"),
    N_("the store does not answer"),
    N_("the subject is empty"),
    N_("choose what to move"),
    N_("nobody on this ticket may be written to; add a recipient"),
)
