"""Reads what is no delivery report: read receipts (RFC 8098), complaints (RFC 5965), calendar answers (RFC 5546)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from gateway.mail import calendar
from gateway.mail.part import Part
from gateway.mail.report_fields import ADDRESS, address, clean_address, flat, groups
from gateway.mail.report_original import message_ids, returned
from gateway.model import Action, Report, ReportedRecipient, ReportKind

_DISPOSITION: Final = "message/disposition-notification"
_FEEDBACK: Final = "message/feedback-report"
_RECIPIENTS: Final = 100
_BAD: Final = frozenset({"failed", "denied", "deleted"})  # the person will not have read it
_HOTMAIL: Final = "staff@hotmail.com"
_HOTMAIL_RECIPIENT: Final = "x-hmxmroriginalrecipient"
_COMPLAINT: Final = "complaint about message from"
_METHODS: Final = frozenset({"REPLY", "COUNTER", "CANCEL", "DECLINECOUNTER"})
_ATTENDEE: Final = re.compile(
    r"^ATTENDEE((?:[^:\r\n\"]|\"[^\"\r\n]{0,500}\"){0,2000}):[ \t]*(?:mailto:)?([^\r\n]{1,320})",
    re.IGNORECASE | re.MULTILINE,
)
_CALENDAR_TYPES: Final = frozenset({"text/calendar", "application/ics"})
_CALENDAR: Final = 64 << 10


def read_receipt(root: Part, parts: Sequence[Part]) -> Report | None:
    """Return a read receipt, or None. `detail` is the disposition: "displayed", "deleted", "denied", "failed"..."""
    holder = next((part for part in parts if part.content_type == _DISPOSITION), None)
    if holder is None:
        if root.params.get("report-type", "").casefold() != "disposition-notification":
            return None
        return Report(ReportKind.DISPOSITION, (), message_ids(returned(root), ()))
    fields = flat(holder)
    # RFC 8098 §3.2.6: "manual-action/MDN-sent-manually; displayed/error"
    disposition = fields.get("disposition", "").rpartition(";")[2].strip().partition("/")[0].strip().casefold()
    who = address(fields.get("original-recipient", "")) or address(fields.get("final-recipient", ""))
    action = Action.FAILED if disposition in _BAD else Action.DELIVERED
    recipients = (ReportedRecipient(who, action, "", permanent=False),) if who else ()
    stated = (fields.get("original-message-id", ""),)
    return Report(ReportKind.DISPOSITION, recipients, message_ids(returned(root), (), stated), disposition[:40])


def read_feedback(root: Part, parts: Sequence[Part]) -> Report | None:
    """Return a complaint, or None. `detail` is the feedback type: "abuse", "opt-out", "not-spam"..."""
    trees = returned(root)
    holder = next((part for part in parts if part.content_type == _FEEDBACK), None)
    if holder is None and root.params.get("report-type", "").casefold() != "feedback-report":
        if root.first("x-arf") or root.first("x-xarf"):
            return Report(ReportKind.FEEDBACK, _complainers((), trees), message_ids(trees, ()), "abuse")
        hotmail = next((tree.first(_HOTMAIL_RECIPIENT) for tree in trees if tree.first(_HOTMAIL_RECIPIENT)), "")
        if not hotmail and not _is_hotmail(root, trees):
            return None
        return Report(ReportKind.FEEDBACK, _complainers([hotmail], trees), message_ids(trees, ()), "abuse")
    found = [item for group in groups(holder) for item in group] if holder is not None else []
    kind = next((item.value for item in found if item.name == "feedback-type"), "abuse")
    # RFC 5965 §3.2: Original-Rcpt-To may repeat
    who = [item.value for item in found if item.name in {"original-rcpt-to", "original-recipient", "removal-recipient"}]
    texts = [part.text() for part in parts if part.content_type.startswith("text/") and part.disposition != "inline"]
    return Report(
        ReportKind.FEEDBACK,
        _complainers(who, trees),
        message_ids(trees, texts),
        kind.strip().casefold()[:40],
    )


def _is_hotmail(root: Part, trees: Sequence[Part]) -> bool:
    # Microsoft's Junk Mail Reporting Program sends no feedback report: staff@hotmail.com, the mail attached
    sender = root.first("from").casefold()
    return bool(trees) and _HOTMAIL in sender and _COMPLAINT in root.first("subject").casefold()


def _complainers(values: Sequence[str], trees: Sequence[Part]) -> tuple[ReportedRecipient, ...]:
    who = [address(value) for value in values if value][:_RECIPIENTS]
    if not any(who) and trees:
        who = [address(trees[0].first("to"))]
    return tuple(ReportedRecipient(item, Action.DELIVERED, "", permanent=False) for item in dict.fromkeys(who) if item)


def read_calendar(root: Part, parts: Sequence[Part]) -> Report | None:
    """Return a calendar answer (REPLY, COUNTER, CANCEL), or None; its recipients are the attendees who answer."""
    method = calendar.method(root)
    if method not in _METHODS:
        return None
    part = next((part for part in parts if part.content_type in _CALENDAR_TYPES), None)
    # RFC 5545 §3.1: long lines are folded
    text = re.sub(r"\r?\n[ \t]", "", part.text()[:_CALENDAR]) if part is not None else ""
    attendees: list[ReportedRecipient] = []
    for match in _ATTENDEE.finditer(text):
        found = ADDRESS.search(match[2])
        if found and len(attendees) < _RECIPIENTS:
            attendees.append(ReportedRecipient(clean_address(found[0]), Action.DELIVERED, "", permanent=False))
    return Report(
        ReportKind.CALENDAR, tuple(attendees), message_ids((), (), (root.first("in-reply-to"),)), method.casefold()
    )
