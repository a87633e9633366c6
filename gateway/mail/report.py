"""Reads what machines say about mail: delivery reports, receipts, complaints, calendar answers. Pure and total.

Standard reports are recognised by their structure. A bounce in words alone counts only if a robot's sender, subject
or structure says so, too: people forward bounces and ask about them, and must stay people.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final

from gateway.mail import report_evidence as evidence
from gateway.mail import report_fields as fields
from gateway.mail import report_notice as notices
from gateway.mail import report_receipt as receipts
from gateway.mail.part import Part
from gateway.mail.report_original import message_ids, returned
from gateway.mail.report_second import second_opinion
from gateway.mail.report_wording import FIRST, KEYWORD, SOMEWHERE
from gateway.model import Report, ReportKind

_STATUS_TYPES: Final = frozenset({"message/delivery-status", "message/global-delivery-status", "text/delivery-status"})
_PARTS: Final = 50  # parts of a report that are looked at


def read_report(root: Part) -> Report | None:
    """Return what a machine says about a mail, or None if a mail is no report. Total."""
    parts = _first_parts(root)
    for reader in READERS:
        try:
            found = reader(root, parts)
        except Exception:  # a reader that breaks has no opinion; the mail is then what its other signs say
            found = None
        if found is not None:
            return found
    return None


def _first_parts(root: Part) -> list[Part]:
    return list(islice(root.walk(), _PARTS))


# --- RFC 3464 ----------------------------------------------------------------------------------------------------


def read_delivery(root: Part, parts: Sequence[Part]) -> Report | None:
    """Return a standard delivery report, or None."""
    holders = [part for part in parts if part.content_type in _STATUS_TYPES]
    if not holders and evidence.is_notice(root):
        # A gateway put the whole report into a mail of its own
        for tree in returned(root)[:1]:
            inner = _first_parts(tree)
            if _report_type(tree) == "delivery-status" and any(part.content_type in _STATUS_TYPES for part in inner):
                return read_delivery(tree, inner)
    typed = [part for part in parts if part.content_type == "multipart/report" and _report_type(part) in _DELIVERY]
    if not holders and not (typed and typed[0] is root):
        return None
    # Forwarded with its parts, the same structure is a person's question
    if not typed and not evidence.is_notice(root):
        return None
    trees = returned(root)
    texts = [part.text() for part in parts if part.content_type in _TEXT]
    grouped = [fields.groups(part) for part in holders]
    found = fields.recipients(grouped)
    notice = notices.split_notice("\n".join(texts[:1]))
    if not found:
        found = notices.read_notice(notice.lines, _parties(root, trees), _known(root))
        found = found or notices.unnamed(notice.lines, _addressed(trees))
    stated = [item.value for groups in grouped for group in groups for item in group if item.name in _IDS]
    return Report(ReportKind.DELIVERY, found, message_ids(trees, texts, stated))


_DELIVERY: Final = frozenset({"delivery-status", ""})
_TEXT: Final = frozenset({"text/plain", "text/rfc822-headers"})
_IDS: Final = frozenset({"original-message-id", "x-original-message-id"})


def _report_type(part: Part) -> str:
    return part.params.get("report-type", "").strip().casefold()


# --- in words ----------------------------------------------------------------------------------------------------


def read_wording(root: Part, parts: Sequence[Part]) -> Report | None:
    """Return a bounce that is none by structure, or None."""
    if not evidence.is_notice(root):
        return None
    trees = returned(root)
    texts = [part.text() for part in parts if part.content_type in _TEXT]
    if not any(text.strip() for text in texts):
        texts = [notices.plain(part.text()) for part in parts if part.content_type == "text/html"]
    notice = notices.split_notice("\n".join(texts[:2]))
    parties, known = _parties(root, trees), _known(root)
    found = (
        notices.read_notice(notice.lines, parties, known, at_least=KEYWORD)
        or second_opinion(root)
        or notices.read_notice(notice.lines, parties, at_least=SOMEWHERE)
        # Nobody is named: a person who wrote to their own address, a notice below the mail, one that is discreet
        or notices.read_notice(notice.lines, _addresses(root, ("from", "sender")))
        or notices.read_notice(notices.below_header(notice.returned), parties, at_least=FIRST)
        or notices.unnamed(notice.lines, _addressed(trees))
    )
    if not found:
        return None
    return Report(ReportKind.DELIVERY, found, message_ids(trees, [notice.returned, *texts[1:]]), standard=False)


def _parties(root: Part, trees: Sequence[Part]) -> list[str]:
    """Return the addresses that a notice names without having failed to reach them."""
    theirs = [found for tree in trees for found in _addresses(tree, ("from", "sender", "return-path"))]
    return [*_addresses(root, ("from", "to", "sender", "reply-to")), *theirs]


def _addressed(trees: Sequence[Part]) -> list[str]:
    """Return the addresses that the returned mail was for."""
    return list(dict.fromkeys(found for tree in trees[:1] for found in _addresses(tree, ("to", "cc"))))


def _addresses(part: Part, names: Sequence[str]) -> list[str]:
    values = [value[:_FIELD] for name in names for value in part.values(name)]
    return [fields.clean_address(match[0]) for value in values for match in fields.ADDRESS.finditer(value)]


def _known(root: Part) -> list[str]:
    """Return the recipients that fields of the notice name."""
    return list(dict.fromkeys(_addresses(root, _KNOWN)))


_FIELD: Final = 4_000  # characters of a field in which addresses are looked for
_KNOWN: Final = ("x-failed-recipients", "x-failed-recipient", "x-envelope-failed-recipients", "x-actual-recipient")

READERS: Final[tuple[Callable[[Part, Sequence[Part]], Report | None], ...]] = (
    receipts.read_feedback,
    receipts.read_receipt,
    read_delivery,
    receipts.read_calendar,
    read_wording,
)
