"""Times as people say them. Pure: the present is an argument."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.http.pages.words import Catalogue

MINUTE, HOUR, DAY = 60, 3600, 86400
LONG_AGO = 30 * DAY


@lru_cache(64)
def zone_of(name: str) -> ZoneInfo | None:
    """Return a time zone, or None for a name that means nothing."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


@lru_cache(4096)  # of the tickets on the lists that agents look at
def exact(moment: datetime, zone: str) -> str:
    """Return date, minute and zone."""
    return moment.astimezone(zone_of(zone) or UTC).strftime("%Y-%m-%d %H:%M %Z")


def field_of(moment: datetime | None, zone: str) -> str:
    """Return a moment as a field for local date and time holds it; empty for none."""
    return moment.astimezone(zone_of(zone) or UTC).strftime("%Y-%m-%dT%H:%M") if moment else ""


def ago(moment: datetime, now: datetime, words: Catalogue) -> str:
    """Return how far away a moment is: "3 min", "in 2 h", or its date."""
    distance = int((now - moment).total_seconds())
    size = abs(distance)
    if size < MINUTE:
        return words.gettext("now")
    if size >= LONG_AGO:
        return moment.strftime("%Y-%m-%d")
    if size < HOUR:
        text = words.gettext("%(count)s min") % {"count": size // MINUTE}
    elif size < DAY:
        text = words.gettext("%(count)s h") % {"count": size // HOUR}
    else:
        text = words.ngettext("%(count)s day", "%(count)s days", size // DAY) % {"count": size // DAY}
    return text if distance > 0 else words.gettext("in %(time)s") % {"time": text}
